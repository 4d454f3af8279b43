/** Half a cent goes up, away from zero. */
export function roundCents(value) {
  return Math.sign(value) * Math.round(Math.abs(value))
}

export function format(cents, currency = "EUR") {
  const sign = cents < 0 ? "-" : ""
  const whole = Math.floor(Math.abs(cents) / 100)
  const rest = String(Math.abs(cents) % 100).padStart(2, "0")
  return `${sign}${whole}.${rest} ${currency}`
}

/**
 * Splits an amount of cents by weights. The parts add up to the amount: what is left after rounding down goes to the
 * first parts that have a weight, one cent each.
 */
export function allocate(cents, weights) {
  const sum = weights.reduce((a, b) => a + b, 0)
  if (sum === 0) return weights.map(() => 0)
  return weights.map((weight) => Math.floor((cents * weight) / sum))
}
