import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { StatusReport } from "../src/engine/commands/status.ts"
import { RunReport } from "../src/engine/report.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, quickProject } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

// Making its data takes seconds, and each command opens them anew.
vi.setConfig({ testTimeout: 180_000 })

const notCrashSafe = /PGlite in process, not crash-safe/

test("where no PostgreSQL can run, a finding is found, proposed and approved, and every status says it is not crash-safe", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes, items: 2 }))
  const cli = (...args: string[]) =>
    flyball(repo.root, args, { FLYBALL_HOME: repo.home, FLYBALL_DATABASE: "pglite" }).ended

  const ran = await cli("run", "fix", "--json")
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toMatch(notCrashSafe)
  const report = RunReport.parse(JSON.parse(ran.stdout))
  expect(report.database).toEqual({ kind: "in-process", crashSafe: false })
  expect(report.changes.map((view) => view.outcome)).toEqual(["proposed", "proposed"])

  const id = report.changes[0]?.id ?? ""
  const approved = await cli("inbox", "approve", id)
  expect(approved.code, approved.stderr).toBe(0)

  const status = await cli("status", "--json")
  const { crashSafe, database, changes } = StatusReport.parse(JSON.parse(status.stdout))
  expect({ crashSafe, database }).toEqual({ crashSafe: false, database: "PGlite in process, not crash-safe" })
  expect(changes.map((view) => view.outcome).sort()).toEqual(["merged", "proposed"])
  expect((await cli("status")).stdout).toMatch(notCrashSafe)
  expect((await cli("doctor")).stdout).toMatch(notCrashSafe)

  const again = await cli("run", "fix", "--json")
  expect(RunReport.parse(JSON.parse(again.stdout)).changes, "nothing is begun twice").toEqual([])
  expect(existsSync(join(repo.home, "postgres")), "no cluster was made").toBe(false)
})

test("a second process is refused in words, and one that was killed holds nothing", async () => {
  await using repo = await smallRepo(quickProject({ maker: "sleep 60" }))
  const env = { FLYBALL_HOME: repo.home, FLYBALL_DATABASE: "pglite" }
  const first = flyball(repo.root, ["run", "fix"], env)
  await first.says("attempt 1")
  const second = await flyball(repo.root, ["status"], env).ended
  expect(second.code).toBe(3)
  expect(second.stderr).toMatch(
    new RegExp(`Another Flyball process \\(${first.child.pid}\\) has the database open.*one process at a time`, "s"),
  )
  first.child.kill("SIGKILL")
  await first.ended
  const after = await flyball(repo.root, ["status", "--json"], env).ended
  expect(after.code, after.stderr).toBe(0)
  expect(StatusReport.parse(JSON.parse(after.stdout)).parked).toHaveLength(1)
})

test("a ledger stays in the database that it was begun in", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  const env = { FLYBALL_HOME: repo.home }
  const forced = await flyball(repo.root, ["run", "fix"], { ...env, FLYBALL_DATABASE: "pglite" }).ended
  expect(forced.code, forced.stderr).toBe(0)
  const plain = await flyball(repo.root, ["status", "--json"], env).ended
  expect(plain.code, plain.stdout + plain.stderr).toBe(0)
  const report = StatusReport.parse(JSON.parse(plain.stdout))
  expect(report.crashSafe).toBe(false)
  expect(report.changes).toHaveLength(1)
})

test("`up`, which starts a process for each run, is refused", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes, top: "trigger: every(1h)" }))
  const up = await flyball(repo.root, ["up"], { FLYBALL_HOME: repo.home, FLYBALL_DATABASE: "pglite" }).ended
  expect(up.code).toBe(3)
  expect(up.stderr).toMatch(/serves one/)
})

test("a home that can't hold a cluster because something is in its way is a mistake to mend, not a reason to fall back", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  await mkdir(repo.home, { recursive: true })
  await writeFile(join(repo.home, "postgres"), "")
  const ran = await flyball(repo.root, ["run", "fix", "--json"], { FLYBALL_HOME: repo.home }).ended
  expect(ran.code).not.toBe(0)
  expect(ran.stderr).not.toMatch(notCrashSafe)
})
