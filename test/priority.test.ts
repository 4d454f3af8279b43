import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { sql } from "kysely"
import { describe, expect, test } from "vitest"
import { spentOn } from "../src/core/change.ts"
import type { Finding } from "../src/core/finding.ts"
import { Loop } from "../src/core/loop.ts"
import type { Priority } from "../src/core/priority.ts"
import { sharedNow } from "../src/engine/shared-ceilings.ts"
import { append, appendExtension, readChange } from "../src/record/ledger.ts"
import { noteLoop } from "../src/record/loops.ts"
import { addToReserve, type Ceiling, reserve, settleReserve, spentUsd } from "../src/record/money.ts"
import { admit } from "../src/record/runs.ts"
import { loadLoop } from "../src/spec/load.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, look, only, quickProject, runFix, sharedHome, waiting } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

const home = sharedHome()

/** A loop of which nothing matters here but its name and its priority. */
async function ranked(name: string, priority: Priority): Promise<Loop> {
  const text = `name: ${name}\nsteps: [ { discover: { run: failing_tests } } ]\nguardrails: { priority: ${priority} }\n`
  const { loop } = await loadLoop(
    { file: "l.yaml", text },
    { repo: "/r", tree: { read: async () => undefined, list: async () => [] } },
  )
  return Loop.parse(loop)
}

const of = (ceiling: Ceiling, priority: Priority, limit = 10) => ({
  limits: [{ ceiling, unit: "usd" as const, limit }],
  timeZone: () => "UTC",
  priority,
})
const asked = { change: "c1", key: "k", repo: "r1", loop: "l1", run: "run1", usd: 100 }

describe("of a ceiling that loops share, what is left is for those above", () => {
  test.each<[Ceiling, Priority, others: [repo: string, name: string, Priority][], granted: number]>([
    ["month", "low", [], 8],
    ["month", "normal", [], 10],
    ["month", "normal", [["r1", "hot", "high"]], 9],
    ["month", "normal", [["r2", "hot", "high"]], 10],
    ["month", "high", [["r1", "hot", "high"]], 10],
    ["month", "normal", [["r1", "l1", "high"]], 10],
    ["fleet", "normal", [["r2", "hot", "high"]], 9],
    ["fleet", "low", [["r2", "hot", "high"]], 8],
    ["day", "low", [["r1", "hot", "high"]], 10],
    ["run", "low", [["r1", "hot", "high"]], 10],
    ["change", "low", [["r1", "hot", "high"]], 10],
  ])("%s, %s, beside %j: %d of ten dollars", async (ceiling, priority, others, granted) => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      for (const table of ["money", "loop"] as const) await db.deleteFrom(table).execute()
      for (const [key, name, rank] of others) await noteLoop(db, key, await ranked(name, rank))
      const ceilings = of(ceiling, priority)
      expect(await reserve(db, { ...asked, ceilings })).toMatchObject({ is: "granted", usd: granted })
      const again = await reserve(db, { ...asked, key: "k2", ceilings })
      expect(again).toMatchObject({ is: "denied", byPriority: granted < 10 })
      await settleReserve(db, "c1", { key: "k", usd: 1, tokens: 0, basis: "metered" })
      const small = { ...asked, key: "k3", usd: 2, ceilings }
      expect(await reserve(db, small)).toMatchObject({ is: "granted", usd: 2 })
      const extended = await addToReserve(db, { ...small, usd: 50 })
      expect(extended.usd).toBeCloseTo(granted - 3, 9)
      expect(extended.kept, "there would not be as much for anybody").toBeUndefined()
      const more = await addToReserve(db, { ...small, usd: 0.5 })
      expect(more).toMatchObject(granted < 10 ? { usd: 0, kept: { ceiling } } : { usd: 0 })
      expect(more.kept === undefined).toBe(granted === 10)
    })
  })

  test("M2: a settlement of any size is written, and what comes after it can still be summed", async () => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      await db.deleteFrom("money").execute()
      const ceilings = of("change", "normal")
      for (const [key, usd, tokens] of [
        ["k", Number.MAX_VALUE, 1.5],
        ["k2", Number.MAX_VALUE, 1e300],
      ] as const) {
        await reserve(db, { ...asked, key, usd: 0, tokens: 5, ceilings })
        await settleReserve(db, "c1", { key, usd, tokens, basis: "reported" })
      }
      expect(await spentUsd(db, ["c1"])).toBeGreaterThan(1e9)
      expect(await reserve(db, { ...asked, key: "k3", ceilings })).toMatchObject({ is: "denied" })
    })
  })

  test("a loop that was not at work for a month keeps nothing from others", async () => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      for (const table of ["money", "loop"] as const) await db.deleteFrom(table).execute()
      await noteLoop(db, "r1", await ranked("hot", "high"))
      const seen_at = new Date(Date.now() - 32 * 24 * 3_600_000)
      await db.updateTable("loop").set({ seen_at }).execute()
      expect(await reserve(db, { ...asked, ceilings: of("month", "normal") })).toMatchObject({ usd: 10 })
    })
  })
})

const config = (budget: string) => `defaults: { guardrails: { budget: ${budget}, review_wip: 9 } }\n`
const second = (fix: string, priority: Priority) =>
  fix
    .replace("name: fix", "name: hot")
    .replaceAll("state/fix.md", "state/hot.md")
    .replace("priority: low", `priority: ${priority}`)

describe("M8: two loops under one ceiling: the low one waits while the high one goes on", () => {
  test.each([
    ["of the month", "$5/month", "", /this repository and month/, /next month \(\d{4}-\d\d-01\)/],
    [
      "of all loops and the day",
      "$50/month",
      "budget: $5/day\n",
      /all loops and this day/,
      /tomorrow \(\d{4}-\d\d-\d\d\)/,
    ],
  ])("%s", async (_, budget, fleet, named, frees) => {
    const files = quickProject({
      maker: fixes,
      items: 6,
      usdPerAttempt: 1,
      // One after the other: of two at once the second may be admitted before it is held back.
      act: "max_parallel: 1",
      guardrails: "max_iterations: 1, priority: low",
    })
    const loops = { ".flyball/loops/hot.yaml": second(files[".flyball/loops/fix.yaml"] ?? "", "high") }
    await using repo = await smallRepo({ ...files, ...loops, ".flyball/config.yaml": config(budget) })
    await look(repo, ({ db }) => db.deleteFrom("money").execute())
    await writeFile(join(home.path, "config.yaml"), fleet)
    const low = (await runFix(repo)).report
    expect(low).toMatchObject({ usd: 4, held: [{ reason: "priority" }, { reason: "priority" }], exitCode: 0 })
    const [held] = low.held
    expect(held?.detail).toMatch(named)
    expect(held?.detail).toMatch(/priority is `low`, and the last \$1\.00 of \$5\.00.*left: \$1\.00 for `high` ones/)
    expect(held?.detail).toMatch(frees)

    const high = (await runFix(repo, { loop: "hot" })).report
    expect(high).toMatchObject({
      loop: "hot",
      usd: 1,
      held: Array(5).fill({ reason: "budget", detail: expect.stringMatching(named) }),
    })
    expect((await runFix(repo)).report, "nothing is kept of nothing").toMatchObject({
      usd: 0,
      held: [{ reason: "budget" }, { reason: "budget" }],
    })
    const ceilings = await look(repo, (session) => sharedNow(session, undefined))
    expect(ceilings.find(({ limit }) => limit === 5)).toMatchObject({
      used: 5,
      loops: [
        { loop: "hot", priority: "high", left: 0 },
        { loop: "fix", priority: "low", left: 0 },
      ],
    })
    await writeFile(join(home.path, "config.yaml"), "")
  })

  test("a change under way waits too, in nobody's inbox, and goes on once there is room", async () => {
    const maker = 'test -f "$FLYBALL_FEEDBACK" && echo fixed > work/$item.txt || echo no > work/$item.txt'
    const files = quickProject({
      maker,
      usdPerAttempt: 2.5,
      verify: "{ check: n1 AND diff_reasonable }",
      guardrails: "max_iterations: 3, priority: low",
    })
    await using repo = await smallRepo({ ...files, ".flyball/config.yaml": config("$5/month") })
    await look(repo, ({ db }) => db.deleteFrom("money").execute())
    const first = await runFix(repo)
    const view = only(first)
    expect(view, first.said.join("\n")).toMatchObject({
      stage: "in_progress",
      usd: 2.5,
      says: expect.stringContaining("waits for its turn (priority)"),
      waits: expect.stringMatching(/left: .*for `normal` ones.*It goes on by itself.*next month/s),
    })
    expect(view.outcome).toBeUndefined()
    expect(first.report.exitCode).toBe(0)
    expect(await waiting(repo)).toEqual([])
    const { length } = (await look(repo, ({ db }) => readChange(db, view.id))) ?? {}
    const again = await runFix(repo)
    expect(again.report).toMatchObject({ changes: [], held: [{ reason: "priority" }] })
    expect((await look(repo, ({ db }) => readChange(db, view.id)))?.length, "nothing is written while it waits").toBe(
      length,
    )

    const status = flyball(repo.root, ["status"])
    const { stdout } = await status.ended
    expect(stdout).toMatch(/\$2\.50 of \$5\.00 for this repository and month is spent or set aside/)
    expect(stdout).toMatch(/fix \(low\) may take \$1\.50/)
    expect(stdout).toMatch(/waits for its turn.*\n.*the last \$1\.00 of \$5\.00 .*are for loops above it/)

    // As if all of that had been last month.
    await look(repo, ({ db }) => sql`update flyball.money set at = at - interval '32 days'`.execute(db))
    const last = await runFix(repo)
    expect(only(last), last.said.join("\n")).toMatchObject({ outcome: "proposed", usd: 5 })
    expect(only(last).attempts).toHaveLength(2)
    const bare = (
      await look(repo, async (session) => (await import("../src/engine/commands/status.ts")).status(session, "fix"))
    ).costs
    expect(bare).toMatchObject([
      {
        accepted: 1,
        usdPerAccepted: 5,
        bare: { changes: 1, usdPerChange: 2.5, wrong: 1, addedUsdPerChange: 2.5, unknown: 0 },
      },
    ])
    expect((await flyball(repo.root, ["status", "fix"]).ended).stdout).toContain(
      "a bare agent: $2.50 a change, 1 of 1 wrong; checks, reviews and further tries add $2.50",
    )
  })
})

const finding: Finding = { fingerprint: "f", source: "s", title: "t", body: "", severity: "high", attemptable: true }

describe("M3: what a session took later is charged alike by the ledger and by its change, wherever its process dies", () => {
  test.each([
    ["begun again", { type: "make.started", attempt: 1, agent: "i", use: "claude", reserveUsd: 1 }, "make/1/1"],
    ["given up", { type: "finished", outcome: "closed" }, "all"],
  ] as const)("%s", async (name, next, dead) => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      const loop = await ranked(`dies-${name.replace(" ", "-")}`, "normal")
      const id = await admit(db, { id: "run1", repo: "r9", loop }, { ...finding, fingerprint: name }, 1)
      const request = {
        change: id,
        key: "make/1/1",
        repo: "r9",
        loop: loop.name,
        run: "run1",
        usd: 1,
        ceilings: of("run", "normal"),
      }
      const agree = async (usd: number) => {
        const change = await readChange(db, id)
        expect(change && spentOn(change).usd).toBeCloseTo(usd, 9)
        expect(await spentUsd(db, [id])).toBeCloseTo(usd, 9)
      }
      await reserve(db, request)
      const started = { type: "make.started", attempt: 1, agent: "i", use: "claude", reserveUsd: 1 } as const
      await append(db, id, "make.started/1/1", started)
      await agree(1)
      expect(await appendExtension(db, { ...request, usd: 0.25 }, 1)).toMatchObject({ usd: 0.25 })
      expect(await appendExtension(db, { ...request, usd: 0.25 }, 1)).toMatchObject({ usd: 0.25 })
      await agree(1.5)
      if (next.type === "make.started") await reserve(db, { ...request, key: "make/1/2" })
      await append(db, id, `${next.type}/1/2`, next, { dead })
      await agree(next.type === "make.started" ? 2.5 : 1.5)
      expect(await appendExtension(db, { ...request, usd: 0.25 }, 1), "it is settled").toEqual({ usd: 0 })
      await agree(next.type === "make.started" ? 2.5 : 1.5)
    })
  })

  test("an extension that crosses with the end of its session leaves nothing behind", async () => {
    await using repo = await smallRepo({ "a.txt": "" })
    await look(repo, async ({ db }) => {
      const loop = await ranked("crosses", "normal")
      for (let n = 0; n < 12; n++) {
        const id = await admit(db, { id: "run2", repo: "r9", loop }, { ...finding, fingerprint: `x${n}` }, 1)
        const request = {
          change: id,
          key: "make/1/1",
          repo: "r9",
          loop: loop.name,
          run: `run-${n}`,
          usd: 1,
          ceilings: of("run", "normal"),
        }
        await reserve(db, request)
        await append(db, id, "make.started/1/1", {
          type: "make.started",
          attempt: 1,
          agent: "i",
          use: "claude",
          reserveUsd: 1,
        })
        const spend = { usd: 0.5, basis: "metered" as const, tokens: { in: 1, out: 1, cacheRead: 0, cacheWrite: 0 } }
        const ended = {
          type: "make.ended",
          attempt: 1,
          made: { is: "nothing" },
          spend,
          sandboxed: true,
          ms: 1,
        } as const
        const settled = { key: "make/1/1", usd: 0.5, tokens: 2, basis: "metered" }
        await Promise.all([
          appendExtension(db, { ...request, usd: 0.25 }, 1),
          append(db, id, "make.ended/1", ended, settled),
          appendExtension(db, { ...request, usd: 0.25 }, 1),
        ])
        const change = await readChange(db, id)
        expect(change && spentOn(change).usd).toBeCloseTo(0.5, 9)
        expect(await spentUsd(db, [id])).toBeCloseTo(0.5, 9)
      }
    })
  })
})

test("the loop file says it beside the money, and for all loops in the defaults", async () => {
  expect((await ranked("a", "low")).guardrails.priority).toBe("low")
  const { diagnostics } = await loadLoop(
    {
      file: "l.yaml",
      text: "name: a\nsteps: [ { discover: { run: failing_tests } } ]\nguardrails: { priority: urgent }\n",
    },
    { repo: "/r", tree: { read: async () => undefined, list: async () => [] } },
  )
  expect(diagnostics.map(({ message }) => message).join()).toMatch(/priority/)
  expect(await readFile("docs/limits.md", "utf8")).toContain("`priority`")
})
