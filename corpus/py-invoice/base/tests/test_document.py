from decimal import Decimal

from invoice import Invoice, gross, vat


class TestTotals:
    def test_line_total_is_rounded_up(self, empty_invoice):
        empty_invoice.add("cable, metres", "3", "0.815")
        assert empty_invoice.lines[0].total() == Decimal("2.45")

    def test_total_holds_the_tax(self, empty_invoice):
        empty_invoice.add("chair", "2", "49.90")
        assert empty_invoice.net() == Decimal("99.80")
        assert empty_invoice.total() == Decimal("119.76")

    def test_discount_comes_before_tax(self, empty_invoice):
        empty_invoice.add("desk", "1", "200")
        empty_invoice.discount = Decimal("0.10")
        assert empty_invoice.total() == Decimal("216.00")


def test_an_invoice_without_lines_is_zero(empty_invoice):
    assert empty_invoice.total() == Decimal("0.00")


def test_lines_are_not_shared():
    first, second = Invoice("1", Decimal("0")), Invoice("2", Decimal("0"))
    first.add("pen", "1", "1")
    assert second.lines == []


def test_credit_note():
    invoice = Invoice("3", Decimal("0.20"))
    invoice.add("returned", "-1", "10")
    assert invoice.is_credit_note()


def test_gross_is_net_and_vat():
    assert vat(Decimal("10.00"), Decimal("0.07")) == Decimal("0.70")
    assert gross(Decimal("10.00"), Decimal("0.07")) == Decimal("10.70")
