import assert from "node:assert/strict"
import { test } from "node:test"
import { fillCart } from "../src/cart.js"
import { priceList } from "../src/price-list.js"
import { vatByRate, vatIn } from "../src/vat.js"

test("the tax in a price is counted from the gross price", () => {
  assert.equal(vatIn(11_900, 19), 1900)
  assert.equal(vatIn(3990, 19), 637)
})

test("each rate has a row of its own, lowest first", () => {
  const lines = fillCart(priceList, [
    { sku: "storm", quantity: 1 },
    { sku: "oil", quantity: 2 },
    { sku: "book", quantity: 1 },
  ])
  assert.deepEqual(vatByRate(lines), [
    { percent: 7, grossCents: 1800, vatCents: 118 },
    { percent: 19, grossCents: 5490, vatCents: 877 },
  ])
})
