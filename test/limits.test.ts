import { mkdtempSync, rmSync } from "node:fs"
import { readdir, readFile, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test, vi } from "vitest"
import { poolOf } from "../src/isolate/pool.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"
import { readChanges } from "../src/record/ledger.ts"
import { changeId, startRun } from "../src/record/runs.ts"
import { fixes, letGo, look, only, type QuickLoop, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()
// Without a sandbox nothing is prepared: whoever runs then could write to what lies ready.
const probed = mkdtempSync(join(tmpdir(), "flyball-limits-"))
const { kind: sandbox } = await detectSandbox({ home: probed })
afterAll(() => rmSync(probed, { recursive: true, force: true }))

const noisy = `head -c 60000 /dev/zero | tr '\\0' x | fold -w 80; ${fixes}`
const told = Array.from({ length: 400 }, (_, n) => `- rule ${n}: keep the files of work/ as small as they are`).join(
  "\n",
)

const held = "{ head -c 400000000 /dev/zero; sleep 31; } | tail -c 390000000 >/dev/null"
const many = "for i in $(seq 150); do sleep 31 & done; wait"
/** A check that does the same once a maker has said so. */
const eats = (what: string) => ({
  "check.sh": `grep -q fixed work/n1.txt && if test -e work/eats; then ${what}; fi\n`,
  ".flyball/checks.yaml": "n1: { run: sh check.sh, kind: exit }\n",
})

type Case = { limit: string; loop: QuickLoop; files?: Record<string, string>; says: RegExp; outcome: string }
const cases: Case[] = [
  {
    limit: "output: 20KB",
    loop: { maker: noisy },
    says: /printed more than 20000 bytes \(limits\.output\)/,
    outcome: "stopped",
  },
  { limit: "output: 200KB", loop: { maker: noisy }, says: /accepted/, outcome: "proposed" },
  {
    limit: "prompt: 20KB",
    loop: { maker: fixes },
    files: { "AGENTS.md": told },
    says: /the prompt is over its limit \(limits\.prompt\): left out the repository's instructions/,
    outcome: "proposed",
  },
  {
    limit: "prompt: 100KB",
    loop: { maker: fixes },
    files: { "AGENTS.md": told },
    says: /accepted/,
    outcome: "proposed",
  },
  {
    limit: "step: 1ms",
    loop: { maker: fixes },
    says: /The step `isolate` did not end within 0\.001 s \(limits\.step\)/,
    outcome: "asked",
  },
  {
    limit: "memory: 200MB",
    loop: { maker: `${held}; ${fixes}` },
    says: /it used more than 200 MB of memory \(limits\.memory\)/,
    outcome: "stopped",
  },
  {
    limit: "processes: 64",
    loop: { maker: `${many}; ${fixes}` },
    says: /it had more than 64 processes at once \(limits\.processes\)/,
    outcome: "stopped",
  },
  {
    limit: "memory: 900MB, processes: 200",
    loop: { maker: `${many.replace("31", "1")}; ${fixes}` },
    says: /accepted/,
    outcome: "proposed",
  },
  {
    limit: "memory: 200MB",
    loop: { maker: `touch work/eats; ${fixes}` },
    files: eats(held),
    says: /over_limit: `.*` was ended: it used more than 200 MB of memory \(limits\.memory\)/,
    outcome: "stopped",
  },
  {
    limit: "processes: 64",
    loop: { maker: `touch work/eats; ${fixes}` },
    files: eats(many),
    says: /over_limit: `.*` was ended: it had more than 64 processes at once \(limits\.processes\)/,
    outcome: "stopped",
  },
]

describe("M8: each ceiling, from the text of the file to its effect", () => {
  test.each(cases)("limits: { $limit } → $outcome", async ({ limit, loop, files = {}, says, outcome }) => {
    const guardrails = `max_iterations: 1, budget: $5/run, limits: { ${limit} }`
    await using repo = await smallRepo({ ...quickProject({ ...loop, guardrails }), ...files })
    const ran = await runFix(repo)
    const view = only(ran)
    expect([...ran.said, view.question, view.says].join("\n")).toMatch(says)
    expect(view.outcome, ran.said.join("\n")).toBe(outcome)
  })

  test("limits: { source: 8s }: a source that hangs is ended and named, and what the others find counts", async () => {
    const project = quickProject({ maker: fixes, guardrails: "budget: $5/run, limits: { source: 8s }" })
    const file = ".flyball/loops/fix.yaml"
    const hangs = project[file]?.replace('sh("sh find.sh")', 'sh("sleep 600") + sh("sh find.sh")') ?? ""
    await using repo = await smallRepo({ ...project, [file]: hangs })
    const ran = await runFix(repo)
    expect(only(ran).outcome).toBe("proposed")
    expect(ran.report.notes.join("\n")).toMatch(/sh failed: sh\(sleep 600\) did not end within 8 s \(limits\.source\)/)
    await writeFile(join(repo.root, file), hangs.replace(' + sh("sh find.sh")', ""))
    await expect(runFix(repo)).rejects.toMatchObject({ code: "SOURCE_TIMEOUT" })
  })

  const retained: [string, string, RegExp][] = [
    ["artifacts: 1B", "changes that are not over keep theirs, and nothing is begun", /STORAGE_LIMIT|must stay/],
    ["database: 1B", "rows that prove nothing go, or nothing is begun", /must stay|went early/],
  ]
  test.each(retained)("retention: { %s }: %s", async (limit, _, says) => {
    await using repo = await smallRepo(quickProject({ maker: fixes, items: 2 }))
    expect((await runFix(repo)).report.changes).toHaveLength(2)
    await writeFile(join(repo.root, ".flyball/config.yaml"), `retention: { ${limit} }\n`)
    await daysLater(repo)
    const second = await runFix(repo).then(
      ({ said }) => said.join("\n"),
      (error: unknown) => String(error),
    )
    expect(second).toMatch(says)
    // What is proposed is as it was, with its evidence and its money.
    const kept = await look(repo, ({ db, repo: { key } }) => readChanges(db, { repo: key }))
    expect(
      kept.map((change) => change.finished),
      JSON.stringify(kept[0]?.question),
    ).toEqual(["proposed", "proposed"])
  })
})

test.skipIf(sandbox.is === "none").each([0, 1])(
  "pool: { workspaces: %i }: so many folders of a large repository lie ready, and no more",
  async (most) => {
    const waits = `while ! test -e go; do sleep 0.1; done; rm go; ${fixes}`
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`many/${n % 50}/${n}.txt`, ""]))
    const config = { ".flyball/config.yaml": `pool: { workspaces: ${most}, size: 1GB }\n` }
    await using repo = await smallRepo({ ...quickProject({ maker: waits }), ...many, ...config })
    const at = await look(repo, async (session) => poolOf(session.repo))
    const pool = () => readdir(at).catch(() => [])
    let run: ReturnType<typeof runFix> | undefined
    await new Promise<void>((making) => {
      run = runFix(repo, { onStep: (step, when) => step === "make" && when === "begun" && making() })
    })
    await vi.waitFor(
      async () => expect((await pool()).filter((name) => /^ready-/.test(name))).toHaveLength(most),
      30_000,
    )
    expect(await pool(), "nor is another one being made").toHaveLength(most)
    expect(only(await letGo(home.path, run ?? runFix(repo))).outcome).toBe("proposed")
    expect((await pool()).length).toBeLessThanOrEqual(most)
  },
  180_000,
)

test("T7, M7: work that was done before the newest 500 changes is not done again", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  const first = await runFix(repo)
  const { id } = only(first)
  await look(repo, async ({ db, repo: { key } }) => {
    const [change] = await readChanges(db, { repo: key })
    if (change === undefined) throw new Error("no change")
    const run = { id: "many", repo: key, loop: await frozen(repo) }
    await startRun(db, { ...run, trigger: "manual", executor: "none" })
    const rows = Array.from({ length: 520 }, (_, n) => {
      const finding = { ...change.finding, fingerprint: `other-${n}`, title: `other ${n}`, reproduce: undefined }
      return { id: changeId(key, "fix", finding, 1), finding }
    })
    for (const row of rows) {
      await db
        .insertInto("change")
        .values({ id: row.id, repo: key, loop: "fix", fingerprint: row.finding.fingerprint, ordinal: 1, run: "many" })
        .execute()
      const found = { type: "found", finding: row.finding, run: "many", loop: "fix", loopHash: run.loop.hash }
      for (const [name, body] of [
        ["found", found],
        ["finished/1", { type: "finished", outcome: "merged" }],
      ] as const)
        await db
          .insertInto("event")
          .values({ change: row.id, key: name, body: JSON.stringify(body) })
          .execute()
    }
    expect((await readChanges(db, { repo: key })).map((each) => each.id)).toContain(id)
  })
  const { report } = await runFix(repo)
  expect(report.changes).toEqual([])
  expect(report.findings).toMatchObject([{ plan: "skip", why: `${id} waits for review` }])
})

async function frozen(repo: SmallRepo) {
  const { readRuns } = await import("../src/record/runs.ts")
  const [run] = await look(repo, ({ db, repo: { key } }) => readRuns(db, { repo: key }))
  if (run === undefined) throw new Error("no run")
  return run.loop
}

/** As if what is looked at once a day had been looked at the day before yesterday. */
async function daysLater(repo: SmallRepo): Promise<void> {
  const path = await look(repo, async (session) => join(session.repo.dataDir, "retained"))
  const then = new Date(Date.now() - 2 * 86_400_000)
  await utimes(path, then, then)
}

test("docs/limits.md names every limit with the default that the code has", async () => {
  const { defaultGuardrails } = await import("../src/spec/guardrails.ts")
  const { defaultRetention } = await import("../src/spec/retention.ts")
  const { defaultLimits, defaultPool } = await import("../src/core/limits.ts")
  const { writeDuration, writeSize } = await import("../src/spec/quantity.ts")
  const text = await readFile("docs/limits.md", "utf8")
  const rows: [string, string][] = [
    ["limits.output", writeSize(defaultLimits.outputBytes)],
    ["limits.prompt", writeSize(defaultLimits.promptBytes)],
    ["limits.step", writeDuration(defaultLimits.stepMs)],
    ["limits.source", writeDuration(defaultLimits.sourceMs)],
    ["timeout", writeDuration(defaultGuardrails.timeoutMs)],
    ["silence", writeDuration(defaultGuardrails.silenceMs)],
    ["max_iterations", String(defaultGuardrails.maxIterations)],
    ["max_findings", String(defaultGuardrails.maxFindings)],
    ["max_diff", `${defaultGuardrails.maxDiff.files} files, ${defaultGuardrails.maxDiff.lines} lines`],
    ["review_wip", String(defaultGuardrails.reviewWip)],
    ["retention.keep", writeDuration(defaultRetention.keepMs)],
    ["retention.artifacts", writeSize(defaultRetention.artifactsBytes)],
    ["retention.database", writeSize(defaultRetention.databaseBytes)],
    ["pool.workspaces", String(defaultPool.entries)],
    ["pool.size", writeSize(defaultPool.bytes)],
  ]
  for (const [name, value] of rows) expect(text).toMatch(new RegExp(`\\| \`${name}\` \\| ${value} \\|`))
})
