import { execFileSync } from "node:child_process"
import { chmod, mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, test } from "vitest"
import { postmasterOf } from "../../src/engine/postgres/cluster.ts"
import { removeDatabase } from "../../src/engine/postgres/launch.ts"
import { findPlace } from "../../src/engine/postgres/place.ts"
import { RunReport } from "../../src/engine/report.ts"
import { type CliRun, flyball } from "../flyball-cli.ts"
import { fixes, letGo, look, only, quickProject, runFix, sharedHome } from "../quick-loop.ts"
import { commitTo, processesOf, type SmallRepo, smallRepo } from "../small-repo.ts"

const home = sharedHome()
const waits = `while ! test -e go; do sleep 0.02; done; rm go; ${fixes}`

async function untilMaker(where: string, run: CliRun): Promise<void> {
  const until = Date.now() + 30_000
  while (!(await processesOf(where)).some((each) => each.includes("while ! test") && !each.includes("bwrap"))) {
    if (Date.now() > until) throw new Error(`no maker within 30 s:\n${run.printed()}`)
    await new Promise((again) => setTimeout(again, 20))
  }
}

/** Whatever happened, the next run ends what is left, once. */
async function nextRunProposes(repo: SmallRepo): Promise<void> {
  const next = await runFix(repo)
  expect(next.report.changes, next.said.join("\n")).toMatchObject([{ outcome: "proposed" }])
  expect((await repo.branches()).filter((name) => name.startsWith("flyball/"))).toHaveLength(1)
}

describe("the database", () => {
  test.each(["SIGKILL", "SIGINT"] as const)("is ended by %s while the maker works: the run goes on", async (signal) => {
    await using repo = await smallRepo(quickProject({ maker: waits, usdPerAttempt: 0.25 }))
    const run = flyball(repo.root, ["run", "fix", "--json"])
    await untilMaker(home.path, run)
    process.kill((await postmasterOf(await findPlace(home.path))) ?? 0, signal)
    const { stdout, stderr, code } = await letGo(home.path, run.ended)
    expect(code, stderr + stdout).toBe(0)
    expect(RunReport.parse(JSON.parse(stdout)).changes).toMatchObject([{ outcome: "proposed", usd: 0.25 }])
  })
})

describe("the remote", () => {
  test("refuses the proposal: it is said why, and the next run proposes", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const hook = join(repo.remote, "hooks", "pre-receive")
    await writeFile(hook, "#!/bin/sh\necho 'no pushes on Saturdays' >&2; exit 1\n")
    await chmod(hook, 0o755)
    const refused = only(await runFix(repo))
    expect([refused.outcome, refused.reason]).toEqual(["asked", "infrastructure"])
    expect(refused.question).toContain("no pushes on Saturdays")
    await rm(hook)
    await nextRunProposes(repo)
  })

  test("vanishes while the maker works: it is said, nothing is made again, and the next run proposes", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits, usdPerAttempt: 0.25 }))
    const run = flyball(repo.root, ["run", "fix", "--json"])
    await untilMaker(home.path, run)
    await rename(repo.remote, `${repo.remote}.away`)
    const { stdout } = await letGo(home.path, run.ended)
    const [view] = RunReport.parse(JSON.parse(stdout)).changes
    expect([view?.outcome, view?.reason]).toEqual(["asked", "infrastructure"])
    expect(view?.question).toMatch(/REMOTE_UNREACHABLE/)
    await rename(`${repo.remote}.away`, repo.remote)
    await nextRunProposes(repo)
    const [after] = await look(repo, async ({ db }) =>
      db
        .selectFrom("money")
        .selectAll()
        .where("change", "=", view?.id ?? "")
        .execute(),
    )
    expect(after?.settled_usd).toBe(0.25)
  })
})

describe("git locks that a dead process left", () => {
  test("on a ref of ours: removed, and the run goes on; on the user's own index: of no importance", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const id = only(await runFix(repo, { dryRun: false })).id
    await commitTo(repo, { "work/n1.txt": "n1 is broken again\n", "work/n2.txt": "fixed\n" }, "again")
    const git = join(repo.root, ".git")
    const lock = join(git, "refs/flyball/changes", `${id}.lock`)
    const base = join(git, "refs/flyball/base/origin", "main.lock")
    for (const path of [lock, base, join(git, "index.lock")]) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, "")
      await utimes(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))
    }
    const next = await runFix(repo)
    expect(next.report.findings, next.said.join("\n")).toHaveLength(1)
    expect(await readdir(dirname(lock))).not.toContain(`${id}.lock`)
    expect(await readdir(git)).toContain("index.lock")
  })
})

describe.runIf(process.getuid?.() === 0)("the disk", () => {
  const mount = (...args: string[]) => execFileSync("mount", args, { stdio: "pipe" })

  async function onDisk(size: string, act: (disk: string) => Promise<void>): Promise<void> {
    const disk = await mkdtemp(join(tmpdir(), "flyball-disk-"))
    mount("-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", disk)
    try {
      await act(disk)
    } finally {
      await removeDatabase(disk).catch(() => {})
      execFileSync("umount", ["-l", disk])
      await rm(disk, { recursive: true, force: true })
    }
  }

  test("D2: is full before anything begins: nothing is begun, and it is said what frees it", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await onDisk("100m", async (disk) => {
      const env = { FLYBALL_HOME: disk }
      const refused = await flyball(repo.root, ["run", "fix"], env).ended
      expect([refused.code, refused.stderr]).toEqual([
        3,
        expect.stringMatching(/DISK_FULL .*left; a run needs.*\n→ `flyball gc`/),
      ])
      mount("-o", "remount,size=1g", disk)
      const { stdout } = await flyball(repo.root, ["run", "fix", "--json"], env).ended
      expect(RunReport.parse(JSON.parse(stdout)).changes).toMatchObject([{ outcome: "proposed" }])
    })
  })

  test("gets full under the maker: no crash, it is said, and with room again the next run goes on", async () => {
    await using repo = await smallRepo(
      quickProject({ maker: `dd if=/dev/zero of=big bs=1M count=400 2>/dev/null || exit 1; rm big; ${fixes}` }),
    )
    await onDisk("200m", async (disk) => {
      const env = { FLYBALL_HOME: disk }
      const full = await flyball(repo.root, ["run", "fix"], env).ended
      expect(full.stderr).not.toMatch(/INTERNAL|\n {4}at /)
      expect([1, 3], full.stdout + full.stderr).toContain(full.code)
      mount("-o", "remount,size=2g", disk)
      await flyball(repo.root, ["inbox", "answer", "n1-is", "there is room now"], env).ended
      const { stdout, stderr } = await flyball(repo.root, ["run", "fix", "--json"], env).ended
      expect(RunReport.parse(JSON.parse(stdout)).changes, stderr).toMatchObject([{ outcome: "proposed" }])
    })
  })

  test("is read-only: it is said, nothing is begun, and writable again it goes on", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await onDisk("1g", async (disk) => {
      const env = { FLYBALL_HOME: disk }
      await flyball(repo.root, ["status"], env).ended
      mount("-o", "remount,ro", disk)
      const refused = await flyball(repo.root, ["run", "fix"], env).ended
      expect(refused.code, refused.stderr).not.toBe(0)
      expect(refused.stderr).toMatch(/READ_ONLY|NOT_WRITABLE/)
      expect(refused.stderr).not.toMatch(/\n {4}at /)
      mount("-o", "remount,rw", disk)
      const { stdout, stderr } = await flyball(repo.root, ["run", "fix", "--json"], env).ended
      expect(RunReport.parse(JSON.parse(stdout)).changes, stderr).toMatchObject([{ outcome: "proposed" }])
    })
  })
})

test("FLYBALL_HOME is removed under a run: it ends with a message, and the next run works", async () => {
  const parent = await mkdtemp(join(tmpdir(), "flyball-gone-"))
  const env = { FLYBALL_HOME: join(parent, "home") }
  await using repo = await smallRepo(quickProject({ maker: waits }))
  try {
    const run = flyball(repo.root, ["run", "fix"], env)
    await untilMaker(parent, run)
    await rm(env.FLYBALL_HOME, { recursive: true, force: true })
    const { code, stderr } = await Promise.race([
      run.ended,
      new Promise<never>((_, fail) => setTimeout(() => fail(new Error(`it hangs:\n${run.printed()}`)), 30_000)),
    ])
    expect(code, stderr).not.toBe(0)
    expect(stderr).not.toMatch(/\n {4}at /)
    const again = flyball(repo.root, ["run", "fix", "--json"], env)
    const { stdout, stderr: said } = await letGo(env.FLYBALL_HOME, again.ended).catch(async () => again.ended)
    expect(RunReport.parse(JSON.parse(stdout)).changes, said).toMatchObject([{ outcome: "proposed" }])
  } finally {
    await removeDatabase(env.FLYBALL_HOME)
    await rm(parent, { recursive: true, force: true })
  }
})
