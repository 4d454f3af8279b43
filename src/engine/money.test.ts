import { expect, test } from "vitest"
import type { Spend } from "../core/spend.ts"
import { settlementOf } from "./money.ts"

const tokens = { in: 30, out: 12, cacheRead: 0, cacheWrite: 0 }
const cases: [string, Spend, number][] = [
  ["what was metered counts as it is", { tokens, usd: 0.5, basis: "metered" }, 42],
  ["tokens that were metered count, though nobody knows their price", { tokens, usd: 0, basis: "unknown" }, 42],
  ["M2: what nobody saw is all that was set aside", { tokens, usd: 0.5, basis: "unknown", more: true }, 9_000],
]

test.each(cases)("%s", (_, spend, settled) => {
  expect(settlementOf("k", spend, 9_000)).toMatchObject({ tokens: settled, usd: spend.usd })
})
