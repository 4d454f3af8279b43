const { Limiter, TooMany } = require("../src/limiter")

let now
let limiter
beforeEach(() => {
  now = 1_000_000
  limiter = new Limiter({ capacity: 3, perSecond: 1 }, () => now)
})

const useUp = (key) => {
  let count = 0
  for (; count < 100; count++) {
    try {
      limiter.use(key)
    } catch {
      break
    }
  }
  return count
}

test("allows a burst of its capacity", () => {
  expect(useUp("a")).toBe(3)
})

test("says when to come back", () => {
  useUp("a")
  expect(() => limiter.use("a")).toThrow(TooMany)
  expect(() => limiter.use("a")).toThrow(expect.objectContaining({ retryAfterMs: 1000 }))
})

test("limits each key by itself", () => {
  useUp("a")
  expect(useUp("b")).toBe(3)
})

test("a quiet hour allows no more than a burst", () => {
  useUp("a")
  now += 3_600_000
  expect(useUp("a")).toBe(3)
})

test("knows what remains", () => {
  limiter.use("a")
  expect(limiter.remaining("a")).toBe(2)
  expect(limiter.remaining("b")).toBe(3)
})

test("forgets keys that are full again, and no others", () => {
  limiter.use("a")
  useUp("b")
  now += 1_000
  expect(limiter.sweep()).toBe(1)
  expect(limiter.remaining("b")).toBe(1)
})

test("refuses options that allow nothing", () => {
  expect(() => new Limiter({ capacity: 0, perSecond: 1 })).toThrow(RangeError)
})
