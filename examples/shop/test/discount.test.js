import assert from "node:assert/strict"
import { test } from "node:test"
import { fillCart } from "../src/cart.js"
import { applyCoupon } from "../src/discount.js"
import { priceList } from "../src/price-list.js"

const lines = fillCart(priceList, [
  { sku: "storm", quantity: 1 },
  { sku: "book", quantity: 1 },
])

test("a coupon is spread over the lines by their price", () => {
  const { lines: reduced, discountCents } = applyCoupon(lines, { code: "WINTER", percent: 10 })
  assert.equal(discountCents, 579)
  assert.deepEqual(
    reduced.map((line) => line.cents),
    [3591, 1620],
  )
})

test("below its threshold a coupon changes nothing", () => {
  const result = applyCoupon(lines, { code: "BIG", percent: 20, fromCents: 10_000 })
  assert.equal(result.discountCents, 0)
  assert.equal(result.lines, lines)
})
