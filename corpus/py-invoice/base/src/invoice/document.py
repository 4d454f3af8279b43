"""The invoice itself."""

from dataclasses import dataclass, field
from decimal import Decimal

from invoice.money import round_money
from invoice.tax import vat


@dataclass
class Line:
    text: str
    quantity: Decimal
    unit_price: Decimal

    def total(self) -> Decimal:
        return round_money(self.quantity * self.unit_price)


@dataclass
class Invoice:
    number: str
    rate: Decimal
    lines: list[Line] = field(default_factory=list)
    discount: Decimal = Decimal("0")

    def add(self, text: str, quantity: str, unit_price: str) -> None:
        self.lines.append(Line(text, Decimal(quantity), Decimal(unit_price)))

    def net(self) -> Decimal:
        total = sum((line.total() for line in self.lines), Decimal("0"))
        return round_money(total * (1 - self.discount))

    def total(self) -> Decimal:
        return self.net() + vat(self.net(), self.rate)

    def is_credit_note(self) -> bool:
        return self.net() < 0
