import { execFileSync } from "node:child_process"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import fc from "fast-check"
import { afterEach, expect, test, vi } from "vitest"
import { gitEnv, type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { poolOf } from "./pool.ts"
import { spliceIndex } from "./splice-index.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

const PATHS = [
  "a.txt",
  "dir/b.txt",
  "dir/sub/c.txt",
  "dir/sub/d.txt",
  "dir-x",
  "dir.x/e",
  "é/ü.txt",
  "z/y/x/w",
  "new/f",
]
const EDITS = ["write", "longer", "remove", "executable", "link", "folder"] as const

const edits = fc.array(fc.record({ path: fc.constantFrom(...PATHS), edit: fc.constantFrom(...EDITS) }), {
  minLength: 1,
  maxLength: 5,
})

test("whatever differs, a folder of the pool comes out as a fresh checkout, and its index as git's", async () => {
  scratch = scratchRepo({ files: Object.fromEntries(PATHS.slice(0, -1).map((path) => [path, `${path}\n`])) })
  const pool = { entries: 1, bytes: 1024 ** 3, fromFiles: 1 }
  const warm = await workspacesFor(scratch, { pool })
  const cold = await workspacesFor(scratch, { pool: { ...pool, entries: 0 } })
  const base = await warm.workspaces.base(signal)
  const isReady = () =>
    expect(readdirSync(poolOf(warm.repo)).filter((name) => name.startsWith("ready-"))).toHaveLength(1)
  let joined = 0
  await (await warm.workspaces.checkout(base.sha, "first", signal))[Symbol.asyncDispose]()
  for (const made of fc.sample(edits, { numRuns: 9, seed: 7 })) {
    const commit = commitOf(made, base.sha)
    await vi.waitFor(isReady, { timeout: 20_000, interval: 20 })
    await using pooled = await warm.workspaces.checkout(commit, "pooled", signal)
    await using fresh = await cold.workspaces.checkout(commit, "cold", signal)
    const label = JSON.stringify(made)
    expect(contentOf(pooled.path), label).toEqual(contentOf(fresh.path))
    expect(pooled.tree).toBe(fresh.tree)
    const inside = (...args: string[]) =>
      execFileSync("git", args, { cwd: pooled.path, encoding: "utf8", env: gitEnv(scratch.folder) })
    joined += readFileSync(join(pooled.path, ".git/index")).includes("TREE") ? 0 : 1
    expect(inside("diff-files", "--raw"), label).toBe("")
    expect(inside("ls-files", "--others"), label).toBe("")
    expect(inside("diff-index", "--cached", commit), label).toBe("")
    expect(inside("write-tree").trim(), label).toBe(fresh.tree)
    expect(inside("fsck", "--no-progress", "--cache", "--no-dangling"), label).toBe("")
  }
  // Where a file takes a folder's place it is left to git; the others are joined.
  expect(joined).toBeGreaterThan(3)
}, 120_000)

test("an index that is not a plain one is left to git", () => {
  scratch = scratchRepo({ files: { a: "a" } })
  const index = readFileSync(join(scratch.root, ".git/index"))
  const none = Buffer.concat([Buffer.from("DIRC\0\0\0\x02\0\0\0\0", "latin1"), Buffer.alloc(20)])
  expect(spliceIndex(index, none, [], "sha1")?.readUInt32BE(8)).toBe(index.readUInt32BE(8))
  execFileSync("git", ["update-index", "--index-version", "4"], { cwd: scratch.root, env: gitEnv(scratch.folder) })
  expect(spliceIndex(readFileSync(join(scratch.root, ".git/index")), none, [], "sha1")).toBeUndefined()
  expect(spliceIndex(index.subarray(0, 40), none, [], "sha1")).toBeUndefined()
})

/** A commit on the base with these edits. */
function commitOf(made: readonly { path: string; edit: (typeof EDITS)[number] }[], base: string): string {
  const { root } = scratch
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", env: gitEnv(scratch.folder) })
  git("checkout", "--quiet", "--detach", base)
  for (const { path, edit } of made) {
    const at = join(root, path)
    const old = lstatSync(at, { throwIfNoEntry: false })
    if (edit === "remove" || edit === "link" || edit === "folder") rmSync(at, { recursive: true, force: true })
    if (edit === "remove" || (old?.isDirectory() === true && edit !== "folder")) continue
    mkdirSync(dirname(at), { recursive: true })
    if (edit === "link") symlinkSync("a.txt", at)
    else if (edit === "folder") {
      mkdirSync(at)
      writeFileSync(join(at, "inside"), "inside\n")
    } else writeFileSync(at, edit === "write" ? `${path.toUpperCase()}\n` : `${path}\nand more\n`)
    if (edit === "executable") chmodSync(at, 0o755)
  }
  git("add", "--all")
  git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "-m", "edits")
  const commit = git("rev-parse", "HEAD").trim()
  git("checkout", "--quiet", "main")
  return commit
}

/** Every file and folder: kind, mode, content. */
function contentOf(folder: string, path = ""): Record<string, string> {
  const names = readdirSync(join(folder, path)).filter((name) => path !== "" || name !== ".git")
  return Object.assign(
    {},
    ...names.map((name) => {
      const at = join(path, name)
      const stats = lstatSync(join(folder, at))
      if (stats.isDirectory()) return { [`${at}/`]: stats.mode.toString(8), ...contentOf(folder, at) }
      const text = stats.isSymbolicLink() ? readlinkSync(join(folder, at)) : readFileSync(join(folder, at), "latin1")
      return { [at]: `${stats.mode.toString(8)} ${text}` }
    }),
  )
}
