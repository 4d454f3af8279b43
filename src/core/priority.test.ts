import { describe, expect, test } from "vitest"
import { type Change, spentOn } from "./change.ts"
import { decide } from "./decide.ts"
import type { EventBody } from "./event.ts"
import { changeOf, loop } from "./fixtures/story.ts"
import { goesBefore, leftFor, type Priority, shareOf } from "./priority.ts"
import { NOTHING_SPENT } from "./spend.ts"

describe("one rule: low ones stop at 80 %, normal ones at 90 % where a high one is known, high ones at the end", () => {
  test.each<[Priority, boolean, number]>([
    ["low", false, 0.8],
    ["low", true, 0.8],
    ["normal", false, 1],
    ["normal", true, 0.9],
    ["high", false, 1],
    ["high", true, 1],
  ])("%s, a high one known: %s", (priority, known, share) => {
    expect(shareOf(priority, known)).toBe(share)
  })

  test.each<[used: number, known: boolean, left: Record<Priority, number>]>([
    [0, true, { high: 100, normal: 90, low: 80 }],
    [79, true, { high: 21, normal: 11, low: 1 }],
    [85, true, { high: 15, normal: 5, low: 0 }],
    [95, true, { high: 5, normal: 0, low: 0 }],
    [95, false, { high: 5, normal: 5, low: 0 }],
    [120, false, { high: 0, normal: 0, low: 0 }],
  ])("of 100, after %s", (used, known, left) => {
    expect(leftFor({ limit: 100, used }, known)).toEqual(left)
  })

  test("nobody goes before their like", () => {
    expect([goesBefore("high", "low"), goesBefore("low", "low"), goesBefore("low", "normal")]).toEqual([
      true,
      false,
      false,
    ])
  })
})

const isolated: EventBody = { type: "isolate.ended", attempt: 1, base: "b", workspace: "/w", standing: "stands" }
const started: EventBody = { type: "make.started", attempt: 1, agent: "i", use: "claude", reserveUsd: 0.5 }
const more: EventBody = { type: "reserve.extended", attempt: 1, usd: 0.25 }
const cut: EventBody = {
  type: "make.ended",
  attempt: 1,
  made: { is: "failed", code: "budget", why: "for those above", forOthers: true },
  spend: { ...NOTHING_SPENT, usd: 0.4, basis: "metered" },
  sandboxed: true,
  ms: 1,
}
const waits: EventBody = { type: "asked", reason: "priority", question: "for those above" }
const again: EventBody[] = [
  { type: "finished", outcome: "asked" },
  { type: "resumed", run: "r2", loopHash: "h" },
]

describe("what is kept for loops above is waited for, not asked of a person", () => {
  test("a session that was cut for it is no stop of its own", () => {
    expect(decide(changeOf([isolated, started, cut]), loop)).toEqual({
      do: "ask",
      reason: "priority",
      question: "for those above",
    })
  })

  test.each<[string, EventBody[], usd: number]>([
    ["denied before it began", [isolated, waits, ...again], 0],
    ["cut in the middle", [isolated, started, cut, waits, ...again], 0.4],
  ])("%s: the next run begins the same attempt anew, on the base of its day", (_, bodies, usd) => {
    const change = changeOf(bodies)
    expect(decide(change, loop)).toEqual({ do: "isolate", attempt: 1 })
    expect(spentOn(change).usd).toBe(usd)
  })
})

describe("M3: what a session took later is charged like what it had at first, whenever its process dies", () => {
  test.each<[string, EventBody[], Partial<Change["attempts"][number]>]>([
    ["while it runs", [started, more, more], { reservedUsd: 1, spend: NOTHING_SPENT }],
    ["begun again", [started, more, started], { reservedUsd: 0.5, spend: spent(0.75, "unknown") }],
    [
      "ended",
      [started, more, { ...cut, spend: spent(0.6, "metered") }],
      { reservedUsd: 0, spend: spent(0.6, "metered") },
    ],
    ["crossed with its end", [started, { ...cut, spend: spent(0.6, "metered") }, more], { reservedUsd: 0 }],
    [
      "a review's",
      [
        started,
        { ...cut, spend: spent(0.1, "metered") },
        { type: "verify.started", attempt: 1, head: "h", reserveUsd: 1 },
        more,
      ],
      { reservedUsd: 1.25, spend: spent(0.1, "metered") },
    ],
  ])("%s", (_, bodies, expected) => {
    expect(changeOf([isolated, ...bodies]).attempts[0]).toMatchObject(expected)
  })

  test("a planner's", () => {
    const plans: EventBody = { type: "plan.started", attempt: 1, agent: "p", use: "claude", reserveUsd: 0.5 }
    expect(spentOn(changeOf([isolated, plans, more])).usd).toBe(0.75)
    expect(spentOn(changeOf([isolated, plans, more, plans])).usd).toBe(1.25)
  })
})

function spent(usd: number, basis: "unknown" | "metered") {
  return { ...NOTHING_SPENT, usd, basis }
}
