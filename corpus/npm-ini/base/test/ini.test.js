const assert = require("node:assert/strict")
const { describe, test } = require("node:test")
const ini = require("..")

const back = (value) => JSON.parse(JSON.stringify(ini.parse(ini.stringify(value, { platform: "linux" }))))

describe("parse", () => {
  test("reads sections and arrays", () => {
    const read = ini.parse("a=1\n[s]\nb[]=x\nb[]=y\n[s.t]\nc=true\n")
    assert.deepEqual(JSON.parse(JSON.stringify(read)), { a: "1", s: { b: ["x", "y"], t: { c: true } } })
  })

  test("passes over comments", () => {
    assert.deepEqual(Object.keys(ini.parse("; a=1\n# b=2\nc=3 ; and so on\n")), ["c"])
    assert.equal(ini.parse("c=3 # and so on\n").c, "3")
  })

  test("lets nobody into the prototype", () => {
    assert.equal(ini.parse("[__proto__]\npolluted=1\n").polluted, undefined)
    assert.equal({}.polluted, undefined)
  })
})

describe("stringify", () => {
  test("writes sections", () => {
    assert.equal(ini.stringify({ a: 1, s: { b: "x" } }, { platform: "linux" }), "a=1\n\n[s]\nb=x\n")
  })

  test("escapes semicolons", () => {
    assert.equal(ini.safe("a;b"), "a\\;b")
    assert.deepEqual(back({ a: "x;y" }), { a: "x;y" })
  })

  test("keeps hashes", () => {
    assert.deepEqual(back({ colour: "#ff0000", issue: "see #12; and #13" }), { colour: "#ff0000", issue: "see #12; and #13" })
  })

  test("keeps hashes in keys", () => {
    assert.deepEqual(back({ "a#b": "1" }), { "a#b": "1" })
  })

  test("quotes blanks and equal signs", () => {
    assert.equal(ini.safe(" a"), '" a"')
    assert.deepEqual(back({ a: "b=c" }), { a: "b=c" })
  })
})
