"use strict"
const test = require("tape")
const { merge, count } = require("../src")

test("pairs that overlap are one", (t) => {
  t.deepEqual(merge([[1, 4], [3, 8]]), [[1, 8]])
  t.end()
})

test("pairs apart stay apart, in order", (t) => {
  t.deepEqual(merge([[20, 24], [1, 4]]), [[1, 4], [20, 24]])
  t.end()
})

test("a pair within another is swallowed", (t) => {
  t.deepEqual(merge([[2, 30], [5, 9]]), [[2, 30]])
  t.deepEqual(merge([[10, 18], [4, 16], [12, 13]]), [[4, 18]])
  t.end()
})

test("what is given is left as it was", (t) => {
  const given = [[3, 8], [1, 4]]
  merge(given)
  t.deepEqual(given, [[3, 8], [1, 4]])
  t.end()
})

test("counts each number once", (t) => {
  t.equal(count([[1, 10], [21, 25]]), 15)
  t.equal(count([]), 0)
  t.end()
})
