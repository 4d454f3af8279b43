import { expect, test } from "vitest"
import { costOverTime } from "./cost-over-time.ts"
import type { ChangeView } from "./view.ts"

const view = (updatedAt: string, usd: number, outcome?: ChangeView["outcome"]): ChangeView => ({
  id: updatedAt,
  loop: "fix",
  run: "r",
  title: "t",
  fingerprint: "f",
  source: "s",
  severity: "low",
  stage: "done",
  says: "",
  attempts: [],
  usd,
  basis: "metered",
  startedAt: updatedAt,
  updatedAt,
  ...(outcome === undefined ? {} : { outcome }),
})

test("by days: what came to nothing is paid by what was accepted, in the time zone's days", () => {
  const all = [
    view("2026-11-20T10:00:00Z", 1, "proposed"),
    view("2026-11-20T11:00:00Z", 2, "stopped"),
    view("2026-11-20T23:30:00Z", 0.5, "merged"),
    view("2026-11-22T10:00:00Z", 0.25, "asked"),
    view("2026-11-22T10:00:00Z", 0, "already_fixed"),
  ]
  expect(costOverTime(all, "Europe/Berlin")).toEqual([
    { from: "2026-11-20", days: 1, accepted: 1, usd: 3, usdPerAccepted: 3 },
    { from: "2026-11-21", days: 1, accepted: 1, usd: 0.5, usdPerAccepted: 0.5 },
    { from: "2026-11-22", days: 1, accepted: 0, usd: 0.25 },
  ])
})

test("by weeks where it goes on for longer, the newest eight", () => {
  const all = Array.from({ length: 100 }, (_, index) =>
    view(new Date(Date.UTC(2026, 7, 1 + index, 12)).toISOString(), 1, index % 2 === 0 ? "merged" : "stopped"),
  )
  const weeks = costOverTime(all, "UTC")
  expect(weeks).toHaveLength(8)
  expect(weeks[0]).toMatchObject({ from: "2026-09-14", days: 7, usd: 7 })
  expect(weeks.every(({ from }) => new Date(from).getUTCDay() === 1)).toBe(true)
})

type Attempt = ChangeView["attempts"][number]
const tried = (verdict: Attempt["verdict"], usd: number, more: Partial<Attempt> = {}): Attempt => ({
  n: 1,
  outcome: "",
  head: "h",
  evidence: [],
  usd,
  basis: "metered",
  maker: { usd, basis: "metered" },
  ...(verdict === undefined ? {} : { verdict }),
  ...more,
})
const accepted = (usd: number, attempts: Attempt[], basis = "metered"): ChangeView => ({
  ...view("2026-11-20T10:00:00Z", usd, "proposed"),
  attempts,
  basis,
})

test.each<[string, ChangeView[], object | undefined]>([
  [
    "what the first session alone cost, how often the gate refused it, and what the rest adds",
    [
      accepted(0.5, [tried("accept", 0.3)]),
      accepted(1.1, [tried("retry", 0.1), tried("accept", 0.4, { n: 2 })]),
      accepted(0.8, [tried(undefined, 0.2, { head: undefined }), tried("accept", 0.2, { n: 2 })]),
      { ...accepted(9, [tried("retry", 9)]), outcome: "stopped" },
    ],
    { changes: 3, usdPerChange: 0.2, basis: "metered", unknown: 0, wrong: 1, nothing: 1, addedUsdPerChange: 0.6 },
  ],
  [
    "what nobody knows is in no mean, and its verdict counts",
    [
      accepted(2, [tried("reject", 2, { maker: { usd: 2, basis: "unknown" } })], "unknown"),
      accepted(0.5, [tried("accept", 0.3, { maker: { usd: 0.3, basis: "estimated" } })]),
    ],
    { changes: 2, usdPerChange: 0.3, basis: "estimated", unknown: 1, wrong: 1, nothing: 0, addedUsdPerChange: 0.2 },
  ],
  [
    "known of none",
    [accepted(2, [tried("accept", 2, { maker: { usd: 2, basis: "unknown" } })], "unknown")],
    { changes: 1, unknown: 1, wrong: 0, nothing: 0 },
  ],
  ["a ledger that does not tell", [accepted(2, [tried("accept", 2, { maker: undefined })])], undefined],
])("a bare agent: %s", (_, views, expected) => {
  const [day] = costOverTime(views, "UTC")
  const rounded = JSON.parse(JSON.stringify(day?.bare ?? null), (_key, value: unknown) =>
    typeof value === "number" ? Math.round(value * 1e6) / 1e6 : value,
  )
  expect(rounded ?? undefined).toEqual(expected)
})

test("nothing that cost anything is nothing", () => {
  expect(costOverTime([], "UTC")).toEqual([])
})
