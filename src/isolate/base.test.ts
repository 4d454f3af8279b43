import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"

/* What stands in the way of writing the base down, when the remote did answer. */

let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())
const signal = AbortSignal.timeout(60_000)

const lock = () => join(scratch.root, ".git/refs/flyball/base/origin/main.lock")
function leaveLock(agoMs: number) {
  mkdirSync(dirname(lock()), { recursive: true })
  writeFileSync(lock(), "")
  const at = (Date.now() - agoMs) / 1000
  utimesSync(lock(), at, at)
}

test("D4: a lock on Flyball's own base that another run holds is waited for", async () => {
  scratch = scratchRepo({ remote: true })
  const { workspaces } = await workspacesFor(scratch)
  leaveLock(0)
  setTimeout(() => rmSync(lock()), 1_500)
  expect(await workspaces.base(signal)).toMatchObject({ sha: scratch.git("rev-parse", "HEAD") })
})

test("D4: one that a killed git left a moment ago is removed once nobody can hold it any more", async () => {
  scratch = scratchRepo({ remote: true })
  const { workspaces } = await workspacesFor(scratch)
  leaveLock(0)
  expect(await workspaces.base(signal)).toMatchObject({ sha: scratch.git("rev-parse", "HEAD") })
})

test("D11: a base that moved is fetched by eight at once, each for itself, and all have it", async () => {
  scratch = scratchRepo({ remote: true })
  const { workspaces } = await workspacesFor(scratch)
  for (let round = 0; round < 4; round++) {
    scratch.git("commit", "--quiet", "--allow-empty", "-m", `moved ${round}`)
    scratch.git("push", "--quiet", "origin", "HEAD")
    const bases = await Promise.all(Array.from({ length: 8 }, () => workspaces.base(signal)))
    expect(new Set(bases.map(({ sha }) => sha))).toEqual(new Set([scratch.git("rev-parse", "HEAD")]))
  }
})

test("a repository that can't be written to is named, and not the remote", async () => {
  scratch = scratchRepo({ remote: true })
  const { workspaces } = await workspacesFor(scratch)
  mkdirSync(lock(), { recursive: true })
  await expect(workspaces.base(signal)).rejects.toMatchObject({
    code: "REPOSITORY_NOT_WRITABLE",
    facts: { exitCode: 3 },
  })
})
