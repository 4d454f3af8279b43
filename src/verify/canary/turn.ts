import { readSource, type Source } from "../syntax/source.ts"
import { readTests } from "../syntax/tests.ts"
import type { Chooses, Places, Span, Turn } from "./places.ts"
import { goPlaces } from "./turn-go.ts"
import { javascriptPlaces } from "./turn-javascript.ts"
import { pythonPlaces } from "./turn-python.ts"
import { rustPlaces } from "./turn-rust.ts"

/** A test file in which tests must fail that pass as it stands; `by` tells of each how. */
export type Turned = { text: string; by: Map<string, "value" | "comparison" | "beginning"> }

/**
 * Turns the named tests of a file, each in one place. `surely`: at their beginnings alone, so that nothing of what they look at
 * can excuse a pass. Undefined where none of them is found in a form that can be read.
 */
export function turned(
  path: string,
  text: string,
  names: readonly string[],
  { surely, ...chooses }: Chooses & { surely: boolean },
): Turned | undefined {
  const placesFor = finderOf(path, text, chooses)
  if (placesFor === undefined) return undefined
  const by: Turned["by"] = new Map()
  const edits: Turn[] = []
  for (const name of names) {
    const places = placesFor(name)
    const turn = places === undefined ? undefined : chosen(text, places, { surely, ...chooses })
    if (turn === undefined || edits.some(({ from, to }) => turn.edit.from < to && from < turn.edit.to)) continue
    if (!edits.some(({ from }) => from === turn.edit.from)) edits.push(turn.edit)
    by.set(name, turn.by)
  }
  if (edits.length === 0) return undefined
  const backwards = [...edits].sort((a, b) => b.from - a.from)
  const result = backwards.reduce((all, { from, to, insert }) => all.slice(0, from) + insert + all.slice(to), text)
  return isRust(path) || readSource(path, result)?.broken === false ? { text: result, by } : undefined
}

function isRust(path: string): boolean {
  return path.endsWith(".rs")
}

/** What finds a test by its name in a file that can be read. */
function finderOf(path: string, text: string, chooses: Chooses): ((name: string) => Places | undefined) | undefined {
  if (isRust(path)) return text.length > MAX_RUST_CHARS ? undefined : (name) => rustPlaces(text, name, chooses)
  const source = readSource(path, text)
  const file = readTests(path, text)
  if (source === undefined || source.broken || file === undefined) return undefined
  return (name) => {
    const wanted = plain(caseName(source, name))
    const found = file.cases.find((test) => plain(test.name) === wanted && test.marks.length === 0)
    const within = source.language === "go" ? name.split(" > ").slice(1) : []
    return found === undefined ? undefined : placesOf(source, found.line, chooses, within)
  }
}

const MAX_RUST_CHARS = 512 * 1024

/** As runners and readers of source agree on a name. */
function plain(name: string): string {
  return name.replace(/\s+/g, "")
}

/** A row of a table is turned with its test, and in Go a subtest with the function around it. */
function caseName({ language }: Source, name: string): string {
  if (language === "python") return name.replace(/\[[\s\S]*\]$/, "")
  return language === "go" ? (name.split(" > ")[0] ?? name) : name
}

function placesOf(source: Source, line: number, chooses: Chooses, within: readonly string[]): Places | undefined {
  switch (source.language) {
    case "python":
      return pythonPlaces(source, line, chooses)
    case "javascript":
      return javascriptPlaces(source, line, chooses)
    case "go":
      return goPlaces(source, line, chooses, within)
  }
}

function chosen(source: string, places: Places, { surely, ...chooses }: Chooses & { surely: boolean }) {
  const { wants, compares, begins } = places
  if (!surely) {
    const values = wants.flatMap((span) => otherValue(source, span, chooses) ?? [])
    const edit = pick(values, chooses)
    if (edit !== undefined) return { edit, by: "value" } as const
    const compare = pick(compares, chooses)
    if (compare !== undefined) return { edit: compare, by: "comparison" } as const
  }
  return begins === undefined ? undefined : ({ edit: begins, by: "beginning" } as const)
}

function pick<T>(items: readonly T[], { random }: Chooses): T | undefined {
  return items[Math.floor(random() * items.length)]
}

/** Another literal in its place, as like it as can be. */
function otherValue(source: string, { from, to }: Span, chooses: Chooses): Turn[] | undefined {
  const text = source.slice(from, to)
  const at = (insert: string): Turn[] => [{ from, to, insert }]
  const opposite: Record<string, string> = { true: "false", false: "true", True: "False", False: "True" }
  if (Object.hasOwn(opposite, text)) return at(opposite[text] ?? text)
  if (/^(null|undefined|None|nil)$/.test(text)) return undefined
  if (/^-?\d[\d_]*(\.\d+)?$/.test(text) && text.length <= 15) {
    return at(`${text.slice(0, -1)}${nextDigit(text.at(-1) ?? "", chooses.random)}`)
  }
  const quoted = /^([a-z]{0,2}("""|'''|"|'|`))([\s\S]*)\2$/i.exec(text)
  if (quoted === null || /\\|\$\{/.test(text) || /f/i.test(quoted[1]?.replace(/\W/g, "") ?? "")) return undefined
  const [, open = "", quote = "", inside = ""] = quoted
  return at(`${open}${otherText(inside, chooses)}${quote}`)
}

function otherText(text: string, { random, word }: Chooses): string {
  const places = [...text].flatMap((letter, index) => (/^[a-z0-9]$/i.test(letter) ? [index] : []))
  const at = places[Math.floor(random() * places.length)]
  // The last digit of a number: no rule of rounding takes another one for it.
  const place = /^-?[\d.,]+$/.test(text) ? places.at(-1) : at
  if (place === undefined) return `${text}${word()}`
  const letter = text[place] ?? ""
  const other = /\d/.test(letter)
    ? nextDigit(letter, random)
    : /[a-z]/.test(letter)
      ? String.fromCharCode(97 + ((letter.charCodeAt(0) - 97 + 1 + Math.floor(random() * 24)) % 26))
      : String.fromCharCode(65 + ((letter.charCodeAt(0) - 65 + 1 + Math.floor(random() * 24)) % 26))
  return `${text.slice(0, place)}${other}${text.slice(place + 1)}`
}

/** The one above or below: what is equal within a tolerance is to be seen. */
function nextDigit(digit: string, random: () => number): string {
  const value = Number(digit)
  const up = value === 0 || (value < 9 && random() < 0.5)
  return String(up ? value + 1 : value - 1)
}
