import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { deflateSync } from "node:zlib"
import { afterEach, expect, test } from "vitest"
import { looseTree, readLoose } from "./loose.ts"

let folder = ""
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function repository(...options: string[]) {
  folder = mkdtempSync(join(tmpdir(), "flyball-loose-"))
  const env = { PATH: process.env.PATH ?? "", HOME: folder }
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, env, encoding: "utf8" }).trim()
  git("init", "--quiet", ...options)
  writeFileSync(join(folder, "a.txt"), "one\0two\n")
  git("add", "--all")
  git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first")
  return { git, gitDir: join(folder, ".git"), id: (name: string) => git("rev-parse", name) }
}

test.each([["sha1"], ["sha256"]])("what lies in a file of its own is read as git reads it (%s)", (format) => {
  const { gitDir, id } = repository(`--object-format=${format}`)
  const [commit, tree] = [id("HEAD"), id("HEAD^{tree}")]
  expect(readLoose(gitDir, id("HEAD:a.txt"))).toEqual({ type: "blob", content: Buffer.from("one\0two\n") })
  expect(looseTree(gitDir, commit)).toEqual({ tree, commit })
  expect(looseTree(gitDir, tree)).toEqual({ tree })
  expect(looseTree(gitDir, id("HEAD:a.txt"))).toBeUndefined()
})

test("what is packed, not there, or no whole id is git's to read", () => {
  const { git, gitDir, id } = repository()
  const commit = id("HEAD")
  expect(readLoose(gitDir, "0".repeat(40))).toBeUndefined()
  expect(readLoose(gitDir, "HEAD")).toBeUndefined()
  expect(readLoose(gitDir, `${commit.slice(0, 38)}/..`)).toBeUndefined()
  git("gc", "--quiet", "--prune=now")
  expect(readLoose(gitDir, commit)).toBeUndefined()
})

test("a file that is not what its name says is not believed", () => {
  const { gitDir, id } = repository()
  const blob = id("HEAD:a.txt")
  const path = join(gitDir, "objects", blob.slice(0, 2), blob.slice(2))
  chmodSync(path, 0o644)
  writeFileSync(path, deflateSync(Buffer.from("blob 5\0other")))
  expect(readLoose(gitDir, blob)).toBeUndefined()
  writeFileSync(path, "no object at all")
  expect(readLoose(gitDir, blob)).toBeUndefined()
})
