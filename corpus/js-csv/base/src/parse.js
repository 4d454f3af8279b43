"use strict"
const { QUOTE } = require("#quotes")

class CsvError extends Error {
  constructor(message, line) {
    super(`line ${line}: ${message}`)
    this.name = "CsvError"
    this.line = line
  }
}

/** Rows of fields. Quoted fields may hold delimiters, line ends and doubled quotes; a last line end makes no row. */
function parse(text, { delimiter = "," } = {}) {
  const rows = []
  let row = []
  let field = ""
  let quoted = false
  let line = 1
  let at = 0
  const endField = () => {
    row.push(field)
    field = ""
  }
  const endRow = () => {
    endField()
    rows.push(row)
    row = []
  }
  while (at < text.length) {
    const char = text[at]
    if (char === "\n") line++
    if (quoted) {
      if (char === QUOTE) quoted = false
      else field += char
    } else if (char === QUOTE && field === "") quoted = true
    else if (char === delimiter) endField()
    else if (char === "\n") endRow()
    else if (char !== "\r" || text[at + 1] !== "\n") field += char
    at++
  }
  if (quoted) throw new CsvError("a quote is never closed", line)
  if (field !== "" || row.length > 0) endRow()
  return rows
}

module.exports = { CsvError, parse }
