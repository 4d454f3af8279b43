import { describe, expect, test } from "vitest"
import type { Trigger } from "../core/loop.ts"
import { dueFiring, nextFirings } from "./schedule.ts"

const cron = (expression: string, timeZone?: string): Trigger => ({
  on: "cron",
  expression,
  ...(timeZone === undefined ? {} : { timeZone }),
})
const every = (everyMs: number): Trigger => ({ on: "every", everyMs })
const MINUTE = 60_000

/** The next `n` firings, each looked for from the one before. */
function firings(trigger: Trigger, after: string, n: number, timeZone?: string): string[] {
  const found: string[] = []
  let at = new Date(after)
  for (let index = 0; index < n; index += 1) {
    const [next] = nextFirings([trigger], at, timeZone)
    if (next === undefined) break
    at = next.at
    found.push(at.toISOString().replace(":00.000Z", "Z"))
  }
  return found
}

describe("the next firings", () => {
  test.each<[string, Trigger, string, string[]]>([
    [
      "every weekday at nine, over a weekend",
      cron("0 9 * * MON-FRI", "UTC"),
      "2026-11-20T08:00:00Z",
      ["2026-11-20T09:00Z", "2026-11-23T09:00Z"],
    ],
    [
      "a time that has just come is not the next one",
      cron("0 9 * * *", "UTC"),
      "2026-11-20T09:00:00Z",
      ["2026-11-21T09:00Z"],
    ],
    ["in the zone it names", cron("0 9 * * *", "Asia/Tokyo"), "2026-11-20T12:00:00Z", ["2026-11-21T00:00Z"]],
    [
      "02:30 does not exist when the clocks go on: 03:00, once",
      cron("30 2 * * *", "Europe/Berlin"),
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00Z", "2026-03-30T00:30Z"],
    ],
    [
      "01:30 comes twice when the clocks go back: once",
      cron("30 1 * * *", "America/New_York"),
      "2026-10-31T12:00:00Z",
      ["2026-11-01T05:30Z", "2026-11-02T06:30Z"],
    ],
    [
      "09:00 stays 09:00 over a change",
      cron("0 9 * * *", "Europe/Berlin"),
      "2026-10-24T00:00:00Z",
      ["2026-10-24T07:00Z", "2026-10-25T08:00Z"],
    ],
    ["half a year of February", cron("0 0 29 2 *", "UTC"), "2026-11-20T00:00:00Z", ["2028-02-29T00:00Z"]],
    ["a day that never comes has none", cron("0 0 30 2 *", "UTC"), "2026-11-20T00:00:00Z", []],
    [
      "every 15 minutes is a quarter of the hour",
      every(15 * MINUTE),
      "2026-11-20T08:07:12Z",
      ["2026-11-20T08:15Z", "2026-11-20T08:30Z", "2026-11-20T08:45Z"],
    ],
    [
      "every 15 minutes goes on through a change of clocks",
      every(15 * MINUTE),
      "2026-03-29T00:50:00Z",
      ["2026-03-29T01:00Z", "2026-03-29T01:15Z"],
    ],
  ])("%s", (_name, trigger, after, expected) => {
    expect(firings(trigger, after, Math.max(1, expected.length))).toEqual(expected)
  })

  test("a schedule without a zone takes the one it is given", () => {
    expect(firings(cron("0 9 * * *"), "2026-11-20T12:00:00Z", 1, "Asia/Tokyo")).toEqual(["2026-11-21T00:00Z"])
  })

  test("of several triggers the soonest comes first; those that no clock fires have none", () => {
    const all = nextFirings(
      [cron("0 9 * * *", "UTC"), { on: "manual" }, { on: "after", loop: "x" }, every(60 * MINUTE)],
      new Date("2026-11-20T06:30:00Z"),
    )
    expect(all.map(({ trigger }) => trigger.on)).toEqual(["every", "cron"])
  })

  test.each(["* * * * * *", "nonsense", "61 * * * *"])("%s is refused with a hint", (expression) => {
    expect(() => nextFirings([cron(expression)], new Date())).toThrowError(
      expect.objectContaining({ code: "BAD_SCHEDULE", hint: expect.any(String) }),
    )
  })

  test("a zone that does not exist is refused", () => {
    expect(() => nextFirings([cron("0 9 * * *", "Europe/Atlantis")], new Date())).toThrowError(
      expect.objectContaining({ code: "BAD_SCHEDULE" }),
    )
  })
})

describe("what fell due", () => {
  const due = (triggers: Trigger[], since: string, now: string) => {
    const found = dueFiring(triggers, new Date(since), new Date(now))
    return found === undefined ? undefined : [found.at.toISOString().replace(":00.000Z", "Z"), found.missed]
  }
  test.each<[string, Trigger[], string, string, unknown]>([
    ["nothing yet", [cron("0 9 * * *", "UTC")], "2026-11-20T09:00:00Z", "2026-11-21T08:59:59Z", undefined],
    ["just now", [cron("0 9 * * *", "UTC")], "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z", ["2026-11-21T09:00Z", 0]],
    [
      "four nights asleep: one run",
      [cron("0 9 * * *", "UTC")],
      "2026-11-16T09:00:00Z",
      "2026-11-20T10:00:00Z",
      ["2026-11-20T09:00Z", 3],
    ],
    [
      "an hour asleep: one run",
      [every(15 * MINUTE)],
      "2026-11-20T08:00:10Z",
      "2026-11-20T09:01:00Z",
      ["2026-11-20T09:00Z", 3],
    ],
    [
      "the skipped 02:30 of spring",
      [cron("30 2 * * *", "Europe/Berlin")],
      "2026-03-28T12:00:00Z",
      "2026-03-29T12:00:00Z",
      ["2026-03-29T01:00Z", 0],
    ],
    [
      "the doubled 01:30 of autumn",
      [cron("30 1 * * *", "America/New_York")],
      "2026-10-31T12:00:00Z",
      "2026-11-01T12:00:00Z",
      ["2026-11-01T05:30Z", 0],
    ],
    [
      "two triggers: one run, for the later",
      [cron("0 9 * * *", "UTC"), every(60 * MINUTE)],
      "2026-11-20T08:30:00Z",
      "2026-11-20T10:30:00Z",
      ["2026-11-20T10:00Z", 2],
    ],
    ["a clock that went back", [every(15 * MINUTE)], "2026-11-20T09:00:00Z", "2026-11-20T08:00:00Z", undefined],
    ["manual alone", [{ on: "manual" }], "2026-11-20T09:00:00Z", "2027-11-20T08:00:00Z", undefined],
  ])("%s", (_name, triggers, since, now, expected) => {
    expect(due(triggers, since, now)).toEqual(expected)
  })
})
