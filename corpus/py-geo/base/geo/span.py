"""Ways between longitudes."""

from geo.wrap import wrap


def span(start, end):
    """How far it is eastwards from one longitude to another.

    >>> span(10, 30.5)
    20.5
    """
    return (wrap(end) - wrap(start)) % 360
