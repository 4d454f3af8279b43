import { lineTotal, subtotal } from "./cart.js"
import { allocate, roundCents } from "./money.js"

/** What a coupon takes off a cart, in cents: never more than the cart is worth. */
export function couponValue(cart, coupon) {
  const worth = subtotal(cart)
  if (coupon.minimum !== undefined && worth < coupon.minimum) return 0
  if (coupon.percent !== undefined) return roundCents((worth * coupon.percent) / 100)
  return Math.min(coupon.amount, worth)
}

/** The same by line, so that each line can be returned by itself. */
export function couponByLine(cart, coupon) {
  return allocate(couponValue(cart, coupon), cart.lines.map(lineTotal))
}
