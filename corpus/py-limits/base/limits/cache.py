"""A cache of limited size, with an optional time to live."""

import time
from collections import OrderedDict


class LRUCache:
    """Forgets the entry that was neither read nor written for the longest time."""

    def __init__(self, capacity, ttl=None, clock=time.monotonic):
        if capacity < 1:
            raise ValueError("a cache holds at least one entry")
        self.capacity = capacity
        self.ttl = ttl
        self._clock = clock
        self._entries = OrderedDict()
        self.hits = 0
        self.misses = 0

    def get(self, key, default=None):
        entry = self._entries.get(key)
        if entry is None or self._is_stale(entry):
            self._entries.pop(key, None)
            self.misses += 1
            return default
        self.hits += 1
        return entry[0]

    def put(self, key, value):
        self._entries[key] = (value, self._clock())
        self._entries.move_to_end(key)
        while len(self._entries) > self.capacity:
            self._entries.popitem(last=False)

    def forget(self, key):
        del self._entries[key]

    def keys(self):
        """From the one that goes next to the one that goes last."""
        return list(self._entries)

    def __contains__(self, key):
        return key in self._entries and not self._is_stale(self._entries[key])

    def __len__(self):
        return len(self._entries)

    def _is_stale(self, entry):
        return self.ttl is not None and self._clock() - entry[1] >= self.ttl
