import { chmod, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { spentSince } from "../src/record/ledger.ts"
import { fixes, look, only, type QuickLoop, quickProject, runFix, sharedHome, stateOf, waiting } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

sharedHome()

const spent = (repo: SmallRepo) => look(repo, (session) => spentSince(session.db, { repo: session.repo.key }))
/** Never the same tree twice, and never right. */
const triesInVain = "date +%N >> work/$item.txt"
const many = "halt_on: [no_progress(9), same_error(9)], max_iterations: 9"

describe("money, from the file's text to the stopped attempt", () => {
  type Case = Omit<QuickLoop, "maker"> & {
    name: string
    maker?: string
    attempts: number
    usd: number
    reason: string
    says: RegExp
  }
  const cases: Case[] = [
    {
      name: "M1 M8: $/run stops the third attempt before it starts",
      usdPerAttempt: 0.4,
      guardrails: `${many}, budget: $1/run`,
      attempts: 3,
      usd: 0.8,
      reason: "budget",
      says: /run's ceiling of \$1\.00.*\$0\.80 spent.*\$0\.20 is left, and \$0\.40 was needed/,
    },
    {
      name: "M5 M8: $/day",
      usdPerAttempt: 0.4,
      guardrails: `${many}, budget: $0.80/day`,
      attempts: 3,
      usd: 0.8,
      reason: "budget",
      says: /day's ceiling of \$0\.80 is reached/,
    },
    {
      name: "M8: $/attempt below what an attempt is declared to cost",
      usdPerAttempt: 0.4,
      guardrails: `${many}, budget: [$1/run, $0.30/attempt]`,
      attempts: 1,
      usd: 0,
      reason: "budget",
      says: /costs \$0\.40, and its ceiling is \$0\.30/,
    },
  ]
  test.each(cases)("$name", async ({ maker = triesInVain, attempts, usd, reason, says, ...loop }) => {
    await using repo = await smallRepo(quickProject({ maker, ...loop }))
    const view = only(await runFix(repo))
    expect(view).toMatchObject({ outcome: "stopped", reason })
    expect(view.question).toMatch(says)
    expect(view.attempts).toHaveLength(attempts)
    expect(view.usd).toBeCloseTo(usd)
    expect(await spent(repo)).toBeCloseTo(usd)
  })

  test("M5: changes in parallel can't overdraw together; what the money does not reach stays open, and comes another day", async () => {
    const loop = { maker: fixes, usdPerAttempt: 0.4, items: 4, act: "max_parallel: 4" }
    await using repo = await smallRepo(quickProject({ ...loop, guardrails: "budget: $1/run, review_wip: 9" }))
    const { report } = await runFix(repo)
    expect(report.changes.map((view) => view.outcome)).toEqual(["proposed", "proposed"])
    expect(report.usd).toBeCloseTo(0.8)
    expect(report.held).toHaveLength(2)
    expect(report.held[0]).toMatchObject({
      reason: "budget",
      detail: expect.stringContaining("an attempt costs $0.40"),
    })
    expect((await stateOf(repo)).split("## In progress")[0]).toMatch(/n3 is broken.*n4 is broken/s)
    expect((await waiting(repo)).map((view) => view.outcome)).toEqual(["proposed", "proposed"])
    const next = await runFix(repo)
    expect(next.report.changes).toHaveLength(2)
    expect(await spent(repo)).toBeCloseTo(1.6)
  })

  test("M5: a day's ceiling holds over runs", async () => {
    const loop = { maker: fixes, usdPerAttempt: 0.4, items: 2, guardrails: "budget: $0.5/day" }
    await using repo = await smallRepo(quickProject(loop))
    expect((await runFix(repo)).report.changes).toHaveLength(1)
    const { report } = await runFix(repo)
    expect(report).toMatchObject({ changes: [], held: [{ reason: "budget" }], usd: 0, exitCode: 0 })
  })

  test("M7: a person's word grants one more attempt, never a new series, and its money is the new run's", async () => {
    const loop = {
      maker: triesInVain,
      usdPerAttempt: 0.4,
      guardrails: "max_iterations: 2, halt_on: no_progress(9), budget: $0.8/run",
    }
    await using repo = await smallRepo(quickProject(loop))
    expect(only(await runFix(repo))).toMatchObject({ reason: "max_iterations" })
    const { answerChange } = await import("../src/engine/commands/answer.ts")
    const said = { is: "answer", text: "again" } as const
    await answerChange({
      cwd: repo.root,
      change: "n1",
      said,
      now: false,
      signal: AbortSignal.timeout(30_000),
      progress: () => {},
    })
    const view = only(await runFix(repo))
    expect(view).toMatchObject({ reason: "max_iterations" })
    expect(view.attempts).toHaveLength(3)
    expect(await spent(repo)).toBeCloseTo(1.2)
  })

  test("M6: nothing found, nothing started: no attempt, no cost, exit code 0", async () => {
    await using repo = await smallRepo({ ...quickProject({ maker: fixes }), "work/n1.txt": "fixed\n" })
    const { report, said } = await runFix(repo)
    expect(report).toMatchObject({ findings: [], changes: [], held: [], usd: 0, exitCode: 0 })
    expect(said.filter((line) => line.startsWith("make"))).toEqual([])
  })

  test("M2: a cost nobody knows charges the whole reserve", async () => {
    // A CLI that reports no usage at all: only the model is made up.
    const project = quickProject({ maker: "", guardrails: "max_iterations: 3, budget: $3/run" })
    project[".flyball/agents/implementer.md"] =
      "---\nname: implementer\nuse: claude\ndescription: silent about money\n---\n"
    await using repo = await smallRepo(project)
    const bin = join(repo.folder, "bin")
    await mkdir(bin)
    await writeFile(
      join(bin, "claude"),
      `#!/bin/sh\ncase "$1" in --version) echo "2.0.0 (Claude Code)"; exit 0;; esac\ncat >/dev/null; echo fixed > work/n1.txt\necho '{"type":"system","subtype":"init","session_id":"s","model":"unheard-of-model"}'\necho '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s"}'\n`,
    )
    await chmod(join(bin, "claude"), 0o755)
    const { PATH: path } = process.env
    process.env.PATH = `${bin}:${path}`
    process.env.ANTHROPIC_API_KEY = "not-a-key"
    try {
      const view = only(await runFix(repo))
      expect(view, view.question).toMatchObject({ outcome: "proposed", basis: "unknown" })
      // $3 over two changes at once with three attempts each.
      expect(view.usd).toBeCloseTo(0.5)
      expect(await spent(repo)).toBeCloseTo(0.5)
    } finally {
      process.env.PATH = path
      delete process.env.ANTHROPIC_API_KEY
    }
  })
})

describe("what limits production", () => {
  test("P3: over review_wip unreviewed proposals the loop stops producing, and says so", async () => {
    await using repo = await smallRepo(
      quickProject({ maker: fixes, items: 3, act: "max_parallel: 3", guardrails: "review_wip: 2, budget: $5/run" }),
    )
    const first = await runFix(repo)
    expect(first.report.changes).toHaveLength(2)
    expect(first.report.held).toMatchObject([{ title: "n3 is broken", reason: "review_wip" }])
    const second = await runFix(repo)
    expect(second.report).toMatchObject({ changes: [], held: [{ reason: "review_wip" }] })
    expect(second.report.held[0]?.detail).toMatch(/2 of its proposals wait for review/)
  })

  test("attempt_if: what it does not hold for waits for a person, by that rule, at no cost", async () => {
    await using repo = await smallRepo(
      quickProject({ maker: fixes, items: 1, discover: `attempt_if: "finding.severity == 'high'"` }),
    )
    const { report } = await runFix(repo)
    expect(report.findings).toMatchObject([{ plan: "ask", why: expect.stringContaining("attempt-if") }])
    expect(report.changes).toMatchObject([{ outcome: "asked", reason: "triage", attempts: [] }])
    expect(report.exitCode).toBe(3)
    expect(await stateOf(repo)).toMatch(/## Needs a person\n\n- \[ \] n1 is broken/)
    expect((await runFix(repo)).report).toMatchObject({ changes: [], exitCode: 0 })
  })

  test("max_findings: the rest comes with later runs, and that is said", async () => {
    await using repo = await smallRepo(
      quickProject({ maker: fixes, items: 3, guardrails: "max_findings: 2, review_wip: 9, budget: $5/run" }),
    )
    const { report } = await runFix(repo)
    expect(report.changes).toHaveLength(2)
    expect(report.notes.join("\n")).toMatch(/1 more finding over `max_findings` \(2\)/)
    expect((await runFix(repo)).report.changes).toMatchObject([{ title: "n3 is broken" }])
  })
})

describe("what is held back", () => {
  test("autonomy: report makes and judges, and proposes nothing", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes, top: "autonomy: report" }))
    expect(only(await runFix(repo))).toMatchObject({ outcome: "reported", stage: "awaiting_review" })
    expect(await repo.branches()).toEqual(["main"])
  })

  test("a loop without `ship` proposes nothing", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes, ship: null }))
    expect(only(await runFix(repo))).toMatchObject({ outcome: "reported" })
    expect(await repo.branches()).toEqual(["main"])
  })

  test("ship.if that does not hold: a person is asked, with the condition; an approval merges", async () => {
    await using repo = await smallRepo(
      quickProject({ maker: fixes, ship: `{ if: "verified && change.files > 3", run: open_pr }` }),
    )
    const view = only(await runFix(repo))
    expect(view).toMatchObject({ outcome: "asked", reason: "approval" })
    expect(view.question).toContain("verified && change.files > 3")
    expect(await repo.branches()).toEqual(["main"])
  })

  test.each([
    { when: "work/**", outcome: "asked" },
    { when: "elsewhere/**", outcome: "proposed" },
  ])("an approve layer when $when is touched: $outcome", async ({ when, outcome }) => {
    const verify = `{ layers: [ { check: diff_reasonable }, { approve: { by: "@owners", when: "change.touches('${when}')" } } ] }`
    await using repo = await smallRepo(quickProject({ maker: fixes, verify }))
    const view = only(await runFix(repo))
    expect(view.outcome).toBe(outcome)
    if (outcome !== "asked") return
    expect(view).toMatchObject({ reason: "approval", question: expect.stringContaining("@owners") })
    const { answerChange } = await import("../src/engine/commands/answer.ts")
    const { change } = await answerChange({
      cwd: repo.root,
      change: view.id,
      said: { is: "approve" },
      now: true,
      signal: AbortSignal.timeout(30_000),
      progress: () => {},
    })
    expect(change.outcome).toBe("merged")
  })
})
