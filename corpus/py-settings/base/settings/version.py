"""Versions of numbers and dots."""


def compare(left, right):
    """-1, 0 or 1; missing parts are 0."""
    a, b = _parts(left), _parts(right)
    length = max(len(a), len(b))
    a += [0] * (length - len(a))
    b += [0] * (length - len(b))
    return (a > b) - (a < b)


def _parts(version):
    return [int(part) for part in version.lstrip("v").split(".")]
