"use strict"
const test = require("tape")
const { parse, format, RangeError } = require("../src")

test("reads pairs and single numbers", (t) => {
  t.deepEqual(parse("1-3, 7"), [[1, 3], [7, 7]])
  t.deepEqual(parse(""), [])
  t.end()
})

test("refuses what is no range", (t) => {
  t.plan(2)
  t.throws(() => parse("9-3"), RangeError)
  t.throws(() => parse("a-b"), RangeError)
})

test("writes what it reads", async (t) => {
  t.equal(format(parse("4, 12-19")), "4, 12-19")
})
