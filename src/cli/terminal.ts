import pc from "picocolors"
import { inertLine } from "../core/untrusted.ts"

/** Where a command writes: results to stdout, everything said while it works to stderr. */
export type Terminal = {
  json: boolean
  /** Colours only on a terminal, and not where NO_COLOR says otherwise. */
  color: ReturnType<typeof pc.createColors>
  interactive: boolean
  columns: number
  out(text: string): void
  err(text: string): void
}

/** The terminal of this process. */
export function openTerminal(json: boolean): Terminal {
  const { env } = process
  const able = process.stdout.isTTY === true && env.TERM !== "dumb"
  const wanted = env.NO_COLOR ? false : env.FORCE_COLOR === undefined ? able : !/^(0|false)$/.test(env.FORCE_COLOR)
  return {
    json,
    color: pc.createColors(wanted && !json),
    interactive: process.stdout.isTTY === true && process.stdin.isTTY === true && !json,
    columns: process.stdout.columns ?? 100,
    out: (text) => void process.stdout.write(harmless(text.endsWith("\n") ? text : `${text}\n`)),
    err: (text) => void process.stderr.write(harmless(text.endsWith("\n") ? text : `${text}\n`)),
  }
}

/** Prints a result: as JSON of its documented shape, or as `human` renders it. */
export function print<T>(terminal: Terminal, result: T, human: (result: T) => string): void {
  terminal.out(terminal.json ? json(result) : human(result))
}

/** JSON that is the same value and can't be seen to do anything: what no one sees is written as escapes. */
export function json(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSEEN, (char) => [...char].map((each) => asUnits(each)).join(""))
}

function asUnits(char: string): string {
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
    "",
  )
}

const UNSEEN = /[^\P{Cc}\n]|[\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu

/**
 * The last stand before a terminal, for whatever forgot to make its text inert: colours of ours alone, and no other sequence,
 * no cursor that moves, no override of direction.
 */
export function harmless(text: string): string {
  return text.replace(STEERING, "$1").replace(COMMANDING, (line) => `${line.slice(0, -2)}${line.at(-2)} ${line.at(-1)}`)
}

/** What a CI's runner takes for an order, wherever a line begins with it: `::stop-commands::…`, `##vso[…]`, `##[…]`. */
const COMMANDING = /^[^\S\n]*(?:::|##(?=\[|vso\[))/gm

/** First group: what picocolors writes. */
const STEERING =
  /(\u001B\[(?:0|1|2|3|4|7|9|2[1234579]|3[0-79]|4[0-79]|9[0-7]|10[0-7])m)|[^\P{Cc}\n\t]|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/** Outside text that is shown in a terminal: no escape sequences, one line, at most `max` characters. */
export function plain(text: string, max = 200): string {
  return inertLine(text, max)
}

/** "3 changes", "1 change". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}

/** US dollars as people read them; `basis` is said where it is not a plain report. */
export function dollars(usd: number, basis?: string): string {
  const text = usd === 0 ? "$0" : usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`
  return basis === undefined || basis === "reported" || basis === "metered" || usd === 0 ? text : `${text} (${basis})`
}

/** "3 min ago". */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 86_400 * 2) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} days ago`
}

/** "2026-11-23 09:00", in this machine's time zone, whatever its language. */
export function localTime(iso: string): string {
  return new Date(iso).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" })
}
