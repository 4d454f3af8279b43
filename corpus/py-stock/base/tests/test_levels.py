import unittest

from stock.levels import packs, reorder
from stock.units import Quantity


class TestPacks(unittest.TestCase):
    def test_full_packs(self):
        self.assertEqual(packs(12, 6), 2)

    def test_a_started_pack_is_a_pack(self):
        self.assertEqual(packs(13, 6), 3)
        self.assertEqual(packs(1, 6), 1)

    def test_nothing_needed(self):
        self.assertEqual(packs(0, 6), 0)

    def test_a_pack_holds_something(self):
        with self.assertRaises(ValueError):
            packs(3, 0)


class TestReorder(unittest.TestCase):
    def test_up_to_the_minimum(self):
        self.assertEqual(reorder(2, 10, 5), Quantity(2, "pack"))

    def test_enough_is_there(self):
        self.assertEqual(reorder(20, 10, 5), Quantity(0, "pack"))


if __name__ == "__main__":
    unittest.main()
