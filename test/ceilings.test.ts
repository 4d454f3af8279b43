import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { addToReserve, type Ceiling, reserve, settleReserve, type Unit } from "../src/record/money.ts"
import { fixes, look, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

const home = sharedHome()

const of = (ceiling: Ceiling, limit: number, unit: Unit = "usd") => ({
  limits: [{ ceiling, unit, limit }],
  timeZone: () => "UTC",
})
const asked = { change: "c1", key: "one", repo: "r1", loop: "l1", run: "run1", usd: 3, tokens: 100 }

describe("M7: what counts under a ceiling hangs on no id that a retry renews", () => {
  test.each<[Ceiling, same: Partial<typeof asked>, other: Partial<typeof asked>]>([
    ["change", { run: "run2" }, { change: "c2" }],
    ["run", { change: "c2" }, { run: "run2" }],
    ["day", { change: "c2", run: "run2" }, { loop: "l2" }],
    ["month", { change: "c2", run: "run2", loop: "l2" }, { repo: "r2" }],
    ["fleet", { change: "c2", run: "run2", loop: "l2", repo: "r2" }, {}],
  ])("of a %s", async (ceiling, same, other) => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      await db.deleteFrom("money").execute()
      for (const unit of ["usd", "tokens"] as const) {
        const ceilings = of(ceiling, asked[unit] * 1.5, unit)
        expect(await reserve(db, { ...asked, key: unit, ceilings })).toMatchObject({ is: "granted", near: [] })
        const second = await reserve(db, { ...asked, ...same, key: `${unit}-2`, ceilings })
        expect(second).toMatchObject({ is: "granted", [unit]: asked[unit] / 2, near: [{ ceiling, unit }] })
        expect(await reserve(db, { ...asked, ...same, key: `${unit}-3`, ceilings })).toMatchObject({
          is: "denied",
          ceiling,
          unit,
        })
        if (Object.keys(other).length > 0)
          expect(await reserve(db, { ...asked, ...other, key: `${unit}-4`, ceilings })).toMatchObject({ is: "granted" })
        await db.deleteFrom("money").execute()
      }
    })
  })
})

test("a reserve grows by what is left under every ceiling, and not once it is settled", async () => {
  await using repo = await smallRepo({ "a.txt": "" })
  await look(repo, async ({ db }) => {
    const request = { ...asked, change: "grows", run: "grows", ceilings: of("run", 5) }
    expect(await reserve(db, request)).toMatchObject({ usd: 3 })
    expect(await addToReserve(db, { ...request, usd: 1.5 })).toEqual({ usd: 1.5 })
    expect(await addToReserve(db, { ...request, usd: 1.5 })).toEqual({ usd: 0.5 })
    expect(await addToReserve(db, { ...request, usd: 1.5 })).toEqual({ usd: 0 })
    await settleReserve(db, "grows", { key: "one", usd: 1, tokens: 10, basis: "metered" })
    expect(await addToReserve(db, { ...request, usd: 1.5 }), "nobody would settle it any more").toEqual({ usd: 0 })
    expect(await reserve(db, { ...request, key: "two", usd: 9 })).toMatchObject({ is: "granted", usd: 4 })
  })
})

test("M8: from the text of the file to what is not begun: per change, per month, and for all loops and the day", async () => {
  const of = (budget: string) =>
    quickProject({ maker: fixes, items: 2, usdPerAttempt: 1, guardrails: `budget: ${budget}` })
  await using dear = await smallRepo(of("$0.50/change"))
  expect((await runFix(dear)).report.changes.map(({ question }) => question)).toEqual(
    Array(2).fill(expect.stringMatching(/ceiling of \$0\.50 for this change/)),
  )
  await using month = await smallRepo(of("$1/month"))
  expect((await runFix(month)).report).toMatchObject({
    usd: 1,
    held: [{ reason: "budget", detail: expect.stringContaining("$1.00 of $1.00 for this repository and month") }],
  })
  await using fleet = await smallRepo(of("$9/run"))
  await writeFile(join(home.path, "config.yaml"), "budget: $0.50/day\n")
  expect((await runFix(fleet)).report).toMatchObject({
    usd: 0,
    held: [{ detail: expect.stringContaining("of $0.50 for all loops and this day") }, {}],
  })
  await writeFile(join(home.path, "config.yaml"), "budget: $0.50/run\n")
  await expect(runFix(fleet)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/config\.yaml:1:9.*counted by the day/s),
  })
  await writeFile(join(home.path, "config.yaml"), "")
})
