/*
 * Outside text (issues, logs, test output, agents' words) is data. Here it is made inert before it reaches a prompt
 * or a file that people read: nothing in it can be invisible, drive a terminal, close its fence, or be endless.
 */

/**
 * Outside text without what cannot be seen, at most `maxChars` characters of it. What is cut off is said in its place.
 * Removed: ANSI sequences, control characters but newline and tab, bidirectional overrides, zero-width and other
 * default-ignorable characters, tag and private-use characters, variation selectors, noncharacters, lone surrogates.
 */
export function inert(text: string, maxChars: number): string {
  // Cut roughly first, so that a gigabyte of text costs no regular expression over a gigabyte.
  const rough = text.slice(0, maxChars * 4 + 4096)
  const clean = rough
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n")
    .replace(ansi, "")
    .replace(invisible, "")
    .toWellFormed()
  if (clean.length <= maxChars && rough.length === text.length) return clean
  const kept = clean.slice(0, maxChars).toWellFormed()
  return `${kept}\n[… ${text.length - Math.min(kept.length, text.length)} more characters are left out]`
}

/** The same for a title or a name: one line of it. */
export function inertLine(text: string, maxChars: number): string {
  const line = inert(text, maxChars * 2)
    .replace(/\s+/g, " ")
    .trim()
  return line.length <= maxChars ? line : `${line.slice(0, maxChars - 1).toWellFormed()}…`
}

/**
 * A labelled block of outside text that the text cannot close: the fence is longer than any run of backticks or tildes
 * inside. The label itself is made inert, since it often comes from outside too.
 */
export function fence(label: string, text: string, maxChars: number): string {
  const body = inert(text, maxChars)
  const longest = (body.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2)
  const bar = "`".repeat(longest + 1)
  return `${bar}${inertLine(label, 120).replaceAll("`", "'")}\n${body}\n${bar}`
}

/** CSI, OSC, DCS and the other escape sequences, in their 7-bit and 8-bit forms; linear, whatever the text. */
const ansi =
  /(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C\u009D\u0090\u0098\u009E\u009F]*(?:\u0007|\u001B\\|\u009C|$)|(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|\u001B[ -/]*[0-~]/g

/** Format (Cf), control (Cc), private use (Co), unassigned with no glyph (noncharacters) and default-ignorable characters. */
const invisible = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu
