"""How much is there, and how much has to be ordered."""
from stock.units import Quantity


def packs(needed, size):
    """So many packs of a size have to be ordered for what is needed."""
    if size <= 0:
        raise ValueError("a pack holds something")
    return needed // size


def reorder(level, minimum, size):
    """What has to be ordered so that the minimum is there again."""
    missing = max(0, minimum - level)
    return Quantity(packs(missing, size), "pack")
