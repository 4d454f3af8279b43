import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Said } from "../../src/engine/commands/answer.ts"
import { type StepName, stepNames } from "../../src/engine/engine.ts"
import { removeDatabase } from "../../src/engine/postgres/launch.ts"
import { RunReport } from "../../src/engine/report.ts"
import { git } from "../../src/lib/git.ts"
import { bundle, start } from "../programs.ts"
import { addingProject, makers, processesOf, type SmallRepo, smallRepo } from "../small-repo.ts"

type Scenario = {
  maker: string
  branches: number
  says: RegExp
  attempts: number
  more?: Parameters<typeof addingProject>[1]
}
const plans = `echo '{"approach":["add"],"scope":["src/add.js"],"size":"small","risks":[],"done":["the test passes"]}'`
const fixes: Scenario = { maker: makers.fixes, branches: 1, says: /^proposed/, attempts: 1 }

/** Which run comes to which step. A step that is new to the engine does not compile here until it has its line. */
const scenarios: Record<StepName, Scenario> = {
  load: fixes,
  isolate: fixes,
  plan: { ...fixes, more: { planner: plans, plannerUsd: 0.1 } },
  make: fixes,
  verify: fixes,
  ship: fixes,
  finish: fixes,
  ask: { maker: makers.stops, branches: 0, says: /^asks \(maker_impossible\)/, attempts: 1 },
  stop: { maker: makers.idles, branches: 0, says: /^stopped \(no_progress\)/, attempts: 2 },
}
const killPoints = stepNames.flatMap((step) => (["begun", "acted"] as const).map((phase) => ({ step, phase })))

let programs: Awaited<ReturnType<typeof bundle>>
beforeAll(async () => {
  programs = await bundle(
    "test/fixtures/run-worker.ts",
    "test/fixtures/answer-worker.ts",
    "replay=src/make/replay-main.ts",
    "watchdog=src/isolate/watchdog-main.ts",
  )
})
afterAll(() => programs.remove())

const worker = (repo: SmallRepo, kill?: { step: string; phase: string; nth?: number }) =>
  start(programs.path("run-worker"), [JSON.stringify({ cwd: repo.root, loop: "fix", kill })], {
    env: { FLYBALL_HOME: repo.home, HOME: repo.folder, PATH: process.env.PATH ?? "" },
  })

const answer = (repo: SmallRepo, change: string, more: { said: Said; kill?: { step: string; phase: string } }) =>
  start(programs.path("answer-worker"), [JSON.stringify({ cwd: repo.root, change, ...more })], {
    env: { FLYBALL_HOME: repo.home, HOME: repo.folder, PATH: process.env.PATH ?? "" },
  })

function reportOf(lines: readonly string[]): RunReport {
  const last = lines.at(-1) ?? ""
  const parsed = JSON.parse(last)
  if (parsed.report === undefined) throw new Error(`no report: ${lines.join("\n")}`)
  return RunReport.parse(parsed.report)
}

async function leftovers(repo: SmallRepo): Promise<string[]> {
  const repos = join(repo.home, "repos")
  const found: string[] = []
  for (const key of await readdir(repos)) {
    for (const kind of ["workspaces", "checkouts"]) {
      const folder = join(repos, key, kind)
      if (existsSync(folder)) found.push(...(await readdir(folder)).map((name) => `${kind}/${name}`))
    }
  }
  return found
}

describe("SIGKILL at every durable step of a change", () => {
  test.each(killPoints)("killed at $step, $phase: the next run ends it, once", async ({ step, phase }) => {
    const { maker, branches, says, attempts, more } = scenarios[step]
    await using repo = await smallRepo(addingProject(maker, { usdPerAttempt: 0.25, ...more }))
    try {
      const killed = await worker(repo, { step, phase }).exit
      expect(killed.signal).toBe("SIGKILL")
      const second = worker(repo)
      await second.exit
      const report = reportOf(second.lines)
      expect(report.changes).toHaveLength(1)
      expect(report.changes[0]?.says).toMatch(says)
      expect(report.changes[0]?.attempts).toHaveLength(attempts)
      expect(report.changes[0]?.usd).toBeCloseTo(0.25 * attempts + (more?.plannerUsd ?? 0))
      expect((await repo.branches()).filter((name) => name.startsWith("flyball/"))).toHaveLength(branches)

      const third = worker(repo)
      await third.exit
      expect(reportOf(third.lines).changes).toEqual([])
      expect(await leftovers(repo)).toEqual([])
    } finally {
      await removeDatabase(repo.home)
    }
    expect(await processesOf(repo.folder)).toEqual([])
  })
})

describe("SIGKILL while makers try the same", () => {
  const points = (["isolate", "make", "verify"] as const).flatMap((step) =>
    (["begun", "acted"] as const).map((phase) => ({ step, phase })),
  )
  test.each(points)(
    "killed at the second's $step, $phase: the round is ended as it began, paid for once",
    async ({ step, phase }) => {
      await using repo = await smallRepo(addingProject(makers.fixes, { usdPerAttempt: 0.25, act: "best_of: 2" }))
      try {
        const killed = await worker(repo, { step, phase, nth: 2 }).exit
        expect(killed.signal).toBe("SIGKILL")
        const second = worker(repo)
        await second.exit
        const [view] = reportOf(second.lines).changes
        expect(view).toMatchObject({ outcome: "proposed", choice: { made: 2, of: 2, attempt: 1 }, usd: 0.5 })
        expect(view?.attempts.map(({ n, verdict }) => [n, verdict])).toEqual([
          [1, "accept"],
          [2, "accept"],
        ])
        expect((await repo.branches()).filter((name) => name.startsWith("flyball/"))).toHaveLength(1)
        expect(await leftovers(repo)).toEqual([])
      } finally {
        await removeDatabase(repo.home)
      }
      expect(await processesOf(repo.folder)).toEqual([])
    },
  )
})

describe("death and interruption while an agent works", () => {
  test("killed in the middle of a plan: the planner's tree dies, its reserve is charged, and it is asked again", async () => {
    await using repo = await smallRepo(
      addingProject(makers.fixes, { planner: "sleep 600 & wait", plannerUsd: 0.1, usdPerAttempt: 0.25 }),
    )
    try {
      const first = worker(repo)
      await first.line((line) => line.includes("plans"))
      await untilProcess(repo, "sleep 600")
      first.child.kill("SIGKILL")
      await first.exit
      await untilNoProcess("sleep 600", repo)
      const second = worker(repo)
      const resumed = JSON.parse(await second.line((line) => line.includes("resumed")))
      expect(resumed.resumed).toEqual({ changes: 1, usd: 0.1 })
      await second.line((line) => line.includes("plans"))
      second.child.kill("SIGINT")
      expect(await second.exit, `${second.lines.join("\n")}${second.stderr()}`).toMatchObject({ code: 130 })
      await untilNoProcess("sleep 600", repo)
    } finally {
      await removeDatabase(repo.home)
    }
    expect(await processesOf(repo.folder)).toEqual([])
  })

  test("killed in the middle of an attempt: its tree dies, its reserve is charged, and it is the same attempt that goes on", async () => {
    await using repo = await smallRepo(
      addingProject(`test -e .flyball/quick || { sleep 600 & wait; }; ${makers.fixes}`, { usdPerAttempt: 0.25 }),
    )
    try {
      const first = worker(repo)
      await first.line((line) => line.includes('"make"'))
      await untilProcess(repo, "sleep 600")
      first.child.kill("SIGKILL")
      await first.exit
      await untilNoProcess("sleep 600", repo)
      // The maker of the second try is quick: what it is told is the checkout's, frozen with the run it belongs to.
      const second = worker(repo)
      const resumed = JSON.parse(await second.line((line) => line.includes("resumed")))
      expect(resumed.resumed).toEqual({ changes: 1, usd: 0.25 })
      second.child.kill("SIGINT")
      expect(await second.exit, `${second.lines.join("\n")}${second.stderr()}`).toMatchObject({ code: 130 })
      await untilNoProcess("sleep 600", repo)
    } finally {
      await removeDatabase(repo.home)
    }
    expect(await processesOf(repo.folder)).toEqual([])
  })
})

describe("SIGKILL while an approval lands", () => {
  const points = (["load", "verify", "ship", "finish"] as const).flatMap((step) =>
    (["begun", "acted"] as const).map((phase) => ({ step, phase })),
  )
  test.each(points)("killed at $step, $phase: the next run lands it, once", async ({ step, phase }) => {
    await using repo = await smallRepo(addingProject(makers.fixes))
    try {
      const first = worker(repo)
      await first.exit
      const change = reportOf(first.lines).changes[0]?.id ?? ""
      const approving = answer(repo, change, { said: { is: "approve" }, kill: { step, phase } })
      expect(await approving.exit, approving.stderr()).toMatchObject({ signal: "SIGKILL" })
      const next = worker(repo)
      await next.exit
      expect(reportOf(next.lines).changes.map((view) => view.outcome)).toEqual(["merged"])
      expect(await repo.branches()).toEqual(["main"])
      const log = await git(["log", "--format=%s", "main"], { cwd: repo.remote })
      expect(log.trim().split("\n")).toHaveLength(2)
    } finally {
      await removeDatabase(repo.home)
    }
    expect(await processesOf(repo.folder)).toEqual([])
  })
})

describe("SIGKILL at any moment", () => {
  // The moments are random, and printed: a run that fails can be looked at again.
  test.each([1, 2, 3, 4])(
    "killed time and again, round %s, a change still ends once, and nothing is left",
    async () => {
      await using repo = await smallRepo(addingProject(makers.fixes, { usdPerAttempt: 0.25 }))
      const delays = Array.from({ length: 5 }, () => Math.round(300 + Math.random() * 1_800))
      const told = `killed after ${delays.join(", ")} ms`
      try {
        const said: string[] = []
        const run = async (killAfterMs?: number) => {
          const each = worker(repo)
          const timer = setTimeout(() => each.child.kill("SIGKILL"), killAfterMs ?? 300_000)
          await each.exit
          clearTimeout(timer)
          said.push(...each.lines)
          return each.lines
        }
        for (const ms of delays) await run(ms)
        expect(reportOf(await run()).findings, told).toHaveLength(1)
        let report = reportOf(await run())
        const [change = "", state = ""] = report.findings[0]?.why?.split(/ (.*)/) ?? []
        if (state === "waits for a person") {
          // Three deaths in one place are a person's to judge (M3): this one knows who it was.
          expect(said.join("\n"), told).toMatch(/process died 3 times in the same place/)
          await answer(repo, change, { said: { is: "answer", text: "it was me" } }).exit
          expect(reportOf(await run()).changes, told).toMatchObject([{ id: change, outcome: "proposed" }])
          report = reportOf(await run())
        }
        expect(report.changes, told).toEqual([])
        expect(report.findings[0]?.why, told).toMatch(/waits for review/)
        expect(
          (await repo.branches()).filter((name) => name.startsWith("flyball/")),
          told,
        ).toHaveLength(1)
        expect(await leftovers(repo), told).toEqual([])
      } finally {
        await removeDatabase(repo.home)
      }
      expect(await processesOf(repo.folder), told).toEqual([])
    },
  )
})

const within = async (what: string, is: () => Promise<boolean>) => {
  const until = Date.now() + 15_000
  while (!(await is())) {
    if (Date.now() > until) throw new Error(`not within 15 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const untilProcess = (repo: SmallRepo, text: string) =>
  within(`a process "${text}"`, async () => (await processesOf(repo.folder)).some((each) => each.includes(text)))
const untilNoProcess = (text: string, repo: SmallRepo) =>
  within(`no process "${text}"`, async () => !(await processesOf(repo.folder)).some((each) => each.includes(text)))
