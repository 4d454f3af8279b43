"""A token bucket."""

import time


class TokenBucket:
    def __init__(self, rate, capacity, clock=time.monotonic):
        if rate <= 0 or capacity <= 0:
            raise ValueError("rate and capacity are positive")
        self.rate = rate
        self.capacity = capacity
        self._clock = clock
        self._tokens = capacity
        self._at = clock()

    def take(self, count=1):
        """Whether there were that many; all or nothing."""
        self._refill()
        if count > self._tokens:
            return False
        self._tokens -= count
        return True

    def wait_for(self, count=1):
        """Seconds until that many are there."""
        self._refill()
        return max(0.0, (count - self._tokens) / self.rate)

    def _refill(self):
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now
