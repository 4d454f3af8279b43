import assert from "node:assert/strict"
import { test } from "node:test"
import { parcelCents } from "../src/shipping.js"

test("a heavier parcel costs more", () => {
  assert.equal(parcelCents("home", 900, 3990), 490)
  assert.equal(parcelCents("home", 3_000, 3990), 690)
  assert.equal(parcelCents("europe", 3_000, 3990), 1_690)
})

test("a parcel of exactly 2 kg still pays the 2 kg rate", () => {
  const cents = parcelCents("home", 2_000, 1500)
  assert.equal(cents, 490, `it costs ${cents} cents`)
})

test("from 99 € on a parcel at home is free, abroad it is not", () => {
  assert.equal(parcelCents("home", 3_000, 9_900), 0)
  assert.equal(parcelCents("europe", 3_000, 9_900), 1_690)
})

test("what no carrier takes is refused", () => {
  assert.throws(() => parcelCents("home", 40_000, 9_900), /too heavy/)
})
