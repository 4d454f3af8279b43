import assert from "node:assert/strict"
import test from "node:test"
import { addItem, emptyCart, removeItem, subtotal } from "../src/cart.js"

const tea = { sku: "tea", price: 450, grams: 100 }
const pot = { sku: "pot", price: 2999, grams: 1200 }

test("adds a product as a line", () => {
  assert.deepEqual(addItem(emptyCart(), tea).lines, [{ ...tea, quantity: 1 }])
})

test("adds to the line of the same product", () => {
  assert.equal(addItem(addItem(emptyCart(), tea), tea, 2).lines[0].quantity, 3)
})

test("refuses a quantity that is no whole number from 1 on", () => {
  assert.throws(() => addItem(emptyCart(), tea, 0), RangeError)
  assert.throws(() => addItem(emptyCart(), tea, 1.5), RangeError)
})

test("leaves the cart it was given as it was", () => {
  const cart = emptyCart()
  addItem(cart, tea)
  assert.deepEqual(cart, { lines: [] })
})

test("removes a line", () => {
  assert.deepEqual(removeItem(addItem(emptyCart(), tea), "tea"), { lines: [] })
})

test("sums its lines", () => {
  assert.equal(subtotal(addItem(addItem(emptyCart(), tea, 2), pot)), 3899)
})
