def label(quantity):
    plural = "" if quantity.amount == 1 else "s"
    return f"{quantity.amount} {quantity.unit}{plural}"
