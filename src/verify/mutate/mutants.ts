import { edits as goEdits, parser as goParser } from "./go.ts"
import { edits as javascriptEdits, parserFor } from "./javascript.ts"
import { edits as pythonEdits, parser as pythonParser } from "./python.ts"
import { type Edit, errorsIn, type Syntax } from "./syntax.ts"
import { textEdits } from "./text-rules.ts"

/** One small break of one file: what a person would see in the diff, and the whole text with it. */
export type Mutant = {
  path: string
  /** 1-based line of the original on which it begins. */
  line: number
  /** What kind of break it is, in words: "a condition turned round". */
  rule: string
  before: string
  after: string
  text: string
}

/** Changes beyond these are not made: of a few thousand, nobody runs more than a handful. */
const MAX_EDITS = 400

/**
 * Breaks a file in one small place at a time: by its syntax tree for JavaScript, TypeScript, Python and Go, by text elsewhere.
 * `lines` (1-based; undefined: all) says where a mutant may begin. The order is the seed's, spread over the lines, and of one
 * line what is least likely to mean the same comes first. Every mutant of a known syntax parses as well as the original does.
 */
export function mutantsOf(path: string, text: string, lines: readonly number[] | undefined, seed: number): Mutant[] {
  const syntax = syntaxOf(path)
  const tree = syntax?.parser.parse(text)
  const all = syntax === undefined || tree === undefined ? textEdits(path, text) : syntax.edits(tree, text)
  const lineOf = lineFinder(text)
  const wanted = lines === undefined ? undefined : new Set(lines)
  const testsFrom = inSourceTests(path, text)
  const placed = all
    .map((edit) => ({ edit, line: lineOf(edit.from) }))
    .filter(({ edit, line }) => (wanted === undefined || wanted.has(line)) && edit.from < testsFrom)
  const errors = tree === undefined ? 0 : errorsIn(tree)
  return spread(placed, seed)
    .slice(0, MAX_EDITS)
    .map(({ edit, line }) => mutantOf(path, text, edit, line))
    .filter((mutant) => syntax === undefined || errorsIn(syntax.parser.parse(mutant.text)) <= errors)
}

/** Whether anything here can be broken: a program, and not a test of one. */
export function isMutable(path: string): boolean {
  return /\.([cm]?[jt]sx?|vue|svelte|py|go|rs|rb|java|kt|cs|php|swift|c|cc|cpp|h|hpp|ex|exs)$/i.test(path)
}

function syntaxOf(path: string): Syntax | undefined {
  if (/\.[cm]?[jt]sx?$/i.test(path) && !/\.d\.[cm]?ts$/i.test(path)) {
    return { parser: parserFor(path), edits: javascriptEdits }
  }
  if (/\.py$/i.test(path)) return { parser: pythonParser, edits: pythonEdits }
  if (/\.go$/i.test(path)) return { parser: goParser, edits: goEdits }
  return undefined
}

function mutantOf(path: string, text: string, { from, to, insert, rule }: Edit, line: number): Mutant {
  return {
    path,
    line,
    rule,
    before: text.slice(from, to),
    after: insert,
    text: text.slice(0, from) + insert + text.slice(to),
  }
}

/** Where the tests of a source file begin that holds its own; past the end where it holds none. */
function inSourceTests(path: string, text: string): number {
  const mark = path.endsWith(".rs") ? text.indexOf("#[cfg(test)]") : text.indexOf("import.meta.vitest")
  return mark === -1 ? Number.POSITIVE_INFINITY : text.lastIndexOf("\n", mark) + 1
}

type Placed = { edit: Edit; line: number }

/** One of each line in turn, the lines in the seed's order. */
function spread(placed: readonly Placed[], seed: number): Placed[] {
  const random = generator(seed)
  const byLine = new Map<number, Placed[]>()
  for (const each of placed) byLine.set(each.line, [...(byLine.get(each.line) ?? []), each])
  const rows = [...byLine.values()].map((row) => ({
    row: shuffled(row, random).sort((a, b) => a.edit.doubt - b.edit.doubt),
    at: random(),
  }))
  rows.sort((a, b) => a.at - b.at)
  const deepest = Math.max(0, ...rows.map(({ row }) => row.length))
  return Array.from({ length: deepest }, (_, depth) => rows.flatMap(({ row }) => row.slice(depth, depth + 1))).flat()
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** The same numbers for the same seed, on every machine (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function lineFinder(text: string): (at: number) => number {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return (at) => {
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= at) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}
