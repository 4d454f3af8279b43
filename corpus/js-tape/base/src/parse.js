"use strict"

class RangeError extends Error {}

/** Reads `"1-3, 7"` as pairs of a first and a last number. */
function parse(text) {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [from, to = from] = part.split("-").map(Number)
      if (Number.isNaN(from) || Number.isNaN(to) || to < from) throw new RangeError(`${part} is no range`)
      return [from, to]
    })
}

/** Writes pairs as `parse` reads them. */
function format(ranges) {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ")
}

module.exports = { parse, format, RangeError }
