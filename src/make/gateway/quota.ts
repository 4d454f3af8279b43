import type { IncomingHttpHeaders } from "node:http"
import { list, object, parseObject, text } from "./json.ts"
import type { Quota } from "./metered.ts"

/** Statuses by which providers say that there is no more for now: too many, no credit, overloaded. */
const QUOTA_STATUSES = [402, 429, 529]

/** What an answer says of the provider's limits; undefined where it says nothing of them. */
export function quotaOf(status: number, headers: IncomingHttpHeaders, body: string, nowMs: number): Quota | undefined {
  const error = object(parseObject(body)?.error)
  const why = text(error.message)?.slice(0, 300)
  // Anthropic says with 400 that the account has no credit.
  if (!QUOTA_STATUSES.includes(status) && !/credit balance is too low/i.test(why ?? "")) return undefined
  const waitMs = retryAfterMs(status, headers, body, nowMs)
  return {
    status,
    ...(waitMs === undefined ? {} : { resetsAt: new Date(nowMs + waitMs).toISOString() }),
    ...(why === undefined ? {} : { why }),
  }
}

/** How long to wait, by `retry-after`, else by the reset of the limit that is used up; undefined where nobody says. */
export function retryAfterMs(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  nowMs: number,
): number | undefined {
  if (status < 400) return undefined
  const told = [
    milliseconds(one(headers["retry-after-ms"])),
    secondsOrDate(one(headers["retry-after"]), nowMs),
    usedUp(headers, nowMs),
    retryInfo(body),
  ].find((each) => each !== undefined)
  return told === undefined ? undefined : Math.min(Math.max(0, told), LONGEST_MS)
}

/** No provider's limit is longer than a month. */
const LONGEST_MS = 31 * 24 * 60 * 60 * 1000

/** The latest reset among the limits of which nothing remains; among all where none says what remains. */
function usedUp(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const resets = Object.entries(headers).flatMap(([name, value]) => {
    const [, limit] = /^(anthropic-ratelimit-.+)-reset$/.exec(name) ?? /^(x-ratelimit-)reset(?:-.+)?$/.exec(name) ?? []
    if (limit === undefined) return []
    const remaining = one(headers[limit === "x-ratelimit-" ? name.replace("reset", "remaining") : `${limit}-remaining`])
    const waitMs = secondsOrDate(one(value), nowMs) ?? span(one(value))
    return waitMs === undefined ? [] : [{ waitMs, left: remaining === undefined ? undefined : Number(remaining) }]
  })
  const empty = resets.filter(({ left }) => left === 0)
  const counted = empty.length > 0 ? empty : resets.filter(({ left }) => left === undefined)
  return counted.length === 0 ? undefined : Math.max(...counted.map(({ waitMs }) => waitMs))
}

/** Gemini: `{"error":{"details":[{"@type":"…RetryInfo","retryDelay":"34s"}]}}`. */
function retryInfo(body: string): number | undefined {
  const details = list(object(parseObject(body)?.error).details).map(object)
  return span(text(details.find((each) => typeof each.retryDelay === "string")?.retryDelay))
}

function milliseconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined
}

/** Seconds from now, a moment in seconds or milliseconds since 1970, or a date. */
function secondsOrDate(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(value)) {
    const number = Number(value)
    return number > 1e12 ? number - nowMs : number > 1e9 ? number * 1000 - nowMs : number * 1000
  }
  const at = /\d{4}/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : at - nowMs
}

/** OpenAI's spans: `6m0s`, `20ms`, `1h2m3.5s`. */
function span(value: string | undefined): number | undefined {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  if (value === undefined || !/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value)) return undefined
  return [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0),
    0,
  )
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
