"""Value-added tax."""

from decimal import Decimal

from invoice.money import round_money


def vat(net: Decimal, rate: Decimal) -> Decimal:
    """The tax on a net amount, rounded once."""
    return round_money(net * rate)


def gross(net: Decimal, rate: Decimal) -> Decimal:
    return net + vat(net, rate)
