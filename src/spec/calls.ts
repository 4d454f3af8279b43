import type { Call } from "../core/loop.ts"
import { Misread } from "./misread.ts"

type Value = string | number | boolean

/** A call, and where in the text its name stands. */
export type PlacedCall = { call: Call; offset: number }

/** Reads `a + b(x, key=1)`: names with or without arguments, joined by `+`. */
export function readCalls(text: string): PlacedCall[] {
  const calls: PlacedCall[] = []
  let at = skipSpace(text, 0)
  if (at === text.length) throw new Misread("A name was expected here, and there is nothing.")
  for (;;) {
    const { call, offset, end } = readCall(text, at)
    calls.push({ call, offset })
    at = skipSpace(text, end)
    if (at === text.length) return calls
    if (text[at] !== "+")
      throw new Misread(`\`+\` was expected before \`${rest(text, at)}\`.`, {
        offset: at,
        length: 1,
        hint: joinHint(text, at),
      })
    at = skipSpace(text, at + 1)
    if (at === text.length)
      throw new Misread("A name was expected after `+`.", { offset: text.lastIndexOf("+"), length: 1 })
  }
}

/** Reads exactly one call. */
export function readOneCall(text: string): PlacedCall {
  const calls = readCalls(text)
  const [first, second] = calls
  if (first === undefined || second !== undefined)
    throw new Misread("One name was expected here.", { offset: second?.offset ?? 0 })
  return first
}

/** Writes a call so that `readCalls` reads the same again. */
export function writeCall({ name, args, named }: Call): string {
  const written = [
    ...args.map(writeValue),
    ...Object.entries(named).map(([key, value]) => `${key}=${writeValue(value)}`),
  ]
  return written.length === 0 ? name : `${name}(${written.join(", ")})`
}

function writeValue(value: Value): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value)
}

function joinHint(text: string, at: number): string {
  if (/^(AND|OR|and|or|&&|\|\|)/.test(text.slice(at)))
    return "Names here are joined by `+`; AND and OR are for `check:`."
  if (text[at] === ",") return "Join names with `+`, or write a YAML list."
  return "Join names with `+`."
}

function readCall(text: string, start: number): PlacedCall & { end: number } {
  const name = /^[A-Za-z_][\w.-]*/.exec(text.slice(start))?.[0]
  if (name === undefined)
    throw new Misread(`A name was expected, not \`${rest(text, start)}\`.`, { offset: start, length: 1 })
  const call: Call = { name, args: [], named: {} }
  const open = skipSpace(text, start + name.length)
  if (text[open] !== "(") return { call, offset: start, end: start + name.length }
  let at = skipSpace(text, open + 1)
  while (text[at] !== ")") {
    const key = /^([a-z_][a-z0-9_]*)\s*=(?!=)\s*/.exec(text.slice(at))
    const keyName = key?.[1]
    const { value, end } = readValue(text, at + (key?.[0].length ?? 0), open)
    if (keyName === undefined) call.args.push(value)
    else if (Object.hasOwn(call.named, keyName))
      throw new Misread(`\`${keyName}\` is given twice.`, { offset: at, length: keyName.length })
    else call.named[keyName] = value
    at = skipSpace(text, end)
    if (text[at] === ",") at = skipSpace(text, at + 1)
    else if (text[at] !== ")") throw unclosed(text, at, open)
  }
  return { call, offset: start, end: at + 1 }
}

function readValue(text: string, start: number, open: number): { value: Value; end: number } {
  const quote = text[start]
  if (quote === '"' || quote === "'") return readQuoted(text, start, quote)
  let depth = 0
  let end = start
  for (; end < text.length; end++) {
    const mark = text[end]
    if (mark === "(") depth++
    else if (mark === ")" && depth-- === 0) break
    else if (mark === "," && depth === 0) break
  }
  if (end === text.length) throw unclosed(text, end, open)
  const written = text.slice(start, end).trim()
  if (written === "")
    throw new Misread("A value was expected here.", { offset: Math.min(start, text.length - 1), length: 1 })
  if (/^-?\d+(\.\d+)?$/.test(written)) return { value: Number(written), end }
  if (written === "true" || written === "false") return { value: written === "true", end }
  return { value: written, end }
}

function readQuoted(text: string, start: number, quote: string): { value: string; end: number } {
  let value = ""
  for (let at = start + 1; at < text.length; at++) {
    const mark = text[at]
    if (mark === quote) return { value, end: at + 1 }
    if (mark !== "\\") {
      value += mark
      continue
    }
    const escaped = /^\\(?:u([0-9a-fA-F]{4})|([\\"'nrtbf/]))/.exec(text.slice(at))
    if (escaped === null) {
      // A backslash before anything else is itself: regular expressions and Windows paths are written so.
      value += mark
      continue
    }
    value +=
      escaped[1] === undefined
        ? (escapes[escaped[2] ?? ""] ?? escaped[2] ?? "")
        : String.fromCharCode(Number.parseInt(escaped[1], 16))
    at += escaped[0].length - 1
  }
  throw new Misread("This quotation mark is never closed.", { offset: start, length: 1, hint: flowHint })
}

const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" }

/** What is usually wrong where a call breaks off at a comma. */
export const flowHint = "Inside [ ] and { } a comma begins the next item: put the whole item in single quotes."

function unclosed(text: string, at: number, open: number): Misread {
  if (at >= text.length)
    return new Misread("This parenthesis is never closed.", { offset: open, length: 1, hint: flowHint })
  return new Misread(`\`,\` or \`)\` was expected before \`${rest(text, at)}\`.`, { offset: at, length: 1 })
}

function rest(text: string, at: number): string {
  const word = /^\S{1,24}/.exec(text.slice(at))?.[0]
  return word ?? "the end"
}

function skipSpace(text: string, at: number): number {
  let next = at
  while (next < text.length && /\s/.test(text[next] ?? "")) next++
  return next
}
