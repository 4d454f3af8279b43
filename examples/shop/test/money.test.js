import assert from "node:assert/strict"
import { test } from "node:test"
import { allocate, formatCents } from "../src/money.js"

test("an amount is split in proportion", () => {
  assert.deepEqual(allocate(900, [1, 2]), [300, 600])
})

test("no cent is lost when an amount does not divide", () => {
  const shares = allocate(1000, [1, 1, 1])
  assert.deepEqual(shares, [334, 333, 333], `1000 became ${shares.join(" + ")}`)
})

test("what has no weight gets no share", () => {
  const [gift] = allocate(1000, [0, 1, 2])
  assert.equal(gift, 0, `a gift was given ${gift} cents of the discount`)
})

test("without any weight there is nothing to share", () => {
  assert.deepEqual(allocate(1000, [0, 0]), [0, 0])
})

test("amounts are written for people", () => {
  assert.equal(formatCents(5), "0.05 €")
  assert.equal(formatCents(-4990), "-49.90 €")
  assert.equal(formatCents(123456789), "1,234,567.89 €")
})
