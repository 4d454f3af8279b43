/*
 * Outside text (issues, logs, test output, agents' words) is data. Here it is made inert before it reaches a prompt
 * or a file that people read: nothing in it can be invisible, drive a terminal, close its fence, or be endless.
 */

/**
 * Outside text without what cannot be seen, at most `maxChars` characters of it. What is cut off is said in its place.
 * Removed: ANSI sequences, control characters but newline and tab, bidirectional overrides, zero-width and other
 * default-ignorable characters, tag and private-use characters, variation selectors, noncharacters, lone surrogates, and
 * floods of combining marks. What people write stays: emoji with their joiners, and joiners where a script needs them.
 */
export function inert(text: string, maxChars: number): string {
  // Cut roughly first, so that a gigabyte of text costs no regular expression over a gigabyte.
  const rough = text.slice(0, maxChars * 4 + 4096)
  const clean = rough
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n")
    .replace(ansi, "")
    .replace(invisible, "$1")
    .replace(markFlood, "$1")
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

/** Outside text inside a line of Markdown: plain words as they are, anything else as code, in which nothing is a link, a picture, HTML, a mention or a comment. */
export function inMarkdown(text: string, maxChars: number): string {
  const line = inertLine(text, maxChars)
  if (line === "") return "(no text)"
  if (plainWords.test(line) && !/www\.|:\/\/|\bGH-\d|(?:^|\W)_|_(?:\W|$)/i.test(line)) return line
  const longest = (line.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0)
  const bar = "`".repeat(longest + 1)
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : ""
  return `${bar}${pad}${line}${pad}${bar}`
}

/**
 * Outside text as one line of a commit message or of a proposal's title, without what a forge acts upon: words that close
 * issues or skip its checks, mentions, addresses.
 */
export function inMessage(text: string, maxChars: number): string {
  const line = inertLine(text, maxChars * 2)
    .replaceAll("`", "'")
    .replace(/\[([^\]]*(?:skip|no[ _-]?ci|no[ _-]?checks)[^\]]*)\]/gi, "($1)")
    .replace(/\*{3}/g, "")
    .replace(/skip-checks(?=\s*:)/gi, "skip checks")
    .replace(/\bhttps?:\/\//gi, "")
    .replace(/\bGH-(?=\d)/gi, "GH ")
    .replace(/(?<=\w)#(?=\d)/g, " no. ")
    .replace(/#(?=\d)/g, "no. ")
    .replace(/#(?=\p{L})/gu, "# ")
    .replace(/(^|[^\w])@(?=\w)/g, "$1@ ")
  return inertLine(line, maxChars)
}

/**
 * A path as outside text names it, if it can be one of the repository's: relative, without `..`, without what can't be
 * seen, and nothing that git would take for an option or a pattern. Undefined where it can't.
 */
export function repositoryPath(text: string): string | undefined {
  const path = text.replace(/^(?:\.\/)+/, "")
  if (path === "" || path.length > maxPathChars || inert(path, maxPathChars) !== path || /[\n\t]/.test(path))
    return undefined
  if (/^[-:/\\~]|^[A-Za-z]:[\\/]/.test(path)) return undefined
  const parts = path.split(/[\\/]/)
  return parts.some((part) => part === ".." || part.toLowerCase() === ".git") ? undefined : path
}

const maxPathChars = 1_000

/** Letters, digits and the punctuation that means nothing to Markdown in the middle of a line. */
const plainWords = /^[\p{L}\p{M}\p{N} ,.;:'"()/=+?%_·…×›–—-]+$/u

/**
 * CSI, OSC, DCS and the other escape sequences, in their 7-bit and 8-bit forms; linear, whatever the text. Libraries for this
 * leave the payload of DCS, APC and PM standing. One that nobody ends takes the rest of its line, and no line after it.
 */
const ansi =
  /(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\n\u0007\u001B\u009C\u009D\u0090\u0098\u009E\u009F]*(?:\u0007|\u001B\\|\u009C|$|(?=\n))|(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|\u001B[ -/]*[0-~]/g

/** One emoji of its own, with its style or its skin. */
const emoji = String.raw`\p{Extended_Pictographic}(?:\uFE0F?\p{Emoji_Modifier}|[\uFE0E\uFE0F])?`
/** Scripts in which a joiner or a non-joiner between letters is spelling. */
const joining = String.raw`[\p{sc=Arabic}\p{sc=Syriac}\p{sc=Nko}\p{sc=Mongolian}\p{sc=Devanagari}\p{sc=Bengali}\p{sc=Gurmukhi}\p{sc=Gujarati}\p{sc=Oriya}\p{sc=Tamil}\p{sc=Telugu}\p{sc=Kannada}\p{sc=Malayalam}\p{sc=Sinhala}\p{sc=Khmer}\p{sc=Myanmar}\p{sc=Tibetan}]`

/**
 * What can't be seen and yet is what people write: emoji in sequences, keycaps, the three flags made of tags, one joiner
 * where spelling needs it, Mongolian forms, and the signs of format (Cf) that do have a glyph.
 */
const honest = [
  String.raw`\u{1F3F4}\u{E0067}\u{E0062}(?:\u{E0065}\u{E006E}\u{E0067}|\u{E0073}\u{E0063}\u{E0074}|\u{E0077}\u{E006C}\u{E0073})\u{E007F}`,
  String.raw`${emoji}(?:\u200D${emoji}){0,9}`,
  String.raw`[0-9#*]\uFE0F\u20E3`,
  String.raw`(?<=${joining})[\u200C\u200D](?=${joining})`,
  String.raw`(?<=[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA])\u200D`,
  String.raw`(?<=[\u1820-\u1878\u1880-\u18AA])[\u180B-\u180F]`,
  String.raw`[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]`,
].join("|")

/** Format (Cf), control (Cc), private use (Co), unassigned with no glyph (noncharacters) and default-ignorable characters; what is honest is the first group. */
const invisible = new RegExp(
  String.raw`(${honest})|(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]`,
  "gu",
)

/** More marks on one letter than any script has: they would cover the lines around them. */
const markFlood = /(\p{M}{12})\p{M}+/gu
