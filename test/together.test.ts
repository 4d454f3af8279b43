import { chmod, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { RunReport } from "../src/engine/report.ts"
import { git } from "../src/lib/git.ts"
import { readChanges } from "../src/record/ledger.ts"
import { type CliRun, flyball } from "./flyball-cli.ts"
import { fixes, letGo, look, only, quickProject, runFix, seenByUser, sharedHome, waiting } from "./quick-loop.ts"
import { processesOf, smallRepo } from "./small-repo.ts"

const home = sharedHome()

/** A maker that works until a file in its folder lets it go: never a matter of time. */
const waits = `echo working; while ! test -e go; do sleep 0.02; done; rm go; ${fixes}`

const makersOf = async (folder: string) => (await processesOf(folder)).filter((each) => each.includes("while ! test"))

async function untilMakers(n: number, ...runs: CliRun[]): Promise<void> {
  const until = Date.now() + 50_000
  while ((await makersOf(home.path)).length < n) {
    if (Date.now() > until)
      throw new Error(`no ${n} makers within 50 s:\n${runs.map((run) => run.printed()).join("\n---\n")}`)
    await new Promise((again) => setTimeout(again, 20))
  }
}

describe("runs at the same time", () => {
  test("a second run of the same loop is told so, and starts nothing; another loop and another repository go on", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits }))
    await using other = await smallRepo(quickProject({ maker: fixes }))
    const loop = await readFile(join(repo.root, ".flyball/loops/fix.yaml"), "utf8")
    await writeFile(
      join(repo.root, ".flyball/loops/also.yaml"),
      loop.replace("name: fix", "name: also").replaceAll("fix.md", "also.md"),
    )

    const first = flyball(repo.root, ["run", "fix", "--json"])
    const another = flyball(repo.root, ["run", "also"])
    await Promise.all([untilMakers(2, first, another), another.says("attempt 1")])
    const second = await flyball(repo.root, ["run", "fix"]).ended
    expect(second.code, "nothing was used wrongly: it is held up").toBe(3)
    expect(second.stderr).toMatch(/LOOP_RUNNING .*running already/)
    expect(second.stderr).toMatch(/→ .*flyball status/)
    const elsewhere = await flyball(other.root, ["run", "fix", "--json"]).ended
    expect(RunReport.parse(JSON.parse(elsewhere.stdout)).changes).toMatchObject([{ outcome: "proposed" }])

    const [one, two] = await letGo(home.path, Promise.all([first.ended, another.ended]))
    expect([one.code, two.code], one.stderr + two.stderr).toEqual([0, 0])
    expect((await repo.branches()).filter((name) => name.startsWith("flyball/"))).toHaveLength(2)
    expect(await waiting(other)).toHaveLength(1)
  })

  test("SIGINT parks: exit code 130, nothing of it runs on, and the next run says what it resumes and what that has cost", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits, usdPerAttempt: 0.25 }))
    const run = flyball(repo.root, ["run", "fix"])
    await untilMakers(1, run)
    const began = Date.now()
    run.child.kill("SIGINT")
    const parked = await run.ended
    expect(parked.code).toBe(130)
    expect(Date.now() - began, "nothing keeps it from ending once all is parked").toBeLessThan(5_000)
    expect(parked.stderr).toMatch(/Parked\. `flyball run fix` goes on where this stopped/)
    expect(await makersOf(home.path)).toEqual([])
    const status = await flyball(repo.root, ["status"]).ended
    expect(status.stdout).toMatch(/1 change parked: the loop's next run goes on with it/)

    const resumed = await letGo(home.path, flyball(repo.root, ["run", "fix"]).ended)
    expect(resumed.stderr).toContain("resuming 1 change, $0.25 already spent")
    expect(resumed.code, resumed.stderr).toBe(0)
    const [view] = await waiting(repo)
    // M3: a restart is the same attempt; the one that was cut short is paid for.
    expect(view?.attempts).toHaveLength(1)
    expect(view?.usd).toBeCloseTo(0.5)
  })
})

/** Files that what a maker planted would have made, wherever it ran. */
async function planted(): Promise<string[]> {
  return (await readdir(home.path, { recursive: true })).filter((path) => path.endsWith("planted-ran"))
}

describe("what a run leaves alone", () => {
  test("a rehearsal writes nothing: no run, no finding, no change, no state file, no ref", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes, usdPerAttempt: 0.5, guardrails: "budget: $2/run" }))
    const before = await git(["for-each-ref"], { cwd: repo.root })
    const { report } = await runFix(repo, { dryRun: true })
    // Three attempts of $0.50 each: less than the ceiling.
    expect(report).toMatchObject({ dryRun: true, atMostUsd: 1.5, exitCode: 0, changes: [] })
    expect(report.findings).toMatchObject([{ title: "n1 is broken", plan: "attempt" }])
    const refs = await git(["for-each-ref"], { cwd: repo.root })
    expect(refs.replace(/^.*refs\/flyball\/base\/.*\n/gm, "")).toBe(before)
    expect(await git(["status", "--porcelain"], { cwd: repo.root })).toBe("")
    const rows = await look(repo, async ({ db, repo: { key } }) => [
      ...(await db.selectFrom("run").select("id").where("repo", "=", key).execute()),
      ...(await db.selectFrom("finding").select("fingerprint").where("repo", "=", key).execute()),
      ...(await db.selectFrom("change").select("id").where("repo", "=", key).execute()),
      ...(await db.selectFrom("money").select("key").where("repo", "=", key).execute()),
    ])
    expect(rows).toEqual([])
  })

  test.each([{ dirty: false }, { dirty: true }])(
    "D3: files, index, stash, refs, hooks and configuration of the user are as they were (dirty: $dirty)",
    async ({ dirty }) => {
      await using repo = await smallRepo({
        ...quickProject({ maker: fixes }),
        "mine.txt": "one\n",
        ".gitignore": "/ignored\n",
      })
      const ran = join(repo.folder, "hook-ran")
      for (const hook of [
        "pre-commit",
        "post-checkout",
        "post-commit",
        "pre-push",
        "reference-transaction",
        "post-merge",
      ]) {
        const path = join(repo.root, ".git/hooks", hook)
        await writeFile(path, `#!/bin/sh\necho ${hook} >> ${ran}\n`)
        await chmod(path, 0o755)
      }
      if (dirty) {
        await writeFile(join(repo.root, "mine.txt"), "stashed\n")
        await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "core.hooksPath=/dev/null", "stash"], {
          cwd: repo.root,
        })
        await writeFile(join(repo.root, "mine.txt"), "staged\n")
        await git(["add", "mine.txt"], { cwd: repo.root })
        await writeFile(join(repo.root, "mine.txt"), "edited\n")
        await writeFile(join(repo.root, "work/n1.txt"), "half a fix\n")
        await writeFile(join(repo.root, "new.txt"), "new\n")
        await writeFile(join(repo.root, "ignored"), "ignored\n")
      }
      const before = await seenByUser(repo)
      expect(only(await runFix(repo))).toMatchObject({ outcome: "proposed" })
      expect(await seenByUser(repo)).toEqual(before)
      await expect(readFile(ran, "utf8")).rejects.toThrow()
    },
  )

  test("a maker's planted hooks and configuration never run, and never reach the user's repository", async () => {
    const plant = `
      git config core.fsmonitor 'touch ../../planted-ran' || true
      git config core.hooksPath "$PWD/.hooks" || true
      git config filter.x.clean 'touch ../../planted-ran; cat' || true
      echo '*.txt filter=x' > .git/info/attributes 2>/dev/null || true
      mkdir -p .git/hooks 2>/dev/null; for h in pre-commit post-commit post-checkout; do printf '#!/bin/sh\\ntouch ../../planted-ran\\n' > .git/hooks/$h && chmod +x .git/hooks/$h; done 2>/dev/null
      git update-ref refs/heads/planted HEAD || true
      ${fixes}; exit 0`
    await using repo = await smallRepo(quickProject({ maker: plant }))
    const before = await seenByUser(repo)
    expect(only(await runFix(repo))).toMatchObject({ outcome: "proposed" })
    expect(await seenByUser(repo)).toEqual(before)
    expect(await planted()).toEqual([])
    expect(await repo.branches()).not.toContain("planted")
  })
})

test("T7: a change that lands while a run looks for work is not begun once more", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  only(await runFix(repo))
  // Found on the base as it was; approved, and merged, before the run decides what to do about it.
  const { report } = await runFix(repo, {
    onDiscovered: async () => {
      await flyball(repo.root, ["inbox", "approve", "n1"]).ended
    },
  })
  expect(report.findings).toMatchObject([
    { plan: "skip", why: expect.stringContaining("landed while work was looked for") },
  ])
  expect(await look(repo, async ({ db, repo: { key } }) => (await readChanges(db, { repo: key })).length)).toBe(1)
  expect((await runFix(repo)).report.findings).toEqual([])
})
