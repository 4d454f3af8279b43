export function emptyCart() {
  return { lines: [] }
}

/** The cart with so many more of a product; a product has one line. */
export function addItem(cart, product, quantity = 1) {
  if (!Number.isInteger(quantity) || quantity < 1) throw new RangeError("quantity must be a whole number from 1 on")
  const known = cart.lines.find((line) => line.sku === product.sku)
  if (known === undefined) return { lines: [...cart.lines, { ...product, quantity }] }
  return { lines: cart.lines.map((line) => (line === known ? { ...line, quantity: line.quantity + quantity } : line)) }
}

export function removeItem(cart, sku) {
  return { lines: cart.lines.filter((line) => line.sku !== sku) }
}

export function lineTotal(line) {
  return line.price * line.quantity
}

export function subtotal(cart) {
  return cart.lines.reduce((sum, line) => sum + lineTotal(line), 0)
}
