"use strict"
const { needsQuotes, quote } = require("#quotes")

function stringify(rows, { delimiter = ",", newline = "\n" } = {}) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value)
    return needsQuotes(text, delimiter) ? quote(text) : text
  }
  return rows.map((row) => row.map(cell).join(delimiter) + newline).join("")
}

module.exports = { stringify }
