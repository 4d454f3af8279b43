import assert from "node:assert/strict"
import { test } from "node:test"
import { cartTotal, cartWeight, fillCart } from "../src/cart.js"
import { priceList } from "../src/price-list.js"

test("the same product asked for twice is one line", () => {
  const lines = fillCart(priceList, [
    { sku: "oil", quantity: 1 },
    { sku: "oil", quantity: 2 },
  ])
  assert.equal(lines.length, 1)
  assert.equal(lines[0].quantity, 3)
})

test("a cart knows its price and its weight", () => {
  const lines = fillCart(priceList, [
    { sku: "storm", quantity: 2 },
    { sku: "book", quantity: 1 },
  ])
  assert.equal(cartTotal(lines), 9780)
  assert.equal(cartWeight(lines), 2400)
})

test("nothing can be ordered in halves", () => {
  assert.throws(() => fillCart(priceList, [{ sku: "oil", quantity: 0.5 }]), /0.5 is not a quantity/)
})
