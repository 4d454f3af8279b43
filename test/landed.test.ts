import { chmod, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { status } from "../src/engine/commands/status.ts"
import { findPlace } from "../src/engine/postgres/place.ts"
import { git } from "../src/lib/git.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, look, only, quickProject, runFix, sharedHome, shown, stateOf } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()

type Victim = "database" | "command" | "remote"
const cases: { dies: string; victims: Victim[] }[] = [
  { dies: "the database", victims: ["database"] },
  { dies: "the command", victims: ["command"] },
  { dies: "the database, and with it the command", victims: ["database", "command"] },
  // The ref has moved, and whoever pushed is told of nothing but a broken pipe.
  { dies: "the remote's end of the push", victims: ["remote"] },
  { dies: "the remote's end of the push, and the database", victims: ["remote", "database"] },
]

test.each(cases)(
  "D6: $dies dies in the moment of landing: it is merged by itself, never somebody else's fix",
  async ({ victims }) => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const view = only(await runFix(repo))
    const before = (await git(["rev-parse", "main"], { cwd: repo.remote })).trim()

    const approving = flyball(repo.root, ["inbox", "approve", view.id], { FLYBALL_HOME: home.path })
    await killOnLanding(repo, victims, approving.child.pid ?? 0)
    await approving.ended
    expect(await shown(repo.remote, "main:work/n1.txt"), "it landed").toBe("fixed")
    expect(await readFile(join(repo.remote, "killed"), "utf8"), "and something died of it").not.toBe("")

    const next = await runFix(repo)
    const [change] = (await look(repo, (session) => status(session, "fix"))).changes
    expect(change, next.said.join("\n")).toMatchObject({ id: view.id, outcome: "merged", stage: "done" })
    expect(change?.says).toMatch(/^merged as [0-9a-f]{10}$/)
    const told = [...next.said, ...next.report.notes, await stateOf(repo)].join("\n")
    expect(told).not.toMatch(/somebody else|waits no longer|already fixed/)
    expect((await git(["rev-parse", "main^"], { cwd: repo.remote })).trim(), "landed once").toBe(before)
    expect((await runFix(repo)).report.changes).toEqual([])
  },
)

test("D6: the remote dies when it has taken a proposal: the next run finds its own, and proposes nothing twice", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  await killOnLanding(repo, ["remote"], 0, "refs/heads/flyball/")
  const first = await runFix(repo)
  expect(only(first)).toMatchObject({ outcome: "asked", reason: "infrastructure" })
  const second = await runFix(repo)
  expect(only(second), second.said.join("\n")).toMatchObject({ outcome: "proposed", id: only(first).id })
  expect(await repo.branches()).toEqual([`flyball/${only(first).id}`, "main"])
})

/** Has the remote kill them once its default branch has moved, before whoever pushed is told. */
async function killOnLanding({ remote }: SmallRepo, victims: Victim[], command: number, ref = "refs/heads/main") {
  const { data } = await findPlace(home.path)
  const kill = {
    database: `head -1 ${join(data, "postmaster.pid")} | xargs kill -9`,
    command: `kill -9 ${command}`,
    remote: "kill -9 $PPID",
  }
  const hook = join(remote, "hooks", "post-receive")
  const once = `test -e ${join(remote, "killed")} && exit 0`
  // The one that runs this very script comes last.
  const last = [...victims].sort((a, b) => Number(a === "remote") - Number(b === "remote"))
  const lines = ["#!/bin/sh", `grep -q ${ref} || exit 0`, once, `echo yes > ${join(remote, "killed")}`]
  await writeFile(hook, `${[...lines, ...last.map((victim) => kill[victim])].join("\n")}\n`)
  await chmod(hook, 0o755)
}
