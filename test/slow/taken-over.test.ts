import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { RunReport } from "../../src/engine/report.ts"
import { git } from "../../src/lib/git.ts"
import { readEvents } from "../../src/record/ledger.ts"
import { type CliRun, flyball } from "../flyball-cli.ts"
import { fixes, letGo, look, only, quickProject, runFix, sharedHome } from "../quick-loop.ts"
import { commitTo, processesOf, type SmallRepo, smallRepo } from "../small-repo.ts"

const home = sharedHome()
const waits = `while ! test -e go; do sleep 0.02; done; rm go; echo by $$ >> work/$item.txt; ${fixes.replace(">", ">>")}`
const makers = async () =>
  (await processesOf(home.path)).filter((each) => each.includes("while ! test") && !each.includes("bwrap"))
const until = async (what: string, is: () => Promise<boolean>) => {
  const end = Date.now() + 30_000
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`)
    await new Promise((again) => setTimeout(again, 20))
  }
}
const jsonOf = async (run: CliRun) => RunReport.parse(JSON.parse((await run.ended).stdout))

describe("D4, D11: a run that froze loses its loop and its change to the next one", () => {
  test("what its agent had finished meanwhile is discarded, and it says why it ends", async () => {
    await using repo = await smallRepo(quickProject({ maker: waits, usdPerAttempt: 0.25 }))
    const frozen = flyball(repo.root, ["run", "fix"])
    await until("a maker", async () => (await makers()).length === 1)
    await sleep(300)
    frozen.child.kill("SIGSTOP")
    // The maker ends well while nobody looks: a result that lies in the pipe.
    const workspaces = join(await look(repo, async (session) => session.repo.dataDir), "workspaces")
    const { readdir } = await import("node:fs/promises")
    for (const name of await readdir(workspaces)) await writeFile(join(workspaces, name, "tree", "go"), "")
    await until("the maker to end", async () => (await makers()).length === 0)
    expect((await flyball(repo.root, ["run", "fix"]).ended).stderr).toContain("LOOP_RUNNING")

    await sleep(21_000)
    const next = flyball(repo.root, ["run", "fix", "--json"])
    await until("the next one's maker", async () => (await makers()).length === 1)
    frozen.child.kill("SIGCONT")
    const thawed = await frozen.ended
    expect(thawed.code, thawed.stderr).not.toBe(0)
    expect(thawed.stderr).toMatch(/EXECUTOR_LOST|took over/)
    expect(await makers()).toHaveLength(1)

    await letGo(home.path, next.ended)
    const [view] = (await jsonOf(next)).changes
    expect(view).toMatchObject({ outcome: "proposed", usd: 0.5 })
    expect(view?.attempts).toHaveLength(1)
    const events = await look(repo, ({ db }) => readEvents(db, view?.id ?? ""))
    const count = (type: string) => events.filter(({ body }) => body.type === type).length
    expect([count("make.started"), count("make.ended"), count("ship.ended")]).toEqual([2, 1, 1])
    const file = await git(["show", `flyball/${view?.id}:work/n1.txt`], { cwd: repo.remote })
    expect(file.match(/^by /gm)).toHaveLength(1)
  }, 120_000)
})

/** A hook that kills the process whose pid is in a file, once its push is in: the acknowledgement is lost. */
async function killOnPush(repo: SmallRepo, ref: string): Promise<string> {
  const pid = join(repo.folder, "pid")
  const hook = join(repo.remote, "hooks", "post-receive")
  await writeFile(
    hook,
    `#!/bin/sh\nread -r _ _ ref\ncase $ref in ${ref}) [ -e ${pid} ] && kill -9 $(cat ${pid}) && rm ${pid};; esac\n`,
  )
  await chmod(hook, 0o755)
  return pid
}

describe("D6: killed when the push was in and before it was written down", () => {
  test("a proposal is made once", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const pid = await killOnPush(repo, "refs/heads/flyball/*")
    const killed = flyball(repo.root, ["run", "fix"])
    await writeFile(pid, String(killed.child.pid))
    expect(await killed.ended).toMatchObject({ code: null })
    const branches = await repo.branches()
    expect(branches).toHaveLength(2)
    const next = await runFix(repo)
    expect(only(next)).toMatchObject({ outcome: "proposed" })
    expect(await repo.branches()).toEqual(branches)
  })

  test("an approval has landed once, also where somebody else's commit came on top of it meanwhile", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const view = only(await runFix(repo))
    const pid = await killOnPush(repo, "refs/heads/main")
    const killed = flyball(repo.root, ["inbox", "approve", view.id])
    await writeFile(pid, String(killed.child.pid))
    expect(await killed.ended).toMatchObject({ code: null })
    await commitTo(repo, { "other.txt": "other\n" }, "other")
    const next = await runFix(repo)
    expect(next.report.changes, next.said.join("\n")).toMatchObject([{ id: view.id, outcome: "merged" }])
    expect(await repo.branches()).toEqual(["main"])
    const log = await git(["log", "--format=%s", "main"], { cwd: repo.remote })
    expect(log.trim().split("\n")).toEqual(["other", "Fix: n1 is broken", "first"])
  })
})
