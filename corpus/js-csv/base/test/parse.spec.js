"use strict"
const { expect } = require("chai")
const { CsvError, parse } = require("../src/parse")

describe("parse", () => {
  it("reads rows of fields", () => {
    expect(parse("a,b\nc,d\n")).to.deep.equal([["a", "b"], ["c", "d"]])
  })

  it("needs no line end at the end", () => {
    expect(parse("a,b")).to.deep.equal([["a", "b"]])
  })

  it("keeps empty fields", () => {
    expect(parse(",a,\n")).to.deep.equal([["", "a", ""]])
  })

  it("reads line ends of Windows", () => {
    expect(parse("a\r\nb\r\n")).to.deep.equal([["a"], ["b"]])
  })

  it("takes another delimiter", () => {
    expect(parse("a;b,c\n", { delimiter: ";" })).to.deep.equal([["a", "b,c"]])
  })

  it("keeps delimiters and line ends in quotes", () => {
    expect(parse('"a,b","c\nd"\n')).to.deep.equal([["a,b", "c\nd"]])
  })

  it("reads a doubled quote as one", () => {
    expect(parse('"say ""hi""",b\n')).to.deep.equal([['say "hi"', "b"]])
  })

  it("says in which line a quote is never closed", () => {
    expect(() => parse('a\n"b\n')).to.throw(CsvError, "line 3").with.property("line", 3)
  })
})
