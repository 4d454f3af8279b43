"""Longitudes as people read them."""


def label(lon):
    return f"{abs(lon)}° {'W' if lon < 0 else 'E'}"
