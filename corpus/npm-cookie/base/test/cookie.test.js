const assert = require("node:assert/strict")
const { describe, test } = require("node:test")
const cookie = require("..")

describe("parse", () => {
  test("reads pairs", () => {
    assert.deepEqual(cookie.parse("foo=bar; equation=E%3Dmc%5E2"), { foo: "bar", equation: "E=mc^2" })
  })

  test("takes quotes off", () => {
    assert.deepEqual(cookie.parse('a="b c"'), { a: "b c" })
  })

  test("passes over what is no pair", () => {
    assert.deepEqual(cookie.parse("foo; bar=1"), { bar: "1" })
  })

  test("keeps the first of a name", () => {
    assert.deepEqual(cookie.parse("foo=1; foo=2"), { foo: "1" })
  })

  test("keeps the first of a name though it is empty", () => {
    assert.deepEqual(cookie.parse("foo=; foo=2"), { foo: "" })
  })

  test("knows names that every object has", () => {
    assert.deepEqual({ ...cookie.parse("toString=1; valueOf=2") }, { toString: "1", valueOf: "2" })
  })

  test("leaves what cannot be decoded", () => {
    assert.deepEqual(cookie.parse("a=%1"), { a: "%1" })
  })
})

describe("serialize", () => {
  test("encodes", () => {
    assert.equal(cookie.serialize("foo", "bar baz"), "foo=bar%20baz")
  })

  test("writes attributes", () => {
    assert.equal(cookie.serialize("a", "b", { path: "/", maxAge: 10, httpOnly: true, sameSite: "lax" }), "a=b; Max-Age=10; Path=/; HttpOnly; SameSite=Lax")
  })

  test("refuses names that would break the header", () => {
    assert.throws(() => cookie.serialize("a;b", "c"), TypeError)
  })
})
