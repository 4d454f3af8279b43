import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import fc from "fast-check"
import { afterEach, expect, test, vi } from "vitest"
import { gitEnv, type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { poolOf } from "./pool.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

const PATHS = ["a.txt", "b.txt", "dir/c.txt", "dir/sub/d.txt", "new.txt", "fresh/e.txt"]
const EDITS = ["same size", "same size, old time", "longer", "remove", "executable", "link", "over another"] as const

const made = fc.array(fc.record({ path: fc.constantFrom(...PATHS), edit: fc.constantFrom(...EDITS) }), {
  minLength: 1,
  maxLength: 6,
})

test("what is captured from a folder of the pool is what `git add --all` into an empty index finds", async () => {
  scratch = scratchRepo({ files: Object.fromEntries(PATHS.slice(0, 4).map((path) => [path, "text 0\n"])) })
  const { repo, workspaces } = await workspacesFor(scratch, { pool: { entries: 1, bytes: 1024 ** 3, fromFiles: 1 } })
  const { sha } = await workspaces.base(signal)
  const ready = () => (existsSync(poolOf(repo)) ? readdirSync(poolOf(repo)) : []).filter((name) => /^ready-/.test(name))
  await (await workspaces.checkout(sha, "first", signal))[Symbol.asyncDispose]()
  for (const [n, edits] of fc.sample(made, { numRuns: 8, seed: 3 }).entries()) {
    await vi.waitFor(() => expect(ready()).toHaveLength(1), { timeout: 20_000, interval: 20 })
    const workspace = await workspaces.open(`change-${n}`, sha, undefined, {}, signal)
    // At once, and once more after a capture: in a later second, for git tells apart no finer whose size and time are put back.
    for (const round of [1, 2]) {
      if (round === 2) await setTimeout(1_001 - (Date.now() % 1_000))
      for (const each of edits) edit(workspace.path, each, `text ${round}\n`)
      await workspaces.capture(workspace, "edits", signal)
      const tree = scratch.git("rev-parse", `refs/flyball/changes/change-${n}^{tree}`)
      expect(tree, JSON.stringify(edits)).toBe(wholeTree(workspace.path))
    }
    await workspaces.remove(`change-${n}`, signal)
  }
}, 120_000)

function edit(root: string, { path, edit: how }: { path: string; edit: (typeof EDITS)[number] }, text: string): void {
  const at = join(root, path)
  const old = lstatSync(at, { throwIfNoEntry: false })
  if (how === "remove" || how === "link") rmSync(at, { force: true })
  if (how === "remove") return
  mkdirSync(dirname(at), { recursive: true })
  if (how === "link") symlinkSync("b.txt", at)
  else if (how === "over another" && existsSync(join(root, "a.txt"))) renameSync(join(root, "a.txt"), at)
  else if (old?.isSymbolicLink() !== true) {
    writeFileSync(at, how === "longer" ? `${text}and more\n` : text)
    if (how === "executable") chmodSync(at, 0o755)
    if (how === "same size, old time" && old !== undefined) utimesSync(at, old.atime, old.mtime)
  }
}

/** The tree of all files of a folder, by an index that knows of none. */
function wholeTree(folder: string): string {
  const env = {
    ...gitEnv(scratch.folder),
    GIT_DIR: join(scratch.root, ".git"),
    GIT_WORK_TREE: folder,
    GIT_INDEX_FILE: join(scratch.folder, `index-${Math.random()}`),
  }
  execFileSync("git", ["add", "--all"], { cwd: folder, env })
  return execFileSync("git", ["write-tree"], { cwd: folder, env, encoding: "utf8" }).trim()
}
