import { lineTotal, subtotal } from "./cart.js"
import { couponByLine } from "./coupon.js"
import { roundCents } from "./money.js"
import { shipping } from "./shipping.js"

const NO_COUPON = { amount: 0 }

/** What an order costs, with the tax that is in it. */
export function checkout(cart, { coupon = NO_COUPON, taxPercent = 19 } = {}) {
  const discounts = couponByLine(cart, coupon)
  const lines = cart.lines.map((line, index) => ({ sku: line.sku, due: lineTotal(line) - discounts[index] }))
  const goods = lines.reduce((sum, line) => sum + line.due, 0)
  const grams = cart.lines.reduce((sum, line) => sum + (line.grams ?? 0) * line.quantity, 0)
  const freight = shipping(subtotal(cart), grams)
  const total = goods + freight
  return { lines, goods, shipping: freight, total, tax: roundCents(total - (total * 100) / (100 + taxPercent)) }
}
