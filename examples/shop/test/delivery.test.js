import assert from "node:assert/strict"
import { test } from "node:test"
import { arrivalDay } from "../src/delivery.js"

// 16 November 2026 is a Monday.
const monday = "2026-11-16"
const thursday = "2026-11-19"

test("an order at home arrives two working days later", () => {
  assert.equal(arrivalDay(new Date(`${monday}T09:00:00Z`), "home"), "2026-11-18")
})

test("an order after the cut-off is packed on the next day", () => {
  assert.equal(arrivalDay(new Date(`${monday}T14:00:00Z`), "home"), "2026-11-19")
})

test("a weekend on the way does not count as working days", () => {
  const day = arrivalDay(new Date(`${thursday}T09:00:00Z`), "europe")
  assert.equal(day, "2026-11-25", `four working days from Thursday the 19th came out as ${day}`)
})

test("nothing arrives on a Saturday", () => {
  assert.equal(new Date(arrivalDay(new Date(`${thursday}T09:00:00Z`), "home")).getUTCDay(), 1)
})
