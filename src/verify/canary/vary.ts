import type { SyntaxNode } from "@lezer/common"
import { type Source, textOf } from "../syntax/source.ts"
import { otherLiterals } from "./other-values.ts"
import type { Chooses, Span, Turn } from "./places.ts"

/** So many other values are tried for one expectation. */
const MAX_EACH = 8

/** What is known of the values that tests give. */
export type Varies = Chooses & {
  /** Whether the source itself speaks of a word or number. */
  isKnown: (word: string) => boolean
}

/** For each copy other values in the place of these literals, of what is said twice the same one. `table`: what holds them is no word of the file's own. */
export function turnsOf(source: Source, literals: readonly SyntaxNode[], chooses: Varies, table?: Span): Turn[][] {
  const others = new Map<string, string[]>()
  const texts = [...new Set(literals.map((node) => textOf(source, node)))]
  const isShared = sharedIn(source, texts, table)
  for (const text of texts) {
    const found = otherLiterals(text, { ...chooses, isShared })
    if (found.length > 0) others.set(text, found)
  }
  if (others.size === 0) return []
  return Array.from({ length: MAX_EACH }, (_, copy) =>
    literals.flatMap((node): Turn[] => {
      const found = others.get(textOf(source, node))
      const insert = found?.[copy % found.length]
      return insert === undefined ? [] : [{ from: node.from, to: node.to, insert }]
    }),
  )
}

/** Words that stand in more than one of the values, or in what the file says for all its tests: they name one thing. */
function sharedIn(source: Source, texts: readonly string[], table: Span | undefined): (word: string) => boolean {
  const wordsOf = (text: string): string[] => [...new Set(text.match(/\w+/g) ?? [])]
  const apart =
    table === undefined ? source.text : `${source.text.slice(0, table.from)}\n${source.text.slice(table.to)}`
  const common = new Set(
    apart
      .split("\n")
      .filter((line) => /^(const|let|var|export|[A-Za-z_]\w*\s*(:[^=]*)?=)(?!=)/.test(line))
      .flatMap(wordsOf),
  )
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const word of texts.flatMap(wordsOf)) (seen.has(word) ? twice : seen).add(word)
  return (word) => twice.has(word) || (common.has(word) && !/^\d+$/.test(word))
}

/** The text of a piece of a file with other text in some of its places. */
export function edited(source: Source, { from, to }: Span, edits: readonly Turn[]): string {
  const own = edits.filter((edit) => edit.from >= from && edit.to <= to).sort((a, b) => b.from - a.from)
  return own.reduce(
    (text, edit) => text.slice(0, edit.from - from) + edit.insert + text.slice(edit.to - from),
    source.text.slice(from, to),
  )
}

/** The text of a piece of a file without some of its places. */
export function without(source: Source, { from, to }: Span, spans: readonly Span[]): string {
  // They may lie within each other.
  const letters = [...source.text.slice(from, to)]
  for (const span of spans)
    for (let at = Math.max(0, span.from - from); at < Math.min(letters.length, span.to - from); at++) letters[at] = " "
  return letters.join("")
}

/** Whether a place lies within one of others. */
export function isWithin({ from, to }: Span, spans: readonly Span[]): boolean {
  return spans.some((span) => span.from <= from && to <= span.to)
}
