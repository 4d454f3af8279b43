import { sql } from "kysely"
import { afterEach, describe, expect, test, vi } from "vitest"
import { startOfDay, startOfMonth } from "../src/lib/day.ts"
import { ledgerTime } from "../src/record/ledger-time.ts"
import { ceilingsNow, reserve } from "../src/record/money.ts"
import { fixes, look, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

sharedHome()
afterEach(() => vi.useRealTimers())

const HOUR_MS = 3_600_000

test("a day's money is not opened again by a process whose clock went ahead", async () => {
  const guardrails = "max_iterations: 1, budget: $1/day"
  await using repo = await smallRepo(quickProject({ maker: fixes, items: 2, usdPerAttempt: 1, guardrails }))
  expect((await runFix(repo)).report).toMatchObject({ usd: 1, held: [{ reason: "budget" }] })
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 49 * HOUR_MS })
  expect((await runFix(repo)).report).toMatchObject({ usd: 0, held: [{ reason: "budget" }] })
  vi.useRealTimers()

  // As if all of it had been 26 hours earlier by the machine's clock, and the machine had not run since.
  await look(repo, async ({ db }) => {
    await sql`update flyball.clock set at = at - interval '26 hours'`.execute(db)
    await sql`update flyball.money set at = at - interval '26 hours'`.execute(db)
  })
  const [held] = (await runFix(repo)).report.held
  expect(held?.detail).toMatch(
    /\$1\.00 of \$1\.00 for this loop and day.*clock went ahead by 26 h.*believed in 6[01] min/,
  )
  await look(repo, async ({ db }) => {
    await sql`update flyball.clock set ahead_since = ahead_since - 3600`.execute(db)
  })
  expect((await runFix(repo)).report).toMatchObject({ usd: 1, held: [] })
})

describe("a machine's clock", () => {
  const boot = (seconds: number) => ({ id: `boot-${Math.random()}`, seconds })

  test("that went ahead is believed after an hour with it, and not before", async () => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      const at = boot(1000)
      const first = (await ledgerTime(db, at)).now.getTime()
      // As if a minute ago it had been 26 hours earlier.
      const earlier = new Date(first - 26 * HOUR_MS)
      await db.updateTable("clock").set({ at: earlier }).where("boot", "=", at.id).execute()
      const jumped = await ledgerTime(db, { ...at, seconds: 1060 })
      expect(jumped.now.getTime()).toBe(earlier.getTime() + 60_000)
      expect(jumped.ahead?.bySeconds).toBeCloseTo(26 * 3600 - 60, -2)
      expect(jumped.ahead?.believedInSeconds).toBe(3600)
      expect(await ledgerTime(db, { ...at, seconds: 1060 + 3000 })).toMatchObject({ ahead: { believedInSeconds: 600 } })
      expect((await ledgerTime(db, { ...at, seconds: 1060 + 3600 })).ahead).toBeUndefined()
    })
  })

  test("that was put right again at once changes nothing", async () => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      const at = boot(50)
      const { now } = await ledgerTime(db, at)
      await db
        .updateTable("clock")
        .set({ at: new Date(now.getTime() - 26 * HOUR_MS) })
        .where("boot", "=", at.id)
        .execute()
      expect((await ledgerTime(db, { ...at, seconds: 60 })).ahead).toBeDefined()
      await db.updateTable("clock").set({ at: now }).where("boot", "=", at.id).execute()
      expect((await ledgerTime(db, { ...at, seconds: 70 })).ahead).toBeUndefined()
      const { ahead_since } = await db
        .selectFrom("clock")
        .selectAll()
        .where("boot", "=", at.id)
        .executeTakeFirstOrThrow()
      expect(ahead_since, "an earlier jump's hour does not count for the next").toBeNull()
    })
  })

  test.each([
    ["ran on with the time that passed", 3600, 3600],
    ["was set back", 3600, -26 * 3600],
    ["is seen from another container", 5, 80 * 3600],
  ])("that %s is believed", async (_, ran, passed) => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      const at = boot(100)
      const { now } = await ledgerTime(db, at)
      await db
        .updateTable("clock")
        .set({ at: new Date(now.getTime() - passed * 1000) })
        .where("boot", "=", at.id)
        .execute()
      const later = await ledgerTime(db, { ...at, seconds: ran < 100 ? ran : 100 + ran })
      expect(later.ahead).toBeUndefined()
      expect(Math.abs(later.now.getTime() - Date.now())).toBeLessThan(60_000)
    })
  })
})

test("what was spent under a later date, since a clock was ahead, counts today", async () => {
  await using repo = await smallRepo({ "a.txt": "" })
  await look(repo, async ({ db, repo: { key } }) => {
    const ceilings = { limits: [{ ceiling: "day", unit: "usd", limit: 2 } as const], timeZone: () => "UTC" }
    const asked = { change: "c", repo: key, loop: "fix", run: "r", usd: 2, ceilings }
    expect(await reserve(db, { ...asked, key: "one" })).toMatchObject({ is: "granted", usd: 2 })
    await db
      .updateTable("money")
      .set({ at: new Date(Date.now() + 50 * HOUR_MS) })
      .execute()
    expect(await ceilingsNow(db, asked)).toMatchObject([{ ceiling: "day", used: 2 }])
    expect(await reserve(db, { ...asked, key: "two" })).toMatchObject({ is: "denied" })
    await db
      .updateTable("money")
      .set({ at: new Date(Date.now() - 50 * HOUR_MS) })
      .execute()
    expect(await reserve(db, { ...asked, key: "two" })).toMatchObject({ is: "granted" })
  })
})

test.each([
  ["2026-03-29T12:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00.000Z"],
  ["2026-10-25T12:00:00Z", "Europe/Berlin", "2026-10-24T22:00:00.000Z"],
  ["2026-11-21T03:00:00.250Z", "America/New_York", "2026-11-20T05:00:00.000Z"],
  ["2026-11-20T12:00:00Z", "Pacific/Auckland", "2026-11-20T11:00:00.000Z"],
  ["2026-11-21T00:00:00Z", "UTC", "2026-11-21T00:00:00.000Z"],
  // The clocks go back from 1:00 to 0:00: two midnights.
  ["2026-11-01T04:30:00Z", "America/Havana", "2026-11-01T04:00:00.000Z"],
  ["2026-11-01T12:00:00Z", "America/Havana", "2026-11-01T04:00:00.000Z"],
  // And on from 0:00 to 1:00: none.
  ["2026-03-08T12:00:00Z", "America/Havana", "2026-03-08T05:00:00.000Z"],
])("the day of %s in %s began at %s", (at, zone, began) => {
  expect(startOfDay(new Date(at), zone).toISOString()).toBe(began)
})

test.each([
  ["2026-03-31T12:00:00Z", "Europe/Berlin", "2026-02-28T23:00:00.000Z"],
  ["2026-11-01T03:00:00Z", "America/New_York", "2026-10-01T04:00:00.000Z"],
  ["2026-11-30T12:00:00Z", "Pacific/Auckland", "2026-11-30T11:00:00.000Z"],
  ["2026-12-31T23:59:59Z", "UTC", "2026-12-01T00:00:00.000Z"],
])("the month of %s in %s began at %s", (at, zone, began) => {
  expect(startOfMonth(new Date(at), zone).toISOString()).toBe(began)
})
