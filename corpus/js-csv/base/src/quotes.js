"use strict"

const QUOTE = '"'

/** Whether a field has to stand in quotes. */
function needsQuotes(text, delimiter) {
  return text.includes(QUOTE) || text.includes(delimiter) || /[\r\n]/.test(text) || text !== text.trim()
}

function quote(text) {
  return QUOTE + text.replaceAll(QUOTE, QUOTE + QUOTE) + QUOTE
}

module.exports = { QUOTE, needsQuotes, quote }
