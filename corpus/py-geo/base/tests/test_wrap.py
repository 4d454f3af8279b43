import pytest

from geo.wrap import wrap


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (12.5, 12.5),
        (-12.5, -12.5),
        (190.25, -169.75),
    ],
)
def test_once_around(given, wanted):
    assert wrap(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (541.25, -178.75),
        (-541.5, 178.5),
    ],
)
def test_far_around(given, wanted):
    assert wrap(given) == wanted
