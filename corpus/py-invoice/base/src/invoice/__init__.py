"""Invoices in exact decimals."""

from invoice.document import Invoice, Line
from invoice.money import round_money, split_evenly
from invoice.tax import gross, vat

__all__ = ["Invoice", "Line", "gross", "round_money", "split_evenly", "vat"]
