import type { CheckExpr } from "../core/loop.ts"
import { Misread } from "./misread.ts"

/** A name of a check in an expression, and where it stands. */
export type Mention = { name: string; offset: number }

type Token = { text: string; offset: number }

const LIMIT_WORDS = 200

/** Reads `tests_pass AND (lint_clean OR NOT types)`. NOT binds tightest, then AND, then OR. */
export function readWords(text: string): { expr: CheckExpr; mentions: Mention[] } {
  const tokens = tokenize(text)
  if (tokens.length === 0)
    throw new Misread("Names of checks were expected here.", { hint: "check: tests_pass AND lint_clean" })
  if (tokens.length > LIMIT_WORDS) throw new Misread(`More than ${LIMIT_WORDS} words in one condition.`)
  const mentions: Mention[] = []
  const state = { tokens, at: 0, text, mentions }
  const expr = readOr(state)
  const extra = tokens[state.at]
  if (extra !== undefined) {
    if (extra.text === ")") throw new Misread("This parenthesis closes nothing.", { offset: extra.offset, length: 1 })
    throw new Misread(`AND or OR was expected before \`${extra.text}\`.`, {
      offset: extra.offset,
      length: extra.text.length,
      hint: "Names of checks are joined by AND, OR, NOT in capitals.",
    })
  }
  return { expr, mentions }
}

/** Writes an expression so that `readWords` reads the same again. */
export function writeWords(expr: CheckExpr): string {
  if ("check" in expr) return expr.check
  if ("not" in expr) return `NOT ${bracketed(expr.not, true)}`
  if ("and" in expr) return expr.and.map((part) => bracketed(part, "or" in part || "and" in part)).join(" AND ")
  return expr.or.map((part) => bracketed(part, "or" in part)).join(" OR ")
}

function bracketed(expr: CheckExpr, brackets: boolean): string {
  return brackets && !("check" in expr) && !("not" in expr) ? `(${writeWords(expr)})` : writeWords(expr)
}

/** Whether a text can only be meant as words between checks, not as prose. */
export function looksLikeWords(text: string): boolean {
  return /^[\s()]*(NOT\s+|\()*[A-Za-z_][\w-]*[\s)]*(\s(AND|OR)\s[\s(]*(NOT\s+|\()*[A-Za-z_][\w-]*[\s)]*)*$/.test(text)
}

type State = { tokens: Token[]; at: number; text: string; mentions: Mention[] }

function readOr(state: State): CheckExpr {
  const parts = [readAnd(state)]
  while (state.tokens[state.at]?.text === "OR") {
    state.at++
    parts.push(readAnd(state))
  }
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { or: parts }
}

function readAnd(state: State): CheckExpr {
  const parts = [readNot(state)]
  while (state.tokens[state.at]?.text === "AND") {
    state.at++
    parts.push(readNot(state))
  }
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { and: parts }
}

function readNot(state: State): CheckExpr {
  const token = state.tokens[state.at++]
  if (token === undefined)
    throw new Misread("The name of a check is missing at the end.", {
      offset: lastToken(state).offset,
      length: lastToken(state).text.length,
    })
  if (token.text === "NOT") return { not: readNot(state) }
  if (token.text === "(") {
    const inner = readOr(state)
    if (state.tokens[state.at]?.text !== ")")
      throw new Misread("This parenthesis is never closed.", { offset: token.offset, length: 1 })
    state.at++
    return inner
  }
  if (token.text === "AND" || token.text === "OR" || token.text === ")")
    throw new Misread(`The name of a check was expected before \`${token.text}\`.`, {
      offset: token.offset,
      length: token.text.length,
    })
  state.mentions.push({ name: token.text, offset: token.offset })
  return { check: token.text }
}

function lastToken({ tokens }: State): Token {
  return tokens.at(-1) ?? { text: " ", offset: 0 }
}

const inCapitals: Record<string, string> = {
  and: "AND",
  or: "OR",
  not: "NOT",
  "&&": "AND",
  "||": "OR",
  "!": "NOT ",
  "&": "AND",
  "|": "OR",
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s+|[()]|[A-Za-z_][\w-]*|&&?|\|\|?|!(?!=)|[^\s()A-Za-z_&|!][^\s()]*|!=\S*/g
  for (const match of text.matchAll(pattern)) {
    const [word] = match
    if (/^\s/.test(word)) continue
    if (
      word === "(" &&
      /[A-Za-z_]/.test(text[match.index - 1] ?? "") &&
      !["AND", "OR", "NOT"].includes(tokens.at(-1)?.text ?? "")
    )
      throw new Misread("A check takes no arguments here.", {
        offset: match.index,
        length: 1,
        hint: "Define it under `checks:` and name it.",
      })
    const capital = inCapitals[word.toLowerCase()]
    if (capital !== undefined && word !== capital) throw foreign(text, word, match.index, capital)
    if (!/^([()]|[A-Za-z_][\w-]*)$/.test(word)) throw foreign(text, word, match.index, undefined)
    tokens.push({ text: word, offset: match.index })
  }
  return tokens
}

function foreign(text: string, word: string, offset: number, capital: string | undefined): Misread {
  const length = word.length
  if (capital === undefined) {
    if (word.startsWith(",") || word.startsWith("+"))
      return new Misread("Names of checks are joined by AND, not by a list.", {
        offset,
        length,
        hint: "check: tests_pass AND lint_clean",
      })
    return new Misread(`\`${word}\` has no meaning between names of checks.`, {
      offset,
      length,
      hint: "`check:` takes names with AND, OR, NOT; a condition in CEL belongs into `if:`, `when:` or `attempt_if:`.",
    })
  }
  const mended = text
    .replace(/&&?/g, "AND")
    .replace(/\|\|?/g, "OR")
    .replace(/!\s*/g, "NOT ")
    .replace(/\b(and|or|not)\b/gi, (w) => w.toUpperCase())
  const cel = /[&|!]/.test(word)
  return new Misread(
    cel
      ? `\`${word}\` is CEL; between names of checks it is ${capital.trim()}.`
      : `${capital.trim()} is written in capitals.`,
    {
      offset,
      length,
      hint: `Write \`${mended}\`.`,
      suggestion: capital.trim(),
    },
  )
}
