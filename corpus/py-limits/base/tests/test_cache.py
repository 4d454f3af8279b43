import unittest

from limits import LRUCache


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class LRUCacheTest(unittest.TestCase):
    def test_returns_what_was_put(self):
        cache = LRUCache(2)
        cache.put("a", 1)
        self.assertEqual(cache.get("a"), 1)
        self.assertIsNone(cache.get("b"))

    def test_reading_keeps_an_entry(self):
        cache = LRUCache(2)
        cache.put("a", 1)
        cache.put("b", 2)
        self.assertEqual(cache.get("a"), 1)
        cache.put("c", 3)
        self.assertIn("a", cache)
        self.assertNotIn("b", cache)

    def test_forgets_the_oldest(self):
        cache = LRUCache(2)
        for key in "abc":
            cache.put(key, key.upper())
        self.assertEqual(cache.keys(), ["b", "c"])

    def test_counts_hits_and_misses(self):
        cache = LRUCache(1)
        cache.put("a", 1)
        cache.get("a")
        cache.get("b")
        self.assertEqual((cache.hits, cache.misses), (1, 1))

    def test_entries_end_with_their_time(self):
        clock = Clock()
        cache = LRUCache(2, ttl=10, clock=clock)
        cache.put("a", 1)
        clock.now = 9
        self.assertEqual(cache.get("a"), 1)
        clock.now = 10
        self.assertIsNone(cache.get("a"))
        self.assertEqual(len(cache), 0)

    def test_needs_room(self):
        with self.assertRaises(ValueError):
            LRUCache(0)

    def test_forgetting_what_is_not_there(self):
        with self.assertRaises(KeyError):
            LRUCache(1).forget("a")


if __name__ == "__main__":
    unittest.main()
