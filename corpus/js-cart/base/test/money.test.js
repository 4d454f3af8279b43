import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { allocate, format, roundCents } from "../src/money.js"

describe("roundCents", () => {
  test("rounds half a cent away from zero", () => {
    assert.equal(roundCents(2.5), 3)
    assert.equal(roundCents(-2.5), -3)
  })
})

describe("format", () => {
  test("shows two digits of cents", () => {
    assert.equal(format(1205), "12.05 EUR")
    assert.equal(format(-5), "-0.05 EUR")
  })

  test("takes another currency", () => {
    assert.equal(format(100, "CHF"), "1.00 CHF")
  })
})

describe("allocate", () => {
  test("splits by weight", () => {
    assert.deepEqual(allocate(100, [1, 3]), [25, 75])
  })

  test("loses no cent", () => {
    assert.deepEqual(allocate(100, [1, 1, 1]), [34, 33, 33])
  })

  test("gives nothing where nothing has a weight", () => {
    assert.deepEqual(allocate(100, [0, 0]), [0, 0])
  })

  test("gives nothing to a part without weight", () => {
    assert.deepEqual(allocate(90, [0, 1]), [0, 90])
  })
})
