import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import { answerChange } from "../src/engine/commands/answer.ts"
import { GcReport, gc } from "../src/engine/commands/gc.ts"
import { openDatabase } from "../src/engine/postgres/launch.ts"
import { findPlace } from "../src/engine/postgres/place.ts"
import { git } from "../src/lib/git.ts"
import { identify } from "../src/lib/process-tree.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, look, only, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

const home = sharedHome()

const collect = async (cwd: string, asked: Partial<Parameters<typeof gc>[0]> = {}) =>
  GcReport.parse(
    await gc({
      cwd,
      dryRun: false,
      keepMs: 30 * 24 * 3_600_000,
      unowned: false,
      signal: AbortSignal.timeout(60_000),
      progress: () => {},
      ...asked,
    }),
  )
// Clusters are this user's, wherever they lie: another suite on the machine may have left one just now.
const told = ({ removed }: GcReport) =>
  removed
    .map((each) => each.kind)
    .filter((kind) => kind !== "cluster")
    .sort()

test("D2: what dead processes left is found, counted and removed; a dry run removes nothing; the living and their work stay", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  const change = only(await runFix(repo))
  const { dataDir } = await look(repo, async (session) => session.repo)
  const checkout = join(dataDir, "checkouts", `gate.999999.1.abcdef12`)
  const trash = join(dataDir, "trash", "thrown-away")
  const owner = join(home.path, "run", "dead-owner")
  const workspace = join(dataDir, "workspaces", "gone-0a0a0a")
  for (const folder of [checkout, trash, owner, join(workspace, "tree")]) await mkdir(folder, { recursive: true })
  await writeFile(join(checkout, "file"), "x".repeat(100_000))
  const sleeper = spawn("sleep", ["60"], { detached: true, env: { PATH: "/usr/bin:/bin" }, stdio: "ignore" })
  const tree = { ...identify(sleeper.pid ?? 0), deadlineSteadyMs: 0, change: "gone" }
  await writeFile(join(owner, "owner.json"), JSON.stringify({ pid: 999_999, startedAt: "1" }))
  await writeFile(join(owner, `${sleeper.pid}.tree.json`), JSON.stringify(tree))
  const died = new Promise((resolve) => sleeper.once("exit", resolve))

  const dry = await collect(repo.root, { dryRun: true })
  // Trees of other tests that ended badly may lie about on a machine: what this one made is what counts.
  expect([...new Set(told(dry))]).toEqual(["cache", "checkout", "process", "workspace"])
  expect(dry.bytes).toBeGreaterThan(100_000)
  expect(await readdir(join(dataDir, "checkouts"))).toHaveLength(1)
  expect([...new Set(told(await collect(repo.root)))]).toEqual([...new Set(told(dry))])
  await died
  for (const kind of ["checkouts", "workspaces", "trash"]) expect(await readdir(join(dataDir, kind))).toEqual([])
  expect(told(await collect(repo.root)).filter((kind) => kind !== "process")).toEqual([])
  expect((await git(["for-each-ref", `refs/flyball/changes/${change.id}`], { cwd: repo.root })).trim()).not.toBe("")
})

test("what is over stays as long as `retention.keep` says, unless `--keep` says otherwise for this call", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  const { id } = only(await runFix(repo))
  const signal = AbortSignal.timeout(60_000)
  const said = { is: "close" as const, why: "not wanted" }
  await answerChange({ cwd: repo.root, change: id, said, now: false, signal, progress: () => {} })
  const artefacts = async (asked: { keepMs?: number } = {}) => {
    const report = await gc({ cwd: repo.root, dryRun: true, unowned: false, signal, progress: () => {}, ...asked })
    return report.removed.some((each) => each.kind === "artefacts")
  }
  expect(await artefacts(), "the default is a month").toBe(false)
  await writeFile(join(repo.root, ".flyball/config.yaml"), "retention: { keep: 1ms }\n")
  expect(await artefacts()).toBe(true)
  expect(await artefacts({ keepMs: 3_600_000 }), "the flag overrides it").toBe(false)
  await writeFile(join(repo.root, ".flyball/config.yaml"), "retention: { keep: for ever }\n")
  await expect(artefacts()).rejects.toMatchObject({ code: "CONFIG_INVALID" })
  expect(await artefacts({ keepMs: 0 })).toBe(true)
})

test("a `--keep` that is no time is wrong use, and nothing is removed", async () => {
  const { code, stderr } = await flyball(home.path, ["gc", "--keep", "never"]).ended
  expect([code, stderr]).toEqual([2, expect.stringContaining("BAD_DURATION --keep: `never`")])
})

test("D1, D9: commits of a change that may go on stay whatever their age; those of one that is over go when their time has come", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes, items: 2 }))
  const { report } = await runFix(repo)
  const [closed, open] = report.changes
  const refs = async () =>
    (await git(["for-each-ref", "--format=%(refname)", "refs/flyball/changes"], { cwd: repo.root })).trim()
  const { answerChange } = await import("../src/engine/commands/answer.ts")
  await answerChange({
    cwd: repo.root,
    change: closed?.id ?? "",
    said: { is: "close", why: "we want it so" },
    now: true,
    signal: AbortSignal.timeout(60_000),
    progress: () => {},
  })
  expect((await collect(repo.root)).removed.filter((each) => each.kind === "ref")).toEqual([])
  await sleep(1_100)
  const { removed } = await collect(repo.root, { keepMs: 0 })
  expect(removed.filter((each) => each.kind === "ref").map((each) => each.what)).toEqual([
    `refs/flyball/changes/${closed?.id}`,
  ])
  expect(await refs()).toBe(`refs/flyball/changes/${open?.id}`)
  // What proves stays: the events, the evidence in them, and the money.
  const kept = await look(repo, ({ db }) =>
    db
      .selectFrom("event")
      .select("change")
      .where("change", "=", closed?.id ?? "")
      .execute(),
  )
  expect(kept.length).toBeGreaterThan(5)
})

test.runIf(process.getuid?.() === 0)(
  "a database whose home is gone is stopped and removed; one whose home is there stays",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "flyball-gc-"))
    const gone = join(folder, "gone")
    await mkdir(gone, { mode: 0o700 })
    const database = await openDatabase({
      home: gone,
      signal: AbortSignal.timeout(60_000),
      databaseUrl: undefined,
      idleMs: 600_000,
    })
    const { root } = await findPlace(gone)
    await database.close()
    const sign = await realpath(gone)
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const before = await collect(repo.root, { dryRun: true })
    expect(before.removed.map((each) => each.what)).not.toContain(root)
    await rm(gone, { recursive: true })
    const report = await collect(repo.root)
    expect(report.removed.find((each) => each.what === root)).toMatchObject({ kind: "cluster", why: `${sign} is gone` })
    expect(report.removed.find((each) => each.what === root)?.bytes).toBeGreaterThan(10_000_000)
    expect(await readdir("/var/lib/flyball")).not.toContain(root.split("/").at(-1))
    await rm(folder, { recursive: true, force: true })
  },
)
