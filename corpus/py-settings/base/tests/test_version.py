import pytest

from settings import compare


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [("1.2", "1.10", -1), ("2.0", "2", 0), ("v1.0.1", "1.0", 1)],
)
def test_versions_compare_by_number(left, right, expected):
    assert compare(left, right) == expected
