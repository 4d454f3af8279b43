import { inert, inertLine } from "../core/untrusted.ts"

const TITLE_CHARS = 160
const BODY_CHARS = 6_000

/** Outside text as a title: inert, on one line, size-limited. */
export function titleOf(text: string, maxChars: number = TITLE_CHARS): string {
  return inertLine(text, maxChars)
}

/** Outside text as a finding's body: inert, line breaks kept, size-limited. */
export function bodyOf(text: string, maxChars: number = BODY_CHARS): string {
  return inert(text, maxChars).trim()
}

/** Outside text on one line: inert, white space collapsed, cut with an ellipsis. */
export function oneLine(text: string, maxChars: number): string {
  return inertLine(text, maxChars)
}

/** `1 test`, `2 tests`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}
