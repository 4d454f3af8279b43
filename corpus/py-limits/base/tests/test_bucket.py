import unittest

from limits import TokenBucket


class TokenBucketTest(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        self.bucket = TokenBucket(rate=2, capacity=4, clock=lambda: self.now)

    def test_starts_full(self):
        self.assertTrue(self.bucket.take(4))
        self.assertFalse(self.bucket.take())

    def test_refills_with_time(self):
        self.bucket.take(4)
        self.now = 1.0
        self.assertTrue(self.bucket.take(2))
        self.assertFalse(self.bucket.take())

    def test_says_how_long_to_wait(self):
        self.bucket.take(4)
        self.assertEqual(self.bucket.wait_for(2), 1.0)
