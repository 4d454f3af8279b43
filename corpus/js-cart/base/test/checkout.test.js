import assert from "node:assert/strict"
import test from "node:test"
import { addItem, emptyCart } from "../src/cart.js"
import { checkout } from "../src/checkout.js"
import { couponByLine, couponValue } from "../src/coupon.js"

const cup = { sku: "cup", price: 1000, grams: 300 }
const jar = { sku: "jar", price: 1000, grams: 400 }
const tin = { sku: "tin", price: 1000, grams: 200 }
const three = [cup, jar, tin].reduce((cart, product) => addItem(cart, product), emptyCart())

test("a percentage is rounded once, on the whole cart", () => {
  assert.equal(couponValue(three, { percent: 33 }), 990)
})

test("a coupon has a minimum", () => {
  assert.equal(couponValue(three, { amount: 500, minimum: 3001 }), 0)
  assert.equal(couponValue(three, { amount: 500, minimum: 3000 }), 500)
})

test("a coupon never takes more than the cart is worth", () => {
  assert.equal(couponValue(three, { amount: 9000 }), 3000)
})

test("what a coupon takes off the lines adds up to its value", () => {
  const parts = couponByLine(three, { amount: 1000 })
  assert.equal(parts.reduce((a, b) => a + b, 0), 1000)
})

test("an order without a coupon costs its goods and the parcel", () => {
  const order = checkout(three)
  assert.equal(order.goods, 3000)
  assert.equal(order.shipping, 490)
  assert.equal(order.total, 3490)
  assert.equal(order.tax, 557)
})

test("a parcel is free from 50.00 on", () => {
  assert.equal(checkout(addItem(three, cup, 2)).shipping, 0)
})
