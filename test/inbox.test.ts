import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { answerChange, type Said } from "../src/engine/commands/answer.ts"
import { inboxItem } from "../src/engine/commands/inbox.ts"
import { git } from "../src/lib/git.ts"
import { fixes, look, only, quickProject, runFix, sharedHome, shown, stateOf, waiting } from "./quick-loop.ts"
import { commitTo, type SmallRepo, smallRepo, withoutRemote } from "./small-repo.ts"

sharedHome()

/** `flyball inbox …`, as the command line calls it. */
async function say({ root }: SmallRepo, change: string, said: Said, now = false) {
  return answerChange({
    cwd: root,
    change,
    said,
    now,
    signal: AbortSignal.timeout(60_000),
    progress: () => {},
  })
}
const remoteMain = ({ remote }: SmallRepo) => git(["rev-parse", "main"], { cwd: remote })

describe("approve", () => {
  test("merges into the remote's default branch as one commit, drops the proposal's branch, and keeps the commits", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const proposed = only(await runFix(repo))
    const before = await remoteMain(repo)
    const { change } = await say(repo, "broken", { is: "approve" })
    expect(change).toMatchObject({ stage: "done", outcome: "merged" })
    expect(await shown(repo.remote, "main:work/n1.txt")).toBe("fixed")
    expect(await git(["rev-parse", "main^"], { cwd: repo.remote })).toBe(before)
    expect(await repo.branches()).toEqual(["main"])
    // D9: the attempts' own commits stay.
    const kept = await git(["for-each-ref", "--format=%(refname) %(objectname)", "refs/flyball/changes"], {
      cwd: repo.root,
    })
    expect(kept).toContain(`refs/flyball/changes/${proposed.id}`)
    expect(kept).toContain(proposed.head)
    expect(await waiting(repo)).toEqual([])
    expect(await stateOf(repo)).toMatch(/## Done \(recent\)\n\n- \[x\] n1 is broken/)
    // Nothing to find any more, and the landed item is no longer open.
    const again = await runFix(repo)
    expect(again.report.findings).toEqual([])
  })

  test("D10: what moved on the base since is merged with, verified again, and both are kept", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const view = only(await runFix(repo))
    await commitTo(repo, { "work/other.txt": "fixed: somebody's\n" }, "theirs")
    const { change } = await say(repo, view.id, { is: "approve" })
    expect(change).toMatchObject({ outcome: "merged" })
    expect(await shown(repo.remote, "main:work/other.txt")).toBe("fixed: somebody's")
    expect(await shown(repo.remote, "main:work/n1.txt")).toBe("fixed")
  })

  test("T4 T9: a base that moved so that it no longer passes: not merged, and it says why", async () => {
    const project = quickProject({ maker: fixes })
    project[".flyball/checks.yaml"] = "n1: { run: '! test -e work/freeze && grep -q fixed work/n1.txt', kind: exit }\n"
    await using repo = await smallRepo(project)
    const view = only(await runFix(repo))
    await commitTo(repo, { "work/freeze": "release week\n" }, "freeze")
    const before = await remoteMain(repo)
    const { change } = await say(repo, view.id, { is: "approve" })
    expect(change).toMatchObject({ stage: "needs_a_person", reason: "gate_rejects" })
    expect(change.question).toMatch(/verified again on the current base and did not pass/)
    expect(await remoteMain(repo)).toBe(before)
  })

  test("T9: a conflict with what moved is not merged, and names the file", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const view = only(await runFix(repo))
    await commitTo(repo, { "work/n1.txt": "n1 is still broken, otherwise\n" }, "theirs")
    const before = await remoteMain(repo)
    const { change } = await say(repo, view.id, { is: "approve" })
    expect(change.stage).toBe("needs_a_person")
    expect(change.question).toMatch(/work\/n1\.txt/)
    expect(await remoteMain(repo)).toBe(before)
  })

  test("without a remote: the proposal is a local branch, and the checked-out branch moves forward, files included", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await withoutRemote(repo)
    const view = only(await runFix(repo))
    expect(await git(["branch", "--format=%(refname:short)"], { cwd: repo.root })).toBe(`flyball/${view.id}\nmain\n`)
    expect(await readFile(join(repo.root, "work/n1.txt"), "utf8")).toBe("n1 is broken\n")
    const { change } = await say(repo, view.id, { is: "approve" })
    expect(change.outcome).toBe("merged")
    expect(await readFile(join(repo.root, "work/n1.txt"), "utf8")).toBe("fixed\n")
    expect(await git(["status", "--porcelain", "--", "work"], { cwd: repo.root })).toBe("")
    expect(await git(["branch", "--format=%(refname:short)"], { cwd: repo.root })).toBe("main\n")
  })

  test("without a remote: what was made for another branch does not land on the one that is checked out", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await withoutRemote(repo)
    const view = only(await runFix(repo))
    const here = { cwd: repo.root }
    const main = await git(["rev-parse", "main"], here)
    for (const away of [
      ["switch", "-c", "mine"],
      ["switch", "--detach", "main"],
    ]) {
      await git(away, here)
      await expect(say(repo, view.id, { is: "approve" })).rejects.toMatchObject({ code: "OTHER_BRANCH" })
    }
    expect(await git(["rev-parse", "main", "mine"], here)).toBe(`${main}${main}`)
    expect((await waiting(repo)).map(({ stage }) => stage)).toEqual(["awaiting_review"])
    // The branch that it was made for is called otherwise now: that is no other branch.
    await git(["branch", "-m", "main", "trunk"], here)
    await git(["switch", "trunk"], here)
    expect((await say(repo, view.id, { is: "approve" })).change.outcome).toBe("merged")
    expect(await shown(repo.root, "trunk:work/n1.txt")).toBe("fixed")
  })

  test("without a remote: edits that it would overwrite are left alone, and it lands once they are out of the way", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await withoutRemote(repo)
    const view = only(await runFix(repo))
    await writeFile(join(repo.root, "work/n1.txt"), "my own edit\n")
    const refused = await say(repo, view.id, { is: "approve" })
    expect(refused.change).toMatchObject({ stage: "needs_a_person" })
    expect(refused.change.question).toMatch(/would overwrite edits in your checkout/)
    expect(await readFile(join(repo.root, "work/n1.txt"), "utf8")).toBe("my own edit\n")
    await git(["checkout", "--", "work/n1.txt"], { cwd: repo.root })
    const landed = await say(repo, view.id, { is: "approve" })
    expect(landed.change.outcome).toBe("merged")
  })
})

describe("reject and answer", () => {
  const told = `cat "$FLYBALL_FEEDBACK" > told.txt 2>/dev/null; ${fixes}; echo "$(wc -l < work/$item.txt)" > n.txt; date +%N > when.txt`

  test("the reason reaches the next run's attempt, which takes the old proposal's place", async () => {
    await using repo = await smallRepo(quickProject({ maker: told }))
    const first = only(await runFix(repo))
    const { change } = await say(repo, first.id, { is: "retry", why: "keep the old name" })
    expect(change).toMatchObject({ stage: "in_progress", says: "answered: the next run makes attempt 2" })
    expect(await stateOf(repo)).toMatch(/## In progress\n\n- \[ \] n1 is broken/)
    const second = only(await runFix(repo))
    expect(second).toMatchObject({ id: first.id, outcome: "proposed" })
    expect(second.attempts).toHaveLength(2)
    expect(await shown(repo.remote, `flyball/${first.id}:told.txt`)).toBe("A person rejected it: keep the old name")
    expect(await git(["rev-list", "--count", `main..flyball/${first.id}`], { cwd: repo.remote })).toBe("1\n")
  })

  test("D6: a proposal whose branch somebody deleted on the remote is proposed anew, on the same branch", async () => {
    await using repo = await smallRepo(quickProject({ maker: told }))
    const first = only(await runFix(repo))
    await git(["branch", "--quiet", "-D", `flyball/${first.id}`], { cwd: repo.remote })
    await say(repo, first.id, { is: "retry", why: "keep the old name" })
    expect(only(await runFix(repo))).toMatchObject({ id: first.id, outcome: "proposed", branch: `flyball/${first.id}` })
    expect(await repo.branches()).toEqual([`flyball/${first.id}`, "main"])
  })

  test("D1: cloned anew without what an attempt left, the next attempt begins at the base", async () => {
    await using repo = await smallRepo(quickProject({ maker: told }))
    const first = only(await runFix(repo))
    await git(["branch", "--quiet", "-D", `flyball/${first.id}`], { cwd: repo.remote })
    await rm(repo.root, { recursive: true })
    await git(["clone", "--quiet", repo.remote, repo.root], { cwd: repo.folder })
    await say(repo, first.id, { is: "retry", why: "keep the old name" })
    const { report, said } = await runFix(repo)
    expect(report.changes, said.join("\n")).toMatchObject([{ id: first.id, outcome: "proposed" }])
    expect(said.join("\n")).toContain("is in this repository no longer: begun at the base")
  })

  test("--now makes the next attempt at once", async () => {
    await using repo = await smallRepo(quickProject({ maker: told }))
    const first = only(await runFix(repo))
    const { change } = await say(repo, first.id, { is: "retry", why: "not yet" }, true)
    expect(change).toMatchObject({ outcome: "proposed" })
    expect(change.attempts).toHaveLength(2)
  })

  test("--close ends it: never attempted again", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const first = only(await runFix(repo))
    const { change } = await say(repo, first.id, { is: "close", why: "we want it broken" })
    expect(change).toMatchObject({ stage: "blocked", outcome: "closed" })
    expect(await stateOf(repo)).toMatch(/## Blocked\n\n- \[ \] n1 is broken[^#]*we want it broken/)
    const { report } = await runFix(repo)
    expect(report.changes).toEqual([])
    expect(report.findings[0]).toMatchObject({ plan: "skip", why: `${first.id} was closed by a person` })
    expect(report.exitCode).toBe(0)
  })

  test("an answer to a maker's question is told to the next attempt", async () => {
    const maker = `if [ -n "$FLYBALL_FEEDBACK" ]; then cat "$FLYBALL_FEEDBACK" > told.txt; ${fixes}; else echo '{"stop":"ambiguous","reason":"left or right?"}'; fi`
    await using repo = await smallRepo(quickProject({ maker }))
    const asked = only(await runFix(repo))
    expect(asked).toMatchObject({ reason: "maker_ambiguous" })
    await say(repo, asked.id, { is: "answer", text: "left" })
    const view = only(await runFix(repo))
    expect(view.outcome).toBe("proposed")
    expect(await shown(repo.remote, `flyball/${view.id}:told.txt`)).toContain("A person answered: left")
  })
})

describe("what an item tells, and wrong use", () => {
  test("show: the finding, the diff, the evidence, and what can be done", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    const view = only(await runFix(repo))
    const item = await look(repo, (session) => inboxItem(session, "n1", AbortSignal.timeout(30_000)))
    expect(item.finding).toMatchObject({ title: "n1 is broken", file: "work/n1.txt" })
    expect(item.diff).toContain("-n1 is broken\n+fixed")
    expect(item.next).toEqual([
      `flyball inbox approve ${view.id}`,
      `flyball inbox reject ${view.id} "why"`,
      `flyball inbox reject ${view.id} "why" --close`,
    ])
  })

  const approve: Said = { is: "approve" }
  test.each<{ name: string; maker: string; items?: number; of: string; before?: Said; said: Said; code: string }>([
    { name: "a change that does not exist", maker: fixes, of: "nope", said: approve, code: "NO_SUCH_CHANGE" },
    {
      name: "a part that two changes have",
      maker: fixes,
      items: 2,
      of: "broken",
      said: approve,
      code: "CHANGE_AMBIGUOUS",
    },
    { name: "one that has landed", maker: fixes, of: "n1", before: approve, said: approve, code: "NOT_WAITING" },
    {
      name: "one that nothing was made for",
      maker: `echo '{"stop":"impossible","reason":"no"}'`,
      of: "n1",
      said: approve,
      code: "NOTHING_TO_APPROVE",
    },
    {
      name: "one that the gate refused",
      maker: "date +%N >> work/$item.txt",
      of: "n1",
      said: approve,
      code: "NOT_ACCEPTED",
    },
  ])("$name: $code", async ({ maker, items = 1, of, before, said, code }) => {
    await using repo = await smallRepo(quickProject({ maker, items }))
    await runFix(repo)
    if (before !== undefined) await say(repo, of, before)
    const main = await remoteMain(repo)
    await expect(say(repo, of, said)).rejects.toMatchObject({ code, hint: expect.stringMatching(/\w/) })
    expect(await remoteMain(repo)).toBe(main)
  })
})
