import type { Guardrails } from "../core/loop.ts"
import { Misread } from "./misread.ts"

const second = 1000
const units: Record<string, number> = { ms: 1, s: second, m: 60 * second, h: 3600 * second, d: 86_400 * second }
const longUnits: Record<string, string> = {
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  hr: "h",
  hrs: "h",
  hour: "h",
  hours: "h",
  day: "d",
  days: "d",
}
const LIMIT_MS = 366 * 86_400 * second

/** Reads `45m`, `1h30m`, `30s`, `2d` into milliseconds. */
export function readDuration(text: string): number {
  const written = text.trim()
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(written)) throw notADuration(written)
  let ms = 0
  let last = Number.POSITIVE_INFINITY
  for (const [, amount = "", , unit = ""] of written.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    const size = units[unit] ?? 0
    if (size >= last)
      throw new Misread(`In \`${written}\` the units must go from large to small, each once.`, {
        hint: "1d12h, 1h30m, 90s",
      })
    last = size
    ms += Number(amount) * size
  }
  if (ms <= 0) throw new Misread("A duration must be longer than nothing.")
  if (ms > LIMIT_MS) throw new Misread(`\`${written}\` is longer than a year.`)
  return Math.max(1, Math.round(ms))
}

function notADuration(written: string): Misread {
  const mended = written
    .toLowerCase()
    .replace(/(\d)\s*([a-z]+)\s*(and\s*|,\s*)?/g, (whole, digit: string, unit: string) => {
      const short = unit in units ? unit : longUnits[unit]
      return short === undefined ? whole : `${digit}${short}`
    })
  if (mended !== written && /^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(mended))
    return new Misread(`\`${written}\` is not how durations are written here.`, {
      hint: `Write \`${mended}\`.`,
      suggestion: mended,
    })
  if (/^\d+(\.\d+)?$/.test(written))
    return new Misread(`\`${written}\` of what?`, {
      hint: `Durations carry a unit: ${written}s, ${written}m, ${written}h.`,
      suggestion: `${written}m`,
    })
  return new Misread(`\`${written}\` is not a duration.`, { hint: "Units are ms, s, m, h, d: 45m, 1h30m, 2d." })
}

/** Writes milliseconds so that `readDuration` reads the same again. */
export function writeDuration(ms: number): string {
  let left = Math.round(ms)
  let written = ""
  for (const [unit, size] of Object.entries(units).sort(([, a], [, b]) => b - a)) {
    const amount = Math.floor(left / size)
    if (amount > 0) written += `${amount}${unit}`
    left -= amount * size
  }
  return written
}

const sizes: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** Reads `200KB`, `10MB`, `1.5GB` into bytes; a kilobyte is a thousand of them. */
export function readSize(text: string): number {
  const written = text.trim()
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)$/.exec(written) ?? []
  const size = sizes[unit]
  if (size === undefined) throw notASize(written)
  const bytes = Math.round(Number(amount) * size)
  if (bytes <= 0) throw new Misread("A size must be more than nothing.")
  return bytes
}

function notASize(written: string): Misread {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(written) ?? []
  const mended = `${amount}${unit === "" ? "MB" : `${unit.charAt(0).toUpperCase()}${/^b/i.test(unit) ? "" : "B"}`}`
  if (amount !== "" && /^\d+(\.\d+)?(B|KB|MB|GB|TB)$/.test(mended))
    return new Misread(unit === "" ? `\`${written}\` of what?` : `\`${written}\` is not how sizes are written here.`, {
      hint: `Write \`${mended}\`.`,
      suggestion: mended,
    })
  return new Misread(`\`${written}\` is not a size.`, { hint: "Units are B, KB, MB, GB, TB: 200KB, 10MB, 1.5GB." })
}

/** Writes bytes so that `readSize` reads the same again. */
export function writeSize(bytes: number): string {
  const fits = Object.entries(sizes).findLast(([, size]) => bytes >= size && Number.isInteger(bytes / size))
  return fits === undefined ? `${bytes}B` : `${bytes / fits[1]}${fits[0]}`
}

export type Budget = Guardrails["budget"]

const ceilings: Record<string, keyof Budget> = {
  "usd/run": "usdPerRun",
  "usd/day": "usdPerDay",
  "usd/attempt": "usdPerAttempt",
  "usd/change": "usdPerChange",
  "usd/month": "usdPerMonth",
  "tokens/attempt": "tokensPerAttempt",
  "tokens/run": "tokensPerRun",
  "tokens/day": "tokensPerDay",
}
const scales: Record<string, number> = { "": 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9 }
const periods: Record<string, string> = {
  daily: "day",
  days: "day",
  runs: "run",
  changes: "change",
  finding: "change",
  monthly: "month",
  months: "month",
  attempts: "attempt",
  try: "attempt",
  tries: "attempt",
  d: "day",
}

/** Reads one ceiling: `$5/run`, `$40/day`, `$1/attempt`, `30M tokens/day`. */
export function readCeiling(text: string): { key: keyof Budget; amount: number } {
  const written = text.trim()
  const match =
    /^(\$)?\s*(-?[\d.,_]+)\s*([kKmMbBgG])?\s*(\$|usd|USD|dollars?|tokens?|tok|€|£|eur|EUR|gbp|GBP)?\s*(?:(?:\/|\bper\b|\ba\b)\s*([A-Za-z]+))?$/.exec(
      written,
    )
  if (match === null) {
    if (/^[€£¥]/.test(written)) throw new Misread("Budgets are in US dollars.", { hint: "$5/run" })
    throw new Misread(`\`${written}\` is not a budget.`, { hint: "$5/run, $40/day, $1/attempt, 30M tokens/day" })
  }
  const [, sign, digits = "", scale = "", word = "", period] = match
  if (/€|£|eur|gbp/i.test(word)) throw new Misread("Budgets are in US dollars.", { hint: "$5/run" })
  const tokens = /^tok/i.test(word)
  if (sign === undefined && word === "")
    throw new Misread(`\`${written}\` of what?`, {
      hint: `Write $${digits}/run, or a number of tokens: 30M tokens/day.`,
      suggestion: scale === "" ? `$${digits}/${period ?? "run"}` : `${digits}${scale} tokens/${period ?? "day"}`,
    })
  if (sign !== undefined && tokens)
    throw new Misread(`\`${written}\` mixes dollars and tokens.`, {
      hint: "A list holds both: [ $5/run, 30M tokens/day ]",
    })
  if (period === undefined)
    throw new Misread(`\`${written}\`: per what?`, {
      hint: tokens
        ? "per attempt, run or day: 30M tokens/day"
        : `per attempt, change, run, day or month: $${digits}/run`,
      suggestion: `${written}/${tokens ? "day" : "run"}`,
    })
  const amount = readNumber(digits, written) * (scales[scale.toLowerCase()] ?? 1)
  const unit = periods[period.toLowerCase()] ?? period.toLowerCase()
  const key = ceilings[`${tokens ? "tokens" : "usd"}/${unit}`]
  if (key === undefined)
    throw new Misread(`There is no budget per \`${period}\`${tokens ? " in tokens" : ""}.`, {
      offset: Math.max(0, text.lastIndexOf(period)),
      length: period.length,
      hint: tokens
        ? "Tokens are counted per attempt, run or day."
        : "Money is counted per attempt, change, run, day or month.",
    })
  if (amount <= 0)
    throw new Misread("A budget must be more than nothing.", {
      hint: "A maker of `use: command` costs nothing unless it declares it; leave the budget out, or set what the reviewer may spend.",
    })
  const proper = writeCeiling(key, amount)
  // One way to write it, so that files read alike: who writes another is shown it.
  const usual =
    period === unit &&
    (tokens ? /^tokens$/.test(word) : sign !== undefined && word === "") &&
    !/\s(per|a)\s/.test(written)
  if (!usual)
    throw new Misread(`\`${written}\` is written \`${proper}\` here.`, {
      hint: `Write \`${proper}\`.`,
      suggestion: proper,
    })
  return { key, amount }
}

function readNumber(digits: string, written: string): number {
  const plain = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(digits) ? digits.replaceAll(",", "") : digits.replaceAll("_", "")
  if (/^-/.test(plain)) throw new Misread("A budget can't be negative.")
  if (!/^(\d+(\.\d+)?|\.\d+)$/.test(plain))
    throw new Misread(`\`${digits}\` in \`${written}\` is not a number.`, { hint: "Decimals take a point: $0.50/run." })
  return Number(plain)
}

/** Every ceiling that a budget can hold, in the order in which they are shown. */
export const ceilingKeys = [
  "usdPerAttempt",
  "usdPerChange",
  "usdPerRun",
  "usdPerDay",
  "usdPerMonth",
  "tokensPerAttempt",
  "tokensPerRun",
  "tokensPerDay",
] as const satisfies (keyof Budget)[]

/** Writes a ceiling so that `readCeiling` reads the same again. */
export function writeCeiling(key: keyof Budget, amount: number): string {
  const [unit = "", period = ""] = (Object.entries(ceilings).find(([, name]) => name === key)?.[0] ?? "").split("/")
  return unit === "usd" ? `$${plainNumber(amount)}/${period}` : `${scaled(amount)} tokens/${period}`
}

function scaled(amount: number): string {
  for (const [name, size] of [
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    const inUnit = amount / size
    if (inUnit >= 1 && Number(plainNumber(inUnit)) * size === amount) return `${plainNumber(inUnit)}${name}`
  }
  return plainNumber(amount)
}

/** Never with an exponent: `1e-7` is not how people write money. */
function plainNumber(value: number): string {
  const written = String(value)
  return written.includes("e") ? value.toFixed(20).replace(/\.?0+$/, "") : written
}
