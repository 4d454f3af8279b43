"use strict"
const { parse } = require("./parse")

/** Objects by the names in the first row; rows that are shorter lack the rest, rows that are longer are refused. */
function records(text, options) {
  const [names = [], ...rows] = parse(text, options)
  return rows.map((row, index) => {
    if (row.length > names.length) throw new RangeError(`row ${index + 2} has ${row.length} fields for ${names.length} names`)
    return Object.fromEntries(row.map((value, at) => [names[at], value]))
  })
}

module.exports = { records }
