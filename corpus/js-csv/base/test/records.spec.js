"use strict"
const { expect } = require("chai")
const { records } = require("../src")

describe("records", () => {
  it("names fields by the first row", () => {
    expect(records("id,name\n1,Ada\n2,Ben\n")).to.deep.equal([{ id: "1", name: "Ada" }, { id: "2", name: "Ben" }])
  })

  it("leaves out what a short row lacks", () => {
    expect(records("id,name\n1\n")).to.deep.equal([{ id: "1" }])
  })

  it("refuses a row that is too long", () => {
    expect(() => records("id\n1,2\n")).to.throw(RangeError, "row 2")
  })
})
