import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { answerChange } from "../src/engine/commands/answer.ts"
import { git } from "../src/lib/git.ts"
import { fixes, only, quickProject, runFix, sharedHome, shown, stateOf, waiting } from "./quick-loop.ts"
import { commitTo, type SmallRepo, smallRepo } from "./small-repo.ts"

sharedHome()

async function edit(repo: SmallRepo, change: (text: string) => string): Promise<void> {
  const before = await stateOf(repo)
  const after = change(before)
  expect(after, "the edit changed nothing").not.toBe(before)
  await writeFile(join(repo.root, ".flyball/state/fix.md"), after)
}
const tick = (title: string) => (text: string) => text.replace(`- [ ] ${title}`, `- [x] ${title}`)
/** Moves an item, with its lines, below another section's heading. */
const move = (title: string, to: string) => (text: string) => {
  const item = new RegExp(`- \\[ \\] ${title}.*\\n(?:  .*\\n)*`).exec(text)?.[0] ?? "no such item"
  return text.replace(item, "").replace(`## ${to}\n`, `## ${to}\n\n${item}`)
}
const noteUnder = (title: string, note: string) => (text: string) =>
  text.replace(new RegExp(`(- \\[ \\] ${title}.*\\n)`), `$1  - ${note}\n`)
const section = (text: string, name: string) => text.split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? ""

/** Two findings; the loop may make one proposal only, so that the second stays open. */
const two = { maker: fixes, items: 2, guardrails: "review_wip: 1, budget: $5/run" }

describe("what people do to the state file is read at the next run", () => {
  test("an open item that is ticked is not attempted; unticked, it is", async () => {
    await using repo = await smallRepo(quickProject(two))
    await runFix(repo)
    expect(section(await stateOf(repo), "Open")).toContain("n2 is broken")
    await edit(repo, tick("n2 is broken"))
    await answerChange({
      cwd: repo.root,
      change: "n1",
      said: { is: "approve" },
      now: true,
      signal: AbortSignal.timeout(30_000),
      progress: () => {},
    })
    const ticked = await runFix(repo)
    expect(ticked.report).toMatchObject({
      changes: [],
      findings: [{ title: "n2 is broken", plan: "skip", why: expect.stringContaining("ticked") }],
    })
    const done = section(await stateOf(repo), "Done (recent)")
    expect(done).toMatch(/- \[x\] n2 is broken(.*\n)+.*read: ticked, read \d{4}-/)
    await edit(repo, (text) => text.replace("- [x] n2 is broken", "- [ ] n2 is broken"))
    expect(only(await runFix(repo))).toMatchObject({ title: "n2 is broken", outcome: "proposed" })
  })

  test("a blocked item stays blocked when its message changes", async () => {
    const project = quickProject(two)
    project["find.sh"] = `m=$(cat message.txt); ${String(project["find.sh"]).replaceAll("is broken", "is $m")}`
    await using repo = await smallRepo({ ...project, "message.txt": "broken\n" })
    await runFix(repo)
    await edit(repo, move("n2 is broken", "Blocked"))
    await runFix(repo)
    expect(section(await stateOf(repo), "Blocked")).toContain("n2 is broken")
    await commitTo(repo, { "message.txt": "in pieces\n" }, "another message")
    const { report } = await runFix(repo)
    expect(report.findings.find((each) => each.title === "n2 is in pieces")).toMatchObject({
      plan: "skip",
      why: expect.stringContaining("Blocked"),
    })
    expect(report.changes).toEqual([])
  })

  test.each([
    { name: "ticked", change: tick("n1 is broken"), where: "Done (recent)" },
    { name: "moved to Blocked", change: move("n1 is broken", "Blocked"), where: "Blocked" },
  ])("an item that awaits review and is $name is closed; moved back to Open, it goes on", async ({ change, where }) => {
    await using repo = await smallRepo(quickProject({ maker: `date +%N > when.txt; ${fixes}` }))
    await runFix(repo)
    await edit(repo, change)
    const closed = only(await runFix(repo))
    expect(closed).toMatchObject({ outcome: "closed" })
    expect(section(await stateOf(repo), where)).toContain("n1 is broken")
    await edit(repo, (text) => move("n1 is broken", "Open")(text.replace("- [x] n1", "- [ ] n1")))
    expect(only(await runFix(repo))).toMatchObject({ id: closed.id, outcome: "proposed" })
  })

  test("a note reaches the next attempt's prompt, and is shown as read", async () => {
    const maker = `grep -c 'use tabs' "$FLYBALL_PROMPT" > told.txt; ${fixes}`
    await using repo = await smallRepo(quickProject({ ...two, maker }))
    const first = only(await runFix(repo))
    await edit(repo, noteUnder("n2 is broken", "please use tabs"))
    await answerChange({
      cwd: repo.root,
      change: "n1",
      said: { is: "approve" },
      now: true,
      signal: AbortSignal.timeout(30_000),
      progress: () => {},
    })
    const second = only(await runFix(repo))
    expect(await shown(repo.remote, `flyball/${second.id}:told.txt`)).toBe("1")
    expect(second.title).not.toBe(first.title)
    expect(await stateOf(repo)).toMatch(/please use tabs \*\(read \d{4}-\d{2}-\d{2}\)\*/)
  })

  test("an item that a person adds is found, attempted, and done when it has landed", async () => {
    const maker = `if [ -n "$item" ]; then ${fixes}; else echo "$(grep -o '"title":"[^"]*"' "$FLYBALL_FINDING")" > added.txt; fi`
    await using repo = await smallRepo({ ...quickProject({ maker }), "work/n1.txt": "fixed\n" })
    await runFix(repo)
    await edit(repo, (text) => text.replace("## Open\n", "## Open\n\n- [ ] Write down the title\n  - as it is\n"))
    const view = only(await runFix(repo))
    expect(view).toMatchObject({ title: "Write down the title", source: "state", outcome: "proposed" })
    await answerChange({
      cwd: repo.root,
      change: view.id,
      said: { is: "approve" },
      now: true,
      signal: AbortSignal.timeout(30_000),
      progress: () => {},
    })
    const { report } = await runFix(repo)
    expect(report).toMatchObject({ findings: [], changes: [] })
    expect(section(await stateOf(repo), "Done (recent)")).toContain("- [x] Write down the title")
    expect(section(await stateOf(repo), "Open")).not.toContain("Write down")
  })

  test("a deleted item comes back", async () => {
    await using repo = await smallRepo(quickProject(two))
    await runFix(repo)
    await edit(repo, (text) => text.replace(/- \[ \] n2.*\n(?: {2}.*\n)*/, ""))
    const { report } = await runFix(repo)
    expect(report.held).toMatchObject([{ title: "n2 is broken" }])
    expect(section(await stateOf(repo), "Open")).toContain("n2 is broken")
  })

  test("D7: a proposal that landed outside is done at the next run, not still awaiting review", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await runFix(repo)
    await commitTo(repo, { "work/n1.txt": "fixed\n" }, "a colleague's fix")
    const { report } = await runFix(repo)
    expect(report.findings).toEqual([])
    expect(report.notes.join("\n")).toMatch(/n1-is-broken-\w+ waits no longer: it is fixed on main by now/)
    expect(section(await stateOf(repo), "Done (recent)")).toMatch(/n1 is broken.*fixed on the base meanwhile/s)
    expect(await waiting(repo)).toEqual([])
  })

  test("a file that can't be read is left as it is, and that is said", async () => {
    await using repo = await smallRepo(quickProject({ maker: fixes }))
    await runFix(repo)
    const path = join(repo.root, ".flyball/state/fix.md")
    const bytes = Buffer.from([0x23, 0x20, 0xff, 0xfe, 0x00, 0x0a])
    await writeFile(path, bytes)
    const { report } = await runFix(repo)
    expect(report.notes.join("\n")).toMatch(/\.flyball\/state\/fix\.md was left as it is/)
    expect(await readFile(path)).toEqual(bytes)
  })

  test("a rehearsal takes the edits into account and writes none of them", async () => {
    await using repo = await smallRepo(quickProject(two))
    await runFix(repo)
    await edit(repo, tick("n2 is broken"))
    const before = await stateOf(repo)
    const dry = await runFix(repo, { dryRun: true })
    expect(dry.report.findings.find((each) => each.title === "n2 is broken")).toMatchObject({ plan: "skip" })
    expect(await stateOf(repo)).toBe(before)
    const real = await runFix(repo)
    expect(real.said.join("\n")).toMatch(/read in \.flyball\/state\/fix\.md: .*ticked/)
  })
})

describe("state.branch", () => {
  const kept = { ...two, top: "state: { branch: flyball-state }" }
  const history = async (repo: SmallRepo) =>
    (await git(["log", "--format=%s", "flyball-state"], { cwd: repo.root })).trim().split("\n")

  test("keeps each version of the file on a branch of its own, and nothing of the user's moves", async () => {
    await using repo = await smallRepo(quickProject(kept))
    const before = await git(["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"], { cwd: repo.root })
    await runFix(repo)
    expect(await git(["show", "flyball-state:.flyball/state/fix.md"], { cwd: repo.root })).toBe(await stateOf(repo))
    expect(await git(["ls-tree", "-r", "--name-only", "flyball-state"], { cwd: repo.root })).toBe(
      ".flyball/state/fix.md\n",
    )
    await edit(repo, noteUnder("n2 is broken", "please wait"))
    await runFix(repo)
    await runFix(repo)
    // The third run found nothing to write.
    expect(await history(repo)).toHaveLength(2)
    expect(await git(["show", "flyball-state:.flyball/state/fix.md"], { cwd: repo.root })).toContain("please wait")
    expect(await git(["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"], { cwd: repo.root })).toBe(before)
    expect(await git(["status", "--porcelain", "--untracked-files=no"], { cwd: repo.root })).toBe("")
    expect(await repo.branches()).not.toContain("flyball-state")
  })

  test.each([
    ["that is checked out", "main", "checked out"],
    ["that people work on", "work", "no state of Flyball's"],
  ])("a branch %s is left alone, and it is said", async (_what, branch, says) => {
    await using repo = await smallRepo(quickProject({ ...two, top: `state: { branch: ${branch} }` }))
    await git(["branch", "work"], { cwd: repo.root })
    const before = await git(["rev-parse", branch], { cwd: repo.root })
    const { report } = await runFix(repo)
    expect(report.notes.join("\n")).toContain(says)
    expect(await git(["rev-parse", branch], { cwd: repo.root })).toBe(before)
    expect(await stateOf(repo)).toContain("n2 is broken")
  })
})

test("a file that says two things of one finding is read, and the conflict is shown", async () => {
  await using repo = await smallRepo(quickProject(two))
  await runFix(repo)
  await edit(repo, move("n2 is broken", "Blocked"))
  await edit(repo, (text) => text.replace("- [ ] n2 is broken", "- [x] n2 is broken"))
  const { report } = await runFix(repo)
  expect(report.notes.join("\n")).toMatch(/says two things of .*n2 is broken|says two things of [0-9a-f]{16}/)
})
