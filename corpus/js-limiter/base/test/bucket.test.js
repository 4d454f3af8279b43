const { newBucket, refilled, take, waitFor } = require("../src/bucket")

const five = newBucket({ capacity: 5, perSecond: 2 }, 0)

test("begins full", () => {
  expect(five.tokens).toBe(5)
})

test("gives tokens until there are none", () => {
  const { taken, bucket } = take(five, 0, 5)
  expect(taken).toBe(true)
  expect(take(bucket, 0).taken).toBe(false)
})

test("fills with time, parts of a token too", () => {
  const { bucket } = take(five, 0, 5)
  expect(refilled(bucket, 750).tokens).toBe(1.5)
})

test("never holds more than its capacity", () => {
  const { bucket } = take(five, 0, 2)
  expect(refilled(bucket, 60_000).tokens).toBe(5)
})

test("says how long to wait", () => {
  const { bucket } = take(five, 0, 5)
  expect(waitFor(bucket, 0)).toBe(500)
  expect(waitFor(five, 0)).toBe(0)
})

test("stands still when the clock goes back", () => {
  const { bucket } = take(five, 1000, 1)
  expect(refilled(bucket, 0)).toEqual(bucket)
})

test("leaves the bucket it was given as it was", () => {
  take(five, 0, 3)
  expect(five).toEqual({ capacity: 5, perSecond: 2, tokens: 5, at: 0 })
})
