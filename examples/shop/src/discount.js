import { cartTotal } from "./cart.js"
import { allocate } from "./money.js"

/**
 * @typedef {object} Coupon
 * @property {string} code
 * @property {number} percent
 * @property {number} [fromCents] the cart must come to at least this much
 */

/**
 * Takes a coupon off a cart. The discount is spread over the lines by their price, because each line has its own tax rate.
 * A coupon whose threshold is not met changes nothing.
 *
 * @param {import("./cart.js").Line[]} lines
 * @param {Coupon | undefined} coupon
 * @returns {{ lines: import("./cart.js").Line[], discountCents: number }}
 */
export function applyCoupon(lines, coupon) {
  const total = cartTotal(lines)
  if (coupon === undefined || total < (coupon.fromCents ?? 0)) return { lines, discountCents: 0 }
  const discountCents = Math.round((total * coupon.percent) / 100)
  const parts = allocate(
    discountCents,
    lines.map((line) => line.cents),
  )
  return {
    lines: lines.map((line, index) => ({ ...line, cents: line.cents - parts[index] })),
    discountCents,
  }
}
