"use strict"
const { expect } = require("chai")
const { parse } = require("../src/parse")
const { stringify } = require("../src/stringify")

describe("stringify", () => {
  it("writes plain fields as they are", () => {
    expect(stringify([["a", 1, null]])).to.equal("a,1,\n")
  })

  it("quotes what needs it", () => {
    expect(stringify([["a,b", 'c"d', " e"]])).to.equal('"a,b","c""d"," e"\n')
  })

  it("takes another line end", () => {
    expect(stringify([["a"], ["b"]], { newline: "\r\n" })).to.equal("a\r\nb\r\n")
  })

  it("writes what parse reads back", () => {
    const rows = [['6" pipe', "a,b"], ["two\nlines", ""]]
    expect(parse(stringify(rows))).to.deep.equal(rows)
  })
})
