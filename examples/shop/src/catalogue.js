/**
 * @typedef {object} Product
 * @property {string} sku
 * @property {string} name
 * @property {number} cents price of one, tax included
 * @property {number} grams weight of one, packed
 * @property {number} vatPercent
 */

/**
 * Reads a price list: one product a line, `sku;name;price;grams;vat`, the price written as 39.90.
 * Empty lines and lines that start with `#` are passed over.
 *
 * @param {string} text
 * @returns {Map<string, Product>}
 */
export function readCatalogue(text) {
  const products = new Map()
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue
    const [sku, name, price, grams, vat] = line.split(";").map((cell) => cell.trim())
    const product = { sku, name, cents: readPrice(price), grams: Number(grams), vatPercent: Number(vat) }
    if ([product.cents, product.grams, product.vatPercent].some(Number.isNaN)) {
      throw new Error(`price list, line ${index + 1}: a number is missing in "${line}"`)
    }
    if (products.has(sku)) throw new Error(`price list, line ${index + 1}: ${sku} is there twice`)
    products.set(sku, product)
  }
  return products
}

function readPrice(text = "") {
  const match = /^(\d+)\.(\d\d)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * 100 + Number(match[2])
}
