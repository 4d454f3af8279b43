/**
 * The tax that a price contains, rounded to the cent: a gross price is 100 % + the rate.
 *
 * @param {number} grossCents
 * @param {number} percent
 */
export function vatIn(grossCents, percent) {
  return Math.round((grossCents * percent) / (100 + percent))
}

/**
 * The tax of a cart for each rate in it, lowest rate first. It is rounded once for each rate, as the invoice must show it.
 *
 * @param {import("./cart.js").Line[]} lines
 * @returns {{ percent: number, grossCents: number, vatCents: number }[]}
 */
export function vatByRate(lines) {
  const gross = new Map()
  for (const { product, cents } of lines) {
    gross.set(product.vatPercent, (gross.get(product.vatPercent) ?? 0) + cents)
  }
  return [...gross]
    .sort(([a], [b]) => a - b)
    .map(([percent, grossCents]) => ({ percent, grossCents, vatCents: vatIn(grossCents, percent) }))
}
