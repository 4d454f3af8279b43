import type { TestFile } from "../../syntax/test-model.ts"

/** What the tests about a change give and want: what a maker may have learned by heart. */
export type TestValues = {
  samples: readonly Sample[]
  /** What the body of each test has written down. */
  bodies: readonly Words[]
  /** The same of all the files, whole. */
  written: Words
}

/** One thing that a test tries: what it gives, and what it wants back, as canonical literals. */
export type Sample = { inputs: readonly string[]; expected: readonly string[] }

/** Every text and number of a piece of program, bare. */
export type Words = {
  strings: ReadonlySet<string>
  numbers: ReadonlySet<string>
  /** What a program would split them into. */
  pieces: ReadonlySet<string>
  /** Their digits alone, where they have nothing else. */
  digits: ReadonlySet<string>
  text: string
}

/** What test files try, hold and say. */
export function testValuesOf(files: readonly TestFile[]): TestValues {
  return {
    samples: samplesOf(files),
    bodies: files.flatMap((file) => file.cases.map(({ body }) => wordsOf(body))),
    written: wordsOf(files.map((file) => file.text).join("\n")),
  }
}

function samplesOf(files: readonly TestFile[]): Sample[] {
  return files
    .flatMap((file) => [...file.outside, ...file.cases.flatMap((test) => test.expectations)])
    .map(({ subject, expected }) => {
      // A row of a table holds both, and nothing says which is which.
      const row = /^([\s\S]*?) with ([\s\S]*)$/.exec(subject)
      const inRow = row === null ? [] : literalsOf(row[2] ?? "")
      return {
        inputs: [...literalsOf(row?.[1] ?? subject), ...inRow],
        expected: [...literalsOf(expected), ...inRow],
      }
    })
    .filter(({ inputs }) => inputs.length > 0)
}

/** A literal in canonical spelling. */
export const literal =
  /"(?:\\.|[^"\\])*"|(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\b(?:true|false|null|None|True|False)\b/g

function literalsOf(text: string): string[] {
  return [...text.matchAll(literal)].map((match) => match[0])
}

const words = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<![\w.$])\d[\d_]*(?:\.\d+)?/g

function wordsOf(text: string): Words {
  const found = {
    strings: new Set<string>(),
    numbers: new Set<string>(),
    pieces: new Set<string>(),
    digits: new Set<string>(),
  }
  for (const [word] of text.matchAll(words)) {
    const isNumber = /^\d/.test(word)
    const bare = isNumber ? word : word.slice(1, -1).replace(/\\(["'`\\])/g, "$1")
    if (isNumber) found.numbers.add(String(Number(word.replaceAll("_", ""))))
    else found.strings.add(bare)
    if (digitsOf(bare) !== "") found.digits.add(digitsOf(bare))
    for (const piece of bare.split(/[^A-Za-z0-9]+/)) if (piece !== "") found.pieces.add(piece)
  }
  return { ...found, text }
}

/** "2.345", 2.345 and 2345 are one value to whoever counts in thousandths. */
function digitsOf(value: string): string {
  return /^[-+]?\d[\d_.,]*$/.test(value) ? value.replace(/\D/g, "").replace(/^0+/, "") : ""
}

/** Whether a literal, or its digits, are among the words. */
export function has({ strings, numbers, pieces, digits }: Words, value: string): boolean {
  const bare = bareOf(value)
  return [strings, numbers, pieces].some((each) => each.has(bare)) || digits.has(digitsOf(bare))
}

/** A number that says something where it stands beside its answer: not 0, 1 or -1. */
export function isCount(value: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(value) && !/^-?[01]$/.test(value)
}

/** `"1,2"` and `"[1,2]"` are what a test gives, put together. */
export function isJoined(value: string, inputs: readonly string[]): boolean {
  const words = value
    .replace(/[[\]{}()"\\]/g, "")
    .split(/[,|:;_\s-]+/)
    .filter((word) => word !== "")
  const given = new Set(inputs.map((input) => input.replace(/"/g, "")))
  return words.length >= 2 && words.every((word) => given.has(word))
}

/** A canonical literal without its quotes. */
export function bareOf(value: string): string {
  try {
    return String(JSON.parse(value))
  } catch {
    return value.replace(/^"|"$/g, "")
  }
}

/** Whether the base's file had this literal already, and then it is the project's own word: a text in quotes, a number wherever it stands by itself. */
export function knows(before: string, value: string): boolean {
  if (!value.startsWith('"')) return new RegExp(`(?<![\\w.])${escaped(value)}(?![\\w.])`).test(before)
  const spellings = [value.replace(/^"|"$/g, ""), bareOf(value)]
  return spellings.some((each) => each !== "" && new RegExp(`["'\`]${escaped(each)}["'\`]`).test(before))
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")
}

/** Literals that say nothing of where they come from. */
export const common: ReadonlySet<string> = new Set([
  ...['""', '" "', '"\\n"', '","', '"."', '"/"', '"-"'],
  ..."true false True False null None undefined nil".split(" "),
  ..."0 1 -1 2 3 4 5 7 8 10 12 16 24 32 60 64 90 100 128 180 255 256 360 365 400 404 500 1000 1024 3600 65535".split(
    " ",
  ),
])

const usual = new Set([...common, ..."99 366 512 999 86400 0x 0b 0o".split(" ")])

/** Letters without a meaning, and whatever holds digits; a number as text is odder than a number. Unless the file knew it before. */
export function isOdd(value: string, before: string): boolean {
  const bare = bareOf(value)
  const quoted = value.startsWith('"')
  if (!/\d/.test(bare) && !(quoted && /^[A-Za-z]{1,2}$/.test(bare))) return false
  if (!quoted && (/^[-+]?\d$/.test(bare) || usual.has(bare))) return false
  return !knows(before, value)
}

const examples = /^(foo|bar|baz|qux|quux|corge|alice|bob|ada|ben|hello|world|lorem|ipsum|acme|example|abc|xyz)$/i

/** A text of the tests that means nothing elsewhere: "2024-05-05", "a#b", "foo". */
export function isOddText(value: string | undefined, before: string, { strings, pieces }: Words): boolean {
  if (value?.startsWith('"') !== true || knows(before, value)) return false
  const bare = bareOf(value)
  if (examples.test(bare)) return strings.has(bare) || pieces.has(bare)
  // Digits among other characters, or several words, or a word with a mark within.
  const isOddWord =
    bare.length >= 3 &&
    /\d.*\D|\D.*\d|\S\s+\S|\w[^\w\s/:.-]\w/.test(bare) &&
    !/^(utf-?\d+|iso-?[\d-]+|sha-?\d+|md5|base64|h[1-6]|http\/\d.*|es\d+|v\d+)$/i.test(bare)
  return isOddWord && strings.has(bare)
}
