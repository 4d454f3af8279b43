import { renameSync } from "node:fs"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { openBase } from "./base.ts"
import { type Scratch, scratchRepo } from "./fixtures/scratch-repo.ts"
import { openRepo } from "./repo.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

const baseOf = async () => openBase(await openRepo(scratch.root, scratch.home))(signal)

test.each([
  ["origin, whatever the branch follows", ["alpha", "origin", "zulu"], "zulu", "origin"],
  ["the one that the branch follows", ["alpha", "zulu"], "zulu", "zulu"],
  ["the first by name, where it follows none", ["zulu", "alpha"], undefined, "alpha"],
  ["the only one", ["zulu"], undefined, "zulu"],
])("of several remotes it is %s", async (_, names, follows, chosen) => {
  scratch = scratchRepo({ remote: true })
  scratch.git("remote", "remove", "origin")
  for (const name of names) scratch.git("remote", "add", name, scratch.remote)
  if (follows !== undefined) scratch.git("config", "branch.main.remote", follows)
  expect((await baseOf()).remote?.name).toBe(chosen)
})

test("a remote that is gone: what git says is wrong, and not its advice, which is the same for everything", async () => {
  scratch = scratchRepo({ remote: true })
  renameSync(scratch.remote, `${scratch.remote}.gone`)
  await expect(baseOf()).rejects.toMatchObject({
    code: "REMOTE_UNREACHABLE",
    message: expect.stringMatching(/does not answer: fatal: '.*remote\.git' does not appear to be a git repository$/),
  })
})

test("a path with a line break in it is refused by name, and so is a git directory", async () => {
  scratch = scratchRepo()
  await expect(openRepo(join(scratch.root, ".git", "refs"), scratch.home)).rejects.toMatchObject({
    code: "REPOSITORY_BARE",
    message: expect.stringContaining("inside of a git directory"),
  })
  const odd = `${scratch.root}\nodd`
  renameSync(scratch.root, odd)
  await expect(openRepo(odd, scratch.home)).rejects.toMatchObject({
    code: "REPOSITORY_UNREADABLE",
    message: expect.stringMatching(/project\\nodd" has a line break/),
  })
})
