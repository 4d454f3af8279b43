import type { Chooses } from "./places.ts"

/*
 * Values beside those that a test gives: as like them as can be, so that whatever is right for one is hardly wrong for the other.
 */

type Knows = Chooses & {
  /** Whether the source itself speaks of a word or number: then it is no value like any other. */
  isKnown: (word: string) => boolean
  /** Whether another value of the test has the word too: what belongs together stays so. */
  isShared?: (word: string) => boolean
}

const MAX_OTHERS = 8
const MAX_CHARS = 200

/**
 * Other literals for one, each another in one letter or digit. None for what stands for itself: "constructor", a word of the source;
 * and none for one letter or digit, which is how tests say sizes, counts and "some key": what a repair mends may show at that size alone.
 */
export function otherLiterals(literal: string, knows: Knows): string[] {
  if (/^\d[\d_]*(\.\d+)?$/.test(literal))
    return /^\d$/.test(literal) || knows.isKnown(literal) ? [] : othersOf(literal, /\d/, knows)
  const [, quote = "", inside = ""] = /^(["'`])([\s\S]*)\1$/.exec(literal) ?? []
  if (inside.length < 2 || inside.includes("\\") || inside.length > MAX_CHARS) return []
  // What has numbers in it is mostly about them.
  return othersOf(inside, /\d/.test(inside) ? /\d/ : /[a-z]/i, knows).map((text) => quote + text + quote)
}

/**
 * Names that every object has, words that the source itself speaks of, and codes that are one of a few wherever they are understood:
 * with "GEX" for "GET" whatever came before is as unknown to the repair as to the base.
 */
function isSpecial(word: string, { isKnown, isShared }: Knows): boolean {
  return (
    isShared?.(word) === true ||
    /^[A-Z]{2,7}$/.test(word) ||
    word in {} ||
    /^__\w+__$/.test(word) ||
    (/^[a-z_]{3,}$/i.test(word) && isKnown(word))
  )
}

/** Each of its places once, from all over, before any a second time. */
function othersOf(text: string, shape: RegExp, knows: Knows): string[] {
  const { random } = knows
  const open = text.replace(/\w+/g, (word) => (isSpecial(word, knows) ? " ".repeat(word.length) : word))
  const places = open.split("").flatMap((letter, index) => (shape.test(letter) ? [index] : []))
  const step = Math.max(1, places.length / MAX_OTHERS)
  const chosen = Array.from(
    { length: Math.min(places.length, MAX_OTHERS) },
    (_, index) => places[Math.floor(index * step)] ?? 0,
  )
  const lists = chosen.map((place) =>
    shuffled(alphabetOf(text[place] ?? ""), random).map(
      (letter) => text.slice(0, place) + letter + text.slice(place + 1),
    ),
  )
  const found: string[] = []
  for (let round = 0; lists.some((list) => list.length > round); round++)
    for (const list of lists) if (list[round] !== undefined && found.length < MAX_OTHERS) found.push(list[round] ?? "")
  return found
}

/** Letters of its kind, without itself. A nought in front would make another kind of number. */
function alphabetOf(letter: string): string[] {
  const all = /\d/.test(letter)
    ? "123456789"
    : /[a-z]/.test(letter)
      ? "abcdefghijklmnopqrstuvwxyz"
      : "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  return all.split("").filter((each) => each !== letter)
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
