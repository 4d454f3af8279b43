class Quantity:
    def __init__(self, amount, unit):
        self.amount = amount
        self.unit = unit

    def __eq__(self, other):
        if not isinstance(other, Quantity):
            return NotImplemented
        return (self.amount, self.unit) == (other.amount, other.unit)

    def __hash__(self):
        return hash((self.amount, self.unit))

    def __repr__(self):
        return f"Quantity({self.amount}, {self.unit!r})"
