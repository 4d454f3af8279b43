import assert from "node:assert/strict"
import { test } from "node:test"
import { placeOrder } from "../src/order.js"
import { priceList } from "../src/price-list.js"

test("an order adds goods and parcel, and says when it arrives", () => {
  const order = placeOrder(priceList, [{ sku: "storm", quantity: 2 }], {
    zone: "europe",
    now: new Date("2026-11-16T09:00:00Z"),
  })
  assert.equal(order.totalCents, 7980 + 1390)
  assert.equal(order.arrives, "2026-11-20")
})

test("free delivery looks at the goods after the coupon", () => {
  const wanted = [{ sku: "storm", quantity: 3 }]
  const options = { zone: "home", now: new Date("2026-11-16T09:00:00Z") }
  assert.equal(placeOrder(priceList, wanted, options).parcelCents, 0)
  assert.equal(placeOrder(priceList, wanted, { ...options, coupon: { code: "FRIENDS", percent: 25 } }).parcelCents, 690)
})
