const assert = require("node:assert/strict")
const { describe, test } = require("node:test")
const semver = require("..")

describe("compare", () => {
  test("by major, minor and patch", () => {
    assert.equal(semver.compare("1.2.3", "1.10.0"), -1)
    assert.equal(semver.compare("2.0.0", "1.99.99"), 1)
    assert.equal(semver.compare("1.2.3", "1.2.3"), 0)
  })

  test("a prerelease comes before its release", () => {
    assert.equal(semver.compare("1.0.0-alpha", "1.0.0"), -1)
  })

  test("numbers in prereleases by their value", () => {
    assert.equal(semver.compare("1.0.0-beta.2", "1.0.0-beta.11"), -1)
    assert.equal(semver.compare("1.0.0-10", "1.0.0-9"), 1)
  })

  test("words in prereleases by their letters", () => {
    assert.equal(semver.compare("1.0.0-alpha", "1.0.0-beta"), -1)
    assert.equal(semver.compare("1.0.0-rc", "1.0.0-beta"), 1)
  })

  test("numbers before words", () => {
    assert.equal(semver.compare("1.0.0-1", "1.0.0-alpha"), -1)
    assert.equal(semver.compare("1.0.0-a.99", "1.0.0-a.b"), -1)
  })

  test("fewer parts before more", () => {
    assert.equal(semver.compare("1.0.0-alpha", "1.0.0-alpha.1"), -1)
  })
})

describe("identifiers", () => {
  test("may be compared by themselves", () => {
    assert.equal(semver.compareIdentifiers("2", "11"), -1)
    assert.equal(semver.rcompareIdentifiers("2", "11"), 1)
  })

  test("words compared with themselves are equal", () => {
    assert.equal(semver.compareIdentifiers("x", "x"), 0)
    assert.equal(semver.compareIdentifiers("2a", "11a"), 1)
  })
})

test("sorts", () => {
  assert.deepEqual(semver.sort(["1.0.0", "1.0.0-rc.10", "1.0.0-rc.9"]), ["1.0.0-rc.9", "1.0.0-rc.10", "1.0.0"])
})

test("satisfies ranges", () => {
  assert.equal(semver.satisfies("1.4.0", "^1.2.0"), true)
  assert.equal(semver.satisfies("2.0.0", "^1.2.0 || >=3"), false)
})

test("increments", () => {
  assert.equal(semver.inc("1.2.3", "minor"), "1.3.0")
  assert.equal(semver.inc("1.2.3-beta.9", "prerelease"), "1.2.3-beta.10")
})
