"""Longitudes in one form."""


def wrap(lon):
    """A longitude from -180 up to 180, and not 180 itself.

    >>> wrap(12.5)
    12.5
    >>> wrap(190.5)
    -169.5
    """
    if lon >= 180:
        lon -= 360
    return lon
