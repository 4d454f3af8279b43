const assert = require("node:assert/strict")
const { describe, test } = require("node:test")
const ms = require("..")

describe("parses", () => {
  test("units", () => {
    assert.equal(ms("2 days"), 172800000)
    assert.equal(ms("1d"), 86400000)
    assert.equal(ms("10h"), 36000000)
    assert.equal(ms("2.5 hrs"), 9000000)
    assert.equal(ms("1m"), 60000)
    assert.equal(ms("5s"), 5000)
    assert.equal(ms("100"), 100)
    assert.equal(ms("-3 min"), -180000)
  })

  test("nothing of what is no duration", () => {
    assert.equal(ms("ten apples"), undefined)
  })

  test("refuses what is neither text nor a number", () => {
    assert.throws(() => ms(""), /non-empty string/)
    assert.throws(() => ms(Number.NaN))
  })
})

describe("writes", () => {
  test("the short form", () => {
    assert.equal(ms(500), "500ms")
    assert.equal(ms(60000), "1m")
    assert.equal(ms(2 * 60000), "2m")
    assert.equal(ms(-3 * 60000), "-3m")
    assert.equal(ms(ms("10 hours")), "10h")
  })

  test("many in the plural", () => {
    assert.equal(ms(2 * 60000, { long: true }), "2 minutes")
    assert.equal(ms(-10 * 3600000, { long: true }), "-10 hours")
    assert.equal(ms(400, { long: true }), "400 ms")
    assert.equal(ms(90000, { long: true }), "2 minutes")
  })

  test("one in the singular", () => {
    for (const [value, words] of [[1000, "1 second"], [60000, "1 minute"], [3600000, "1 hour"], [-86400000, "-1 day"]]) {
      assert.equal(ms(value, { long: true }), words)
    }
  })

  test("what rounds to one in the singular", () => {
    assert.equal(ms(1200, { long: true }), "1 second")
    assert.equal(ms(80000, { long: true }), "1 minute")
  })
})
