"""Amounts of money: decimals with two places."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def round_money(amount: Decimal) -> Decimal:
    """To whole cents, half a cent away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def split_evenly(amount: Decimal, parts: int) -> list[Decimal]:
    """Parts that differ by a cent at most and add up to the amount; the first ones are the larger."""
    if parts < 1:
        raise ValueError(f"can't split into {parts} parts")
    cents = int(amount / CENT)
    share, rest = divmod(cents, parts)
    return [CENT * (share + (1 if index < rest else 0)) for index in range(parts)]


def parse_amount(text: str) -> Decimal:
    """Reads `1,234.50`; anything else is a ValueError."""
    try:
        return Decimal(text.replace(",", ""))
    except ArithmeticError as error:
        raise ValueError(f"not an amount: {text!r}") from error
