import { rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import { HaltReport } from "../src/engine/commands/halt.ts"
import { ResumeReport } from "../src/engine/commands/resume.ts"
import { StatusReport } from "../src/engine/commands/status.ts"
import { RunReport } from "../src/engine/report.ts"
import { git } from "../src/lib/git.ts"
import { type CliRun, flyball } from "./flyball-cli.ts"
import { fixes, letGo, quickProject, sharedHome } from "./quick-loop.ts"
import { processesOf, type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()
// A test that fails must not halt those after it.
afterEach(async () => {
  await rm(join(home.path, "HALT"), { force: true })
  await rm(join(home.path, "halt"), { recursive: true, force: true })
})

/** A maker that leaves half of its work and waits to be let go. */
const waits = `echo half > work/$item.half; while ! test -e go; do sleep 0.02; done; rm go work/$item.half; ${fixes}`

const makers = async () =>
  (await processesOf(home.path)).filter((each) => each.includes("while ! test") && !each.includes("bwrap"))

async function within(ms: number, what: string, is: () => Promise<boolean>): Promise<number> {
  const until = Date.now() + ms
  while (!(await is())) {
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((again) => setTimeout(again, 10))
  }
  return Date.now()
}
const untilMakers = (n: number, run: CliRun) =>
  within(20_000, `${n} makers`, async () => (await makers()).length >= n).catch((error: Error) => {
    throw new Error(`${error.message}\n${run.printed()}`)
  })
/** Any database but ours: whatever needs one fails at once. */
const NO_DATABASE = { DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" }

const json = async (run: CliRun) => JSON.parse((await run.ended).stdout)
const rescued = async ({ root }: SmallRepo, change: string) =>
  (await git(["ls-tree", "-r", "--name-only", `refs/flyball/rescue/${change}`], { cwd: root })).split("\n")

describe("P6: halt and resume", () => {
  test("D5: what runs dies within two seconds though the engine hangs and there is no database; resume goes on with the same attempt", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits, usdPerAttempt: 0.25 }))
    const run = flyball(repo.root, ["run", "fix"])
    await untilMakers(1, run)
    run.child.kill("SIGSTOP")
    const { halted } = HaltReport.parse(await json(flyball(repo.root, ["halt", "--json"], NO_DATABASE)))
    const died = await within(5_000, "no makers", async () => (await makers()).length === 0)
    console.log(`halted, and dead after ${died - Date.parse(halted.at)} ms`)
    expect(died - Date.parse(halted.at)).toBeLessThan(2_000)

    const refused = await flyball(repo.root, ["run", "fix"]).ended
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/HALTED Everything is halted since .*\n→ `flyball resume`/),
    ])
    const status = StatusReport.parse(await json(flyball(repo.root, ["status", "--json"])))
    expect(status.halted).toMatchObject([{ what: "everything", is: "all" }])

    run.child.kill("SIGCONT")
    expect(await run.ended).toMatchObject({ code: 3, stderr: expect.stringContaining("HALTED") })
    const resumed = ResumeReport.parse(await json(flyball(repo.root, ["resume", "--json"])))
    expect(resumed).toMatchObject({ usd: 0.25, standing: [], next: ["flyball run fix"] })
    expect(resumed.changes).toMatchObject([{ attempt: 1, usd: 0.25 }])

    const again = flyball(repo.root, ["run", "fix", "--json"])
    await untilMakers(1, again)
    expect(await rescued(repo, resumed.changes[0]?.id ?? "")).toContain("work/n1.half")
    const { changes } = RunReport.parse(JSON.parse((await letGo(home.path, again.ended)).stdout))
    expect(changes).toMatchObject([{ outcome: "proposed", usd: 0.5 }])
    expect(changes[0]?.attempts).toHaveLength(1)
  })

  test("who forks and never rests dies within two seconds too", async () => {
    // It would end by itself: 255 processes, of ten seconds each at most.
    const busy = `ulimit -t 10; f() { if [ "$1" = 0 ]; then while :; do :; done; fi; f $(($1 - 1)) & f $(($1 - 1)) & wait; }; f 7`
    await using repo = await smallRepo(quickProject({ maker: busy }))
    const run = flyball(repo.root, ["run", "fix"])
    const theirs = async () => (await processesOf(home.path)).filter((each) => each.includes("ulimit -t 10")).length
    await within(20_000, "a hundred of them", async () => (await theirs()) > 100)
    const { halted } = HaltReport.parse(await json(flyball(repo.root, ["halt", "--json"], NO_DATABASE)))
    const died = await within(5_000, "nobody", async () => (await theirs()) === 0)
    console.log(`halted, and dead after ${died - Date.parse(halted.at)} ms`)
    expect(died - Date.parse(halted.at)).toBeLessThan(2_000)
    expect(await run.ended).toMatchObject({ code: 3, stderr: expect.stringContaining("HALTED") })
  })

  test("a check that hangs dies too, though no agent ever ran and the engine is stopped", async () => {
    await using repo = await smallRepo({ ...quickProject({ maker: fixes }), "find.sh": "echo begun; sleep 7003\n" })
    const run = flyball(repo.root, ["run", "fix"])
    const sleepers = async () => (await processesOf(home.path)).filter((each) => each.includes("sleep 7003"))
    await within(30_000, "a source that hangs", async () => (await sleepers()).length > 0)
    run.child.kill("SIGSTOP")
    const { halted } = HaltReport.parse(await json(flyball(repo.root, ["halt", "--json"], NO_DATABASE)))
    const died = await within(5_000, "nobody sleeps", async () => (await sleepers()).length === 0)
    expect(died - Date.parse(halted.at)).toBeLessThan(2_000)
    run.child.kill("SIGKILL")
    await run.ended
    await flyball(repo.root, ["resume"]).ended
  })

  test("one change is halted, and the other goes on; it can't be approved or taken up until it is resumed", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits, items: 2, act: "max_parallel: 2" }))
    const run = flyball(repo.root, ["run", "fix", "--json"])
    await untilMakers(2, run)
    const { halted, ended } = HaltReport.parse(await json(flyball(repo.root, ["halt", "n1-is", "--json"])))
    expect([halted.is, ended.length]).toEqual(["change", 1])
    await within(2_000, "one maker", async () => (await makers()).length === 1)
    const first = RunReport.parse(JSON.parse((await letGo(home.path, run.ended)).stdout))
    expect(first.changes.map((view) => view.stage).sort()).toEqual(["awaiting_review", "in_progress"])

    const second = RunReport.parse(await json(flyball(repo.root, ["run", "fix", "--json"])))
    expect(second.changes).toEqual([])
    expect(second.findings.map((each) => each.why).join()).toContain("is halted: `flyball resume")
    const approved = await flyball(repo.root, ["halt"]).ended
    expect(approved.code).toBe(0)
    const refused = await flyball(repo.root, ["inbox", "approve", "n2-is"]).ended
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("HALTED")])

    await flyball(repo.root, ["resume"]).ended
    const last = flyball(repo.root, ["run", "fix", "--json"])
    const third = RunReport.parse(JSON.parse((await letGo(home.path, last.ended)).stdout))
    expect(third.changes).toMatchObject([{ outcome: "proposed" }])
    expect(third.changes[0]?.attempts).toHaveLength(1)
  })

  test("a file HALT made by hand does it too; what is not halted can't be resumed, and what is nothing can't be halted", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits }))
    const run = flyball(repo.root, ["run", "fix"])
    await untilMakers(1, run)
    await writeFile(join(home.path, "HALT"), "")
    await within(2_000, "no makers", async () => (await makers()).length === 0)
    expect(await run.ended).toMatchObject({ code: 3 })
    expect((await flyball(repo.root, ["resume"]).ended).code).toBe(0)
    await flyball(repo.root, ["halt"]).ended
    const elsewhere = await flyball(home.path, ["resume", "--json"]).ended
    expect([elsewhere.code, elsewhere.stderr]).toEqual([0, ""])
    expect(ResumeReport.parse(JSON.parse(elsewhere.stdout)).unseen).toContain("not in a git repository")
    const none = await flyball(repo.root, ["resume"]).ended
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("NOT_HALTED")])
    const nothing = await flyball(repo.root, ["halt", "nonsense"]).ended
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringMatching(/NOTHING_TO_HALT[\s\S]*fix/)])
  })

  test("a loop is halted by its name, whatever its file is called", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const loops = join(repo.root, ".flyball/loops")
    await rename(join(loops, "fix.yaml"), join(loops, "mend-all.yaml"))
    for (const said of ["fix", "mend-all", ".flyball/loops/mend-all.yaml"]) {
      const halted = await flyball(repo.root, ["halt", said, "--json"]).ended
      expect(HaltReport.parse(JSON.parse(halted.stdout)).halted).toMatchObject({ what: "loop fix", is: "loop" })
      expect((await flyball(repo.root, ["run", "fix"]).ended).stderr).toContain("HALTED")
      await flyball(repo.root, ["resume"]).ended
    }
  })
})
