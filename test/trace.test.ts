import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { answerChange } from "../src/engine/commands/answer.ts"
import { TraceReport } from "../src/engine/commands/trace.ts"
import type { ChangeView } from "../src/engine/view.ts"
import { git as runGit } from "../src/lib/git.ts"
import { flyball } from "./flyball-cli.ts"
import { quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

/*
 * One real run of a loop, whose proposals then land in all the ways in which people land things: by approval, squashed,
 * rebased, cherry-picked without their message, merged, edited afterwards.
 */

const home = sharedHome()
let repo: SmallRepo
let changes: ChangeView[]

const git = (...args: string[]) =>
  runGit(["-c", "user.name=Grace", "-c", "user.email=grace@localhost", ...args], { cwd: repo.root })
const changeOf = (item: string) => {
  const found = changes.find(({ title }) => title.startsWith(item))
  if (found === undefined) throw new Error(`no change for ${item}`)
  return found
}
const proposal = async (item: string) => (await git("rev-parse", `origin/flyball/${changeOf(item).id}`)).trim()
const messageOf = async (item: string) => git("show", "-s", "--format=%B", await proposal(item))

beforeAll(async () => {
  repo = await smallRepo(
    quickProject({
      items: 7,
      maker: 'printf "$item is fixed, and says so at length\\n" > work/$item.txt',
      usdPerAttempt: 0.25,
      act: "max_parallel: 2",
      guardrails: "max_iterations: 3, budget: $5/run, review_wip: 10",
    }),
  )
  changes = (await runFix(repo)).report.changes
  const n1 = changeOf("n1")
  const signal = AbortSignal.timeout(60_000)
  await answerChange({ cwd: repo.root, change: n1.id, said: { is: "approve" }, now: false, signal, progress: () => {} })
  await git("fetch", "--quiet", "origin")
  await git("merge", "--quiet", "--ff-only", "origin/main")
  await land()
}, 180_000)
afterAll(() => repo?.[Symbol.asyncDispose]())

async function land() {
  // A forge's squash: a subject of its own, the commits as an indented list, somebody's trailer at the end.
  await git("merge", "--quiet", "--squash", await proposal("n2"))
  const listed = (await messageOf("n2")).trim().replace(/^/gm, "  ")
  await git("commit", "--quiet", "-m", `Mend n2 (#12)\n\n* ${listed.trim()}\n\nCo-authored-by: Ada <ada@localhost>`)
  // Picked by hand, its message thrown away.
  await git("cherry-pick", "--no-commit", await proposal("n3"))
  await git("commit", "--quiet", "-m", "n3: what the bot found")
  // Rebased: message and patch stay, the commit is another.
  await git("cherry-pick", await proposal("n4"))
  await git("mv", "work/n4.txt", "work/moved.txt")
  await git("commit", "--quiet", "-m", "move n4")
  // Rebased, and then a person changes the line.
  await git("cherry-pick", await proposal("n5"))
  await writeFile(join(repo.root, "work/n5.txt"), "n5 is fixed, and says so at length; Grace agrees\n")
  await git("commit", "--quiet", "--all", "-m", "say it better")
  // Amended on its way: the message stays, the content does not.
  await git("cherry-pick", await proposal("n6"))
  await writeFile(join(repo.root, "work/n6.txt"), "n6 is fixed in another way\n")
  await git("commit", "--quiet", "--all", "--amend", "--no-edit")
  await git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #77 from flyball", await proposal("n7"))
}

async function traced(
  args: string[],
  { cwd = repo.root, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
) {
  const { code, stdout, stderr } = await flyball(cwd, ["trace", ...args, "--json"], { FLYBALL_HOME: home.path, ...env })
    .ended
  if (code !== 0) throw new Error(`exit ${code}: ${stdout}${stderr}`)
  return TraceReport.parse(JSON.parse(stdout))
}
const onlyPart = async (what: string) => {
  const { parts } = await traced([what])
  expect(parts).toHaveLength(1)
  const [part] = parts
  if (part === undefined) throw new Error("no part")
  return part
}
const storyOf = async (what: string) => {
  const part = await onlyPart(what)
  expect(part.by).toBe("loop")
  expect(part.stories).toHaveLength(1)
  return part.stories[0]
}

describe("from a line to the whole story", () => {
  test("of an approved change: loop and hash, run, finding, attempt, cost, evidence, approver", async () => {
    const change = changeOf("n1")
    const story = await storyOf("work/n1.txt:1")
    expect(story).toMatchObject({
      change: change.id,
      loop: "fix",
      run: change.run,
      trigger: "manual",
      match: "same_commit",
      usd: 0.25,
      finding: { title: "n1 is broken", fingerprint: change.fingerprint, file: "work/n1.txt" },
      missing: [],
    })
    expect(story?.loopHash).toMatch(/^[0-9a-f]{64}$/)
    expect(story?.approvedBy).toMatch(/./)
    expect(story?.mergedAs).toBe((await onlyPart("work/n1.txt:1")).commit?.sha)
    const [attempt] = story?.attempts ?? []
    expect(attempt).toMatchObject({ n: 1, agent: "implementer" })
    expect(attempt?.evidence.map(({ check }) => check)).toContain("diff_reasonable")
    expect(attempt?.prompt).toContain(change.id)
  })

  test.each([
    ["a squash merge of a forge", "work/n2.txt:1", "n2", "same_patch"],
    ["a cherry-pick without its message", "work/n3.txt:1", "n3", "same_patch"],
    ["a rebase, and a renamed file", "work/moved.txt:1", "n4", "same_patch"],
    ["a commit that was amended on its way", "work/n6.txt:1", "n6", "altered"],
    ["a merge commit", "work/n7.txt:1", "n7", "same_commit"],
  ])("through %s", async (_, what, item, match) => {
    expect(await storyOf(what)).toMatchObject({ change: changeOf(item).id, match, usd: 0.25 })
  })

  test("a line that a person changed after a loop shows both", async () => {
    const part = await onlyPart("work/n5.txt:1")
    expect(part).toMatchObject({ by: "person", commit: { author: "Grace", subject: "say it better" }, stories: [] })
    expect(part.before).toHaveLength(1)
    expect(part.before[0]?.stories[0]).toMatchObject({ change: changeOf("n5").id, match: "same_patch" })
  })

  test("a line of a person says so, and is no error", async () => {
    const { code, stdout } = await flyball(repo.root, ["trace", "find.sh:1"], { FLYBALL_HOME: home.path }).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/written by Test in [0-9a-f]{10} first .*: not by a loop/)
  })

  test("with --full come prompt and log themselves", async () => {
    const { stdout } = await flyball(repo.root, ["trace", "work/n1.txt:1", "--full"], { FLYBALL_HOME: home.path }).ended
    expect(stdout).toContain("--- prompt")
    expect(stdout).toContain("n1 is broken")
    expect(stdout).toMatch(/approved +by /)
  })
})

test("a commit, a pull request, and a change are traced like a line", async () => {
  expect(await storyOf("HEAD^2")).toMatchObject({ change: changeOf("n7").id })
  expect(await storyOf("#12")).toMatchObject({ change: changeOf("n2").id })
  const pull = await traced(["#77"])
  expect(pull.notes.join()).toMatch(/is a merge of one commit/)
  expect(pull.parts[0]?.stories[0]?.change).toBe(changeOf("n7").id)
  const { id } = changeOf("n4")
  const all = await traced([id])
  expect(all.parts.flatMap(({ stories }) => stories.map(({ change }) => change))).toEqual([id, id])
})

describe("without the ledger", () => {
  const dead = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" }

  test("the message alone is believed for what it is, and what is missing is named", async () => {
    const { parts, ledger } = await traced(["work/n2.txt:1"], { env: dead })
    expect(ledger).toMatch(/can't be opened/)
    expect(parts[0]?.stories[0]).toMatchObject({ change: changeOf("n2").id, loop: "fix", attempts: [] })
    expect(parts[0]?.stories[0]?.says.join("\n")).toMatch(/diff_reasonable: pass/)
    expect(parts[0]?.stories[0]?.missing.join()).toMatch(/attempts, prompt, model, cost and approver/)
  })

  test("a patch is still known by a commit of the loop that is in the repository", async () => {
    const { parts } = await traced(["work/n3.txt:1"], { env: dead })
    expect(parts[0]?.stories[0]).toMatchObject({ change: changeOf("n3").id, match: "same_patch" })
  })
})

test("in a shallow clone, nobody is said to have written what may be older than its first commit", async () => {
  const clone = join(repo.folder, "shallow")
  await runGit(["clone", "--quiet", "--depth=1", `file://${repo.root}`, clone], { cwd: repo.folder })
  const { parts, notes } = await traced(["work/n2.txt:1"], { cwd: clone })
  expect(parts).toMatchObject([{ by: "unknown", stories: [], before: [] }])
  expect(notes.join()).toMatch(/shallow: `git fetch --unshallow`/)
})

describe("what can't be traced is told", () => {
  test.each([
    ["a line out of range", "work/n1.txt:9", "LINE_OUT_OF_RANGE"],
    ["line 0", "work/n1.txt:0", "LINE_OUT_OF_RANGE"],
    ["a file that is not there", "work/nope.txt:1", "FILE_NOT_IN_HEAD"],
    ["a file without a line", "work/n1.txt", "WRONG_USE"],
    ["a pull request that nobody merged", "#404", "NO_SUCH_PULL"],
    ["a word that names nothing", "nothing-like-it", "NO_SUCH_COMMIT"],
  ])("%s", async (_, what, expected) => {
    const { code, stdout } = await flyball(repo.root, ["trace", what, "--json"], { FLYBALL_HOME: home.path }).ended
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: expected } })
  })

  test("lines that are not committed, also from a folder within, and lines of several commits", async () => {
    await writeFile(join(repo.root, "find.sh"), `${await git("show", "HEAD:find.sh")}echo mine\n`)
    const { parts } = await traced(["../find.sh:1-2"], { cwd: join(repo.root, "work") })
    expect(parts.map(({ from, to, by }) => [from, to, by])).toEqual([
      [1, 1, "person"],
      [2, 2, "nobody"],
    ])
    await git("checkout", "--quiet", "--", "find.sh")
  })
})

test("`flyball gate --finding CHANGE` takes the finding from the ledger", async () => {
  const { id } = changeOf("n2")
  const base = (await git("merge-base", "main", await proposal("n2"))).trim()
  const args = ["gate", base, await proposal("n2"), "--finding", id, "--check", "true", "--json"]
  const { stdout } = await flyball(repo.root, args, { FLYBALL_HOME: home.path }).ended
  expect(JSON.parse(stdout)).toMatchObject({ finding: { title: "n2 is broken" } })
})
