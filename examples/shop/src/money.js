/**
 * Splits an amount in proportion to the weights, in whole cents.
 *
 * @param {number} cents
 * @param {number[]} weights
 * @returns {number[]} one share for each weight
 */
export function allocate(cents, weights) {
  const sum = weights.reduce((a, b) => a + b, 0)
  if (sum === 0) return weights.map(() => 0)
  const shares = weights.map((weight) => Math.floor((cents * weight) / sum))
  return shares
}

/**
 * Writes an amount for people: 1234567 is "12,345.67 €".
 *
 * @param {number} cents
 */
export function formatCents(cents) {
  const sign = cents < 0 ? "-" : ""
  const euros = Math.floor(Math.abs(cents) / 100)
  const rest = String(Math.abs(cents) % 100).padStart(2, "0")
  return `${sign}${String(euros).replace(/\B(?=(\d{3})+$)/g, ",")}.${rest} €`
}
