const assert = require("node:assert/strict")
const { describe, test } = require("node:test")
const Negotiator = require("..")

const asked = (headers) => new Negotiator({ headers })

describe("languages", () => {
  test("come in the order of their weight", () => {
    assert.deepEqual(asked({ "accept-language": "en;q=0.8, es, de;q=0.9" }).languages(), ["es", "de", "en"])
  })

  test("are chosen from what is offered", () => {
    assert.equal(asked({ "accept-language": "en;q=0.8, fr;q=0.25" }).language(["fr", "en"]), "en")
    assert.equal(asked({ "accept-language": "nl" }).language(["fr", "en"]), undefined)
  })

  test("of small differences in weight", () => {
    assert.deepEqual(asked({ "accept-language": "a;q=0.85, b;q=0.86" }).languages(), ["b", "a"])
  })

  test("of weight nothing are refused", () => {
    assert.deepEqual(asked({ "accept-language": "en;q=0, de" }).languages(["en", "de"]), ["de"])
  })

  test("match by their prefix", () => {
    assert.equal(asked({ "accept-language": "en" }).language(["de", "en-US"]), "en-US")
  })

  test("are all there without a header", () => {
    assert.deepEqual(asked({}).languages(["en", "de"]), ["en", "de"])
  })
})

describe("others", () => {
  test("media types by weight", () => {
    assert.deepEqual(asked({ accept: "text/*;q=0.3, text/html, application/json;q=0.7" }).mediaTypes(["application/json", "text/plain", "text/html"]), ["text/html", "application/json", "text/plain"])
  })

  test("charsets by weight", () => {
    assert.deepEqual(asked({ "accept-charset": "utf-8, iso-8859-1;q=0.8" }).charsets(), ["utf-8", "iso-8859-1"])
  })

  test("encodings by weight", () => {
    assert.deepEqual(asked({ "accept-encoding": "gzip;q=0.5, br" }).encodings(["gzip", "br"]), ["br", "gzip"])
  })
})
