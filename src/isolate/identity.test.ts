import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { git } from "../lib/git.ts"
import { type Scratch, scratchRepo } from "./fixtures/scratch-repo.ts"
import { isReplaced, knownRepositories, rememberRepository } from "./known-repositories.ts"
import { openRepo } from "./repo.ts"

/* Which ledger is a repository's own: by its history, not by the path it lies at alone. */

const open = ({ home }: Scratch, root: string) => openRepo(root, home)
/** As a run leaves it: its base remembered, and a ref of Flyball's. */
async function hasRun(scratch: Scratch, root = scratch.root) {
  const repo = await open(scratch, root)
  const sha = (await git(["rev-parse", "HEAD"], { cwd: root })).trim()
  await git(["update-ref", "refs/flyball/changes/one", sha], { cwd: root })
  rememberRepository(repo, { sha, remote: { name: "origin", url: scratch.remote } })
  return repo
}
async function anotherHistory({ root }: Scratch) {
  rmSync(root, { recursive: true })
  mkdirSync(root)
  writeFileSync(join(root, "b.txt"), "b\n")
  await git(["init", "--quiet"], { cwd: root })
  await git(["add", "-A"], { cwd: root })
  await git(["-c", "user.name=B", "-c", "user.email=b@localhost", "commit", "--quiet", "-m", "other"], { cwd: root })
}

test("another history at the same path is another repository, and gc learns that the old one is replaced", async () => {
  using scratch = scratchRepo()
  const before = await hasRun(scratch)
  await anotherHistory(scratch)
  const after = await open(scratch, scratch.root)
  expect(after.key).not.toBe(before.key)
  expect(after.root).toBe(before.root)
  expect((await open(scratch, scratch.root)).key).toBe(after.key)
  const known = knownRepositories(scratch.home)
  expect(await Promise.all(known.map(async (each) => [each.dataDir, await isReplaced(each)] as const))).toEqual(
    expect.arrayContaining([
      [before.dataDir, true],
      [after.dataDir, false],
    ]),
  )
  expect(known).toHaveLength(2)
})

test("only its .git made anew over the same files is another history too", async () => {
  using scratch = scratchRepo()
  const before = await hasRun(scratch)
  rmSync(join(scratch.root, ".git"), { recursive: true })
  scratch.git("init", "--quiet", "-b", "main")
  scratch.git("config", "user.name", "Ada")
  scratch.git("config", "user.email", "ada@example.org")
  scratch.commit("begun anew")
  expect((await open(scratch, scratch.root)).key).not.toBe(before.key)
})

test.each([
  { name: "cloned anew", args: [] },
  { name: "cloned anew with the last commit alone, that no run has seen", args: ["--depth", "1"] },
  { name: "cloned anew without its files' contents", args: ["--filter=blob:none"] },
])("$name to the same path, it is the same repository", async ({ args }) => {
  using scratch = scratchRepo({ remote: true })
  const before = await hasRun(scratch)
  scratch.commit("later", { "later.txt": "later\n" })
  scratch.git("push", "--quiet", "origin", "main")
  rmSync(scratch.root, { recursive: true })
  await git(["clone", "--quiet", ...args, `file://${scratch.remote}`, scratch.root], { cwd: scratch.folder })
  await git(["remote", "set-url", "origin", scratch.remote], { cwd: scratch.root })
  expect((await open(scratch, scratch.root)).key).toBe(before.key)
})

test("moved to another path, it keeps its data; a copy beside it, or a clone, has its own", async () => {
  using scratch = scratchRepo({ remote: true })
  const before = await hasRun(scratch)
  const [moved, copy, clone] = ["moved", "copy", "clone"].map((name) => join(scratch.folder, name)) as [
    string,
    string,
    string,
  ]
  renameSync(scratch.root, moved)
  await git(["clone", "--quiet", scratch.remote, clone], { cwd: scratch.folder })
  expect((await open(scratch, clone)).key).not.toBe(before.key)
  const after = await open(scratch, moved)
  expect(after).toMatchObject({ key: before.key, dataDir: before.dataDir, root: moved })
  expect(JSON.parse(readFileSync(join(after.dataDir, "repo.json"), "utf8")).root).toBe(moved)
  cpSync(moved, copy, { recursive: true })
  expect((await open(scratch, copy)).key).not.toBe(before.key)
  expect((await open(scratch, moved)).key).toBe(before.key)
})

test("its data from before histories were remembered are its own", async () => {
  using scratch = scratchRepo()
  const { dataDir, root, gitDir } = await open(scratch, scratch.root)
  const old = join(scratch.home, "repos", "project-0ld0ld00")
  renameSync(dataDir, old)
  writeFileSync(join(old, "repo.json"), JSON.stringify({ root, gitDir }))
  const repo = await open(scratch, scratch.root)
  expect(repo.key).toBe("project-0ld0ld00")
  rememberRepository(repo, { sha: scratch.git("rev-parse", "HEAD") })
  await anotherHistory(scratch)
  expect((await open(scratch, scratch.root)).key).not.toBe(repo.key)
})

test("data that were lost are found again under the same name", async () => {
  using scratch = scratchRepo()
  const { key, dataDir } = await open(scratch, scratch.root)
  scratch.commit("later")
  rmSync(dataDir, { recursive: true })
  expect((await open(scratch, scratch.root)).key).toBe(key)
  expect(existsSync(dataDir)).toBe(true)
})
