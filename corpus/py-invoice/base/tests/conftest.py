from decimal import Decimal

import pytest

from invoice import Invoice


@pytest.fixture
def empty_invoice():
    return Invoice("2024-001", Decimal("0.20"))
