import { cartTotal, cartWeight, fillCart } from "./cart.js"
import { arrivalDay } from "./delivery.js"
import { applyCoupon } from "./discount.js"
import { parcelCents } from "./shipping.js"
import { vatByRate } from "./vat.js"

/**
 * @typedef {object} Order
 * @property {import("./cart.js").Line[]} lines with the discount taken off
 * @property {number} discountCents
 * @property {number} parcelCents
 * @property {number} totalCents
 * @property {{ percent: number, grossCents: number, vatCents: number }[]} vat
 * @property {string} arrives as 2026-11-24
 */

/**
 * Everything that follows from what a customer wants, where it goes and when it was ordered.
 *
 * @param {Map<string, import("./catalogue.js").Product>} catalogue
 * @param {{ sku: string, quantity: number }[]} wanted
 * @param {{ zone: "home" | "europe", now: Date, coupon?: import("./discount.js").Coupon }} options
 * @returns {Order}
 */
export function placeOrder(catalogue, wanted, { zone, now, coupon }) {
  const { lines, discountCents } = applyCoupon(fillCart(catalogue, wanted), coupon)
  const goods = cartTotal(lines)
  const parcel = parcelCents(zone, cartWeight(lines), goods)
  return {
    lines,
    discountCents,
    parcelCents: parcel,
    totalCents: goods + parcel,
    vat: vatByRate(lines),
    arrives: arrivalDay(now, zone),
  }
}
