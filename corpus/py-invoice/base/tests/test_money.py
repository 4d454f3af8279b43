from decimal import Decimal

import pytest

from invoice.money import parse_amount, round_money, split_evenly


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("2.344", "2.34"), ("2.346", "2.35"), ("2.355", "2.36"), ("0", "0.00")],
)
def test_rounds_to_cents(amount, expected):
    assert round_money(Decimal(amount)) == Decimal(expected)


def test_rounds_half_a_cent_up():
    assert round_money(Decimal("2.345")) == Decimal("2.35")
    assert round_money(Decimal("0.125")) == Decimal("0.13")


def test_split_adds_up():
    parts = split_evenly(Decimal("10.00"), 3)
    assert parts == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
    assert sum(parts) == Decimal("10.00")


def test_split_into_no_parts():
    with pytest.raises(ValueError):
        split_evenly(Decimal("1"), 0)


def test_parses_thousands():
    assert parse_amount("1,234.50") == Decimal("1234.50")


def test_refuses_what_is_no_amount():
    with pytest.raises(ValueError):
        parse_amount("twelve")
