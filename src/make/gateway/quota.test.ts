import { expect, test } from "vitest"
import { quotaOf, retryAfterMs } from "./quota.ts"

const now = Date.parse("2026-11-21T12:00:00Z")

test.each([
  ["retry-after in seconds", { "retry-after": "30" }, "", 30_000],
  ["retry-after as a date", { "retry-after": "Sat, 21 Nov 2026 12:01:00 GMT" }, "", 60_000],
  ["retry-after-ms before it", { "retry-after-ms": "1500", "retry-after": "2" }, "", 1_500],
  [
    "Anthropic's reset of the limit that is used up",
    {
      "anthropic-ratelimit-requests-remaining": "40",
      "anthropic-ratelimit-requests-reset": "2026-11-21T18:00:00Z",
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2026-11-21T12:00:45Z",
    },
    "",
    45_000,
  ],
  [
    "Anthropic's unified reset, a moment",
    { "anthropic-ratelimit-unified-reset": String(now / 1000 + 7_200) },
    "",
    7_200_000,
  ],
  [
    "OpenAI's span of the limit that is used up",
    {
      "x-ratelimit-remaining-requests": "9",
      "x-ratelimit-reset-requests": "20ms",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "6m0.5s",
    },
    "",
    360_500,
  ],
  [
    "OpenRouter's reset in milliseconds",
    { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now + 5_000) },
    "",
    5_000,
  ],
  [
    "Gemini's RetryInfo",
    {},
    JSON.stringify({ error: { details: [{ "@type": "x", a: 1 }, { retryDelay: "34s" }] } }),
    34_000,
  ],
  ["a past moment", { "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT" }, "", 0],
  ["nobody says", {}, "no JSON", undefined],
  ["nonsense", { "retry-after": "soon", "x-ratelimit-reset-tokens": "??" }, "", undefined],
])("when a limit ends: %s", (_, headers, body, ms) => {
  expect(retryAfterMs(429, headers, body, now)).toBe(ms)
})

test("which answers speak of a limit", () => {
  const message = (text: string) => JSON.stringify({ error: { message: text } })
  expect(quotaOf(429, {}, message("slow down"), now)).toEqual({ status: 429, why: "slow down" })
  expect(quotaOf(402, {}, "", now)).toEqual({ status: 402 })
  expect(quotaOf(529, { "retry-after": "5" }, "", now)).toEqual({ status: 529, resetsAt: "2026-11-21T12:00:05.000Z" })
  expect(quotaOf(400, {}, message("Your credit balance is too low to access the API."), now)?.status).toBe(400)
  expect(quotaOf(400, {}, message("max_tokens: required"), now)).toBeUndefined()
  expect(quotaOf(500, { "retry-after": "5" }, "", now)).toBeUndefined()
})
