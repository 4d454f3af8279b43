import unittest

from stock.labels import label
from stock.units import Quantity


class TestLabel(unittest.TestCase):
    def test_one(self):
        self.assertEqual(label(Quantity(1, "pack")), "1 pack")

    def test_many(self):
        self.assertEqual(label(Quantity(3, "pack")), "3 packs")
