"use strict"
const { CsvError, parse } = require("./parse")
const { records } = require("./records")
const { stringify } = require("./stringify")

module.exports = { CsvError, parse, records, stringify }
