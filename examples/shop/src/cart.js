/**
 * @typedef {object} Line
 * @property {import("./catalogue.js").Product} product
 * @property {number} quantity
 * @property {number} cents price of the whole line, tax included
 */

/**
 * Turns what a customer asked for into lines. The same product asked for twice is one line.
 *
 * @param {Map<string, import("./catalogue.js").Product>} catalogue
 * @param {{ sku: string, quantity: number }[]} wanted
 * @returns {Line[]}
 */
export function fillCart(catalogue, wanted) {
  const quantities = new Map()
  for (const { sku, quantity } of wanted) {
    if (!Number.isInteger(quantity) || quantity < 1) throw new Error(`${sku}: ${quantity} is not a quantity`)
    quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  }
  return [...quantities].map(([sku, quantity]) => {
    const product = catalogue.get(sku)
    if (product === undefined) throw new Error(`no product has the sku ${sku}`)
    return { product, quantity, cents: product.cents * quantity }
  })
}

/** @param {Line[]} lines */
export function cartTotal(lines) {
  return lines.reduce((sum, line) => sum + line.cents, 0)
}

/** @param {Line[]} lines */
export function cartWeight(lines) {
  return lines.reduce((sum, line) => sum + line.product.grams * line.quantity, 0)
}
