import { execFileSync } from "node:child_process"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { basename, join } from "node:path"
import { afterEach, describe, expect, test, vi } from "vitest"
import { gitEnv, type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { poolOf, sweepPool, unusedInPool } from "./pool.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

const LIMITS = { entries: 2, bytes: 1024 ** 3, fromFiles: 1 }
const FILES = {
  "a.txt": "a\n",
  "dir/b.txt": "b\n",
  "package.json": "{}",
  ".gitignore": "dist\n",
  "run.sh": "#!/bin/sh\n",
}

async function withPool(limits = LIMITS) {
  scratch = scratchRepo({ files: FILES })
  symlinkSync("a.txt", join(scratch.root, "link"))
  execFileSync("chmod", ["+x", join(scratch.root, "run.sh")])
  scratch.commit("links and modes")
  const opened = await workspacesFor(scratch, { pool: limits })
  const base = await opened.workspaces.base(signal)
  const ready = () => list(poolOf(opened.repo)).filter((name) => name.startsWith("ready-"))
  const full = () => vi.waitFor(() => expect(ready()).toHaveLength(limits.entries), { timeout: 20_000, interval: 50 })
  return { ...opened, base, ready, full }
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Every file of a folder: kind, mode, content, number of names. */
function contentOf(folder: string, path = ""): Record<string, string> {
  return Object.assign(
    {},
    ...readdirSync(join(folder, path))
      .filter((name) => path !== "" || name !== ".git")
      .map((name) => {
        const at = join(path, name)
        const stats = lstatSync(join(folder, at))
        if (stats.isDirectory()) return { [`${at}/`]: stats.mode.toString(8), ...contentOf(folder, at) }
        const text = stats.isSymbolicLink() ? readlinkSync(join(folder, at)) : readFileSync(join(folder, at), "latin1")
        return { [at]: `${stats.mode.toString(8)} ${stats.nlink} ${text}` }
      }),
  )
}

const inside = (path: string, ...args: string[]) =>
  execFileSync("git", args, { cwd: path, encoding: "utf8", env: gitEnv(scratch.folder) })

describe("a folder of the pool", () => {
  test("is what a fresh checkout is, by object id: on the commit it was made for, and on any other", async () => {
    const { workspaces, base, full, ready } = await withPool()
    const other = scratch.commit("another", { "a.txt": "2\n", "package.json": '{ "name": "x" }', "new/c.txt": "c\n" })
    for (const commit of [base.sha, other, base.sha]) {
      await using warming = await workspaces.checkout(base.sha, "warming", signal)
      await full()
      const before = ready()
      await using pooled = await workspaces.checkout(commit, "pooled", signal)
      expect(ready()).not.toEqual(before)
      const cold = await workspacesFor(scratch, { pool: { ...LIMITS, entries: 0 } })
      await using fresh = await cold.workspaces.checkout(commit, "fresh", signal)
      expect(contentOf(pooled.path)).toEqual(contentOf(fresh.path))
      for (const question of [
        ["ls-files", "--stage"],
        ["write-tree"],
        ["rev-parse", "HEAD"],
        ["status", "--porcelain"],
      ])
        expect(inside(pooled.path, ...question)).toBe(inside(fresh.path, ...question))
      expect(pooled.tree).toBe(fresh.tree)
      expect(warming.path).not.toBe(pooled.path)
    }
  })

  test("is used once: what somebody did in it comes to nobody", async () => {
    const { workspaces, base, full } = await withPool()
    for (let round = 0; round < 4; round++) {
      await using checkout = await workspaces.checkout(base.sha, "verify", signal)
      expect(readdirSync(checkout.path).sort()).toEqual([
        ".git",
        ".gitignore",
        "a.txt",
        "dir",
        "link",
        "package.json",
        "run.sh",
      ])
      for (const path of ["a.txt", "left", "dist", ".git/index"]) writeFileSync(join(checkout.path, path), "spoilt")
      await full()
    }
  })

  test.each(["where it was made", "after the base moved"])(
    "is a workspace %s: captured, reopened and removed like every other",
    async (when) => {
      const { workspaces, full, base } = await withPool()
      await (await workspaces.checkout("main", "warming", signal))[Symbol.asyncDispose]()
      await full()
      const start =
        when === "where it was made" ? base.sha : scratch.commit("moved", { "a.txt": "moved\n", ".gitignore": "out\n" })
      const workspace = await workspaces.open("c1", start, undefined, {}, signal)
      expect(existsSync(join(workspace.path, "../entry.json"))).toBe(true)
      expect(inside(workspace.path, "status", "--porcelain", "--branch")).toBe("## flyball/c1\n")
      expect(inside(workspace.path, "rev-parse", "HEAD").trim()).toBe(start)
      const ignored = when === "where it was made" ? "dist" : "out"
      mkdirSync(join(workspace.path, ignored))
      writeFileSync(join(workspace.path, ignored, "x"), "")
      writeFileSync(join(workspace.path, "dir/b.txt"), "changed\n")
      const captured = await workspaces.capture(workspace, "A change", signal)
      expect(captured).toMatchObject({ is: "commit", files: 1 })
      const again = await workspaces.open("c1", start, captured.head, {}, signal)
      expect(inside(again.path, "status", "--porcelain")).toBe("")
    },
  )

  test("the pool has a limit, tells what of it is unused, and is swept of what the dead left half-made", async () => {
    const { workspaces, base, full, ready, repo } = await withPool()
    await using _ = await workspaces.checkout(base.sha, "warming", signal)
    await full()
    const half = join(poolOf(repo), "making.999999.123.abcd")
    mkdirSync(half)
    await sweepPool(repo)
    expect(existsSync(half)).toBe(false)
    expect(ready()).toHaveLength(2)
    expect(
      unusedInPool(repo)
        .map((path) => basename(path))
        .sort(),
    ).toEqual(ready().sort())
  })

  test.each([
    ["in a small repository", { ...LIMITS, fromFiles: 1_000 }],
    ["where it may take no room", { ...LIMITS, bytes: 0, entries: 0 }],
  ])("is not made %s", async (_, limits) => {
    const { workspaces, base, repo } = await withPool(limits)
    for (let n = 0; n < 2; n++) await (await workspaces.checkout(base.sha, "verify", signal))[Symbol.asyncDispose]()
    expect(list(poolOf(repo))).toEqual([])
  })

  test("that git can't move on is thrown away, and one made", async () => {
    const { workspaces, base, full, ready, repo } = await withPool()
    await (await workspaces.checkout(base.sha, "warming", signal))[Symbol.asyncDispose]()
    await full()
    for (const name of ready()) writeFileSync(join(poolOf(repo), name, "index"), "torn")
    const other = scratch.commit("another", { "a.txt": "2\n" })
    await using checkout = await workspaces.checkout(other, "verify", signal)
    expect(readFileSync(join(checkout.path, "a.txt"), "utf8")).toBe("2\n")
    // The next one is being made: it must not be under way when its folder is taken from it.
    await full()
  })
})

describe("giving back", () => {
  test("D1: what changed between capture and removal is kept before the folder goes", async () => {
    const { workspaces, base } = await withPool()
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    writeFileSync(join(workspace.path, "a.txt"), "captured\n")
    await workspaces.capture(workspace, "A change", signal)
    writeFileSync(join(workspace.path, "late.txt"), "late\n")
    await workspaces.remove("c1", signal)
    expect(existsSync(workspace.path)).toBe(false)
    await workspaces.sweep(new Set(), signal)
    expect(scratch.git("show", "refs/flyball/rescue/c1:late.txt")).toBe("late")
    expect(scratch.git("show", "refs/flyball/changes/c1:a.txt")).toBe("captured")
  })

  test("D1: cut short by a death, the next sweep keeps it", async () => {
    const { workspaces, base, repo } = await withPool()
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    writeFileSync(join(workspace.path, "a.txt"), "captured\n")
    await workspaces.capture(workspace, "A change", signal)
    writeFileSync(join(workspace.path, "late.txt"), "late\n")
    mkdirSync(join(repo.dataDir, "leaving"))
    execFileSync("mv", [join(workspace.path, ".."), join(repo.dataDir, "leaving/c1.999999.123.abcd")])
    await workspaces.sweep(new Set(), signal)
    expect(scratch.git("show", "refs/flyball/rescue/c1:late.txt")).toBe("late")
    expect(list(join(repo.dataDir, "leaving"))).toEqual([])
  })
})
