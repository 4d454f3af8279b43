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

test("nothing that cost anything is nothing", () => {
  expect(costOverTime([], "UTC")).toEqual([])
})
