import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import type { Workspace } from "../core/ports.ts"
import { gitEnv, type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

/** Every object that a git in the workspace can find, however hard it looks. */
function everyObject(workspace: Workspace): string[] {
  const listed = execFileSync("git", ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
    cwd: workspace.path,
    encoding: "utf8",
    env: gitEnv(scratch.folder),
  })
  return listed.trim().split("\n")
}

function commitOn(branch: string, file: string): { commit: string; blob: string } {
  scratch.git("switch", "--quiet", "-C", branch)
  writeFileSync(join(scratch.root, file), `${branch} ${file}\n`)
  scratch.git("add", file)
  scratch.git("-c", "user.name=A", "-c", "user.email=a@a", "commit", "--quiet", "-m", branch)
  return { commit: scratch.git("rev-parse", "HEAD"), blob: scratch.git("rev-parse", `HEAD:${file}`) }
}

describe("T14: the fix can't be copied from elsewhere in the repository", () => {
  test("objects of other branches, of the stash and of other changes are not there to be found", async () => {
    scratch = scratchRepo({})
    const fix = commitOn("the-fix", "fix.txt")
    scratch.git("switch", "--quiet", "main")
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const other = await workspaces.open("other", base.sha, undefined, {}, signal)
    writeFileSync(join(other.path, "theirs.txt"), "another change\n")
    const captured = await workspaces.capture(other, "other", signal)

    const objects = everyObject(await workspaces.open("c1", base.sha, undefined, {}, signal))
    expect(objects).toContain(base.sha)
    for (const hidden of [fix.commit, fix.blob, captured.head]) expect(objects).not.toContain(hidden)
  })

  test("the next attempt sees its own commits, and a base that moved brings what is new in it", async () => {
    scratch = scratchRepo({})
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const first = await workspaces.open("c1", base.sha, undefined, {}, signal)
    writeFileSync(join(first.path, "mine.txt"), "attempt 1\n")
    const { head } = await workspaces.capture(first, "one", signal)
    const again = await workspaces.open("c1", base.sha, head, {}, signal)
    expect(everyObject(again)).toContain(head)

    const next = commitOn("main", "next.txt")
    const moved = await workspaces.base(signal)
    expect(moved.sha).toBe(next.commit)
    const objects = everyObject(await workspaces.open("c2", moved.sha, undefined, {}, signal))
    expect(objects).toEqual(expect.arrayContaining([base.sha, next.commit, next.blob]))
    expect(objects).not.toContain(head)
  })

  test("a base that was rewritten away and collected does not open the rest", async () => {
    scratch = scratchRepo({})
    const { workspaces } = await workspacesFor(scratch)
    const before = await workspaces.base(signal)
    await workspaces.open("c1", before.sha, undefined, {}, signal)
    await workspaces.remove("c1", signal)
    scratch.git(
      "-c",
      "user.name=A",
      "-c",
      "user.email=a@a",
      "commit",
      "--quiet",
      "--amend",
      "--allow-empty",
      "-m",
      "rewritten",
    )
    for (const ref of scratch.git("for-each-ref", "--format=%(refname)", "refs/flyball").split("\n").filter(Boolean))
      scratch.git("update-ref", "-d", ref)
    scratch.git("reflog", "expire", "--expire=now", "--all")
    scratch.git("gc", "--quiet", "--prune=now")
    const fix = commitOn("the-fix", "fix.txt")
    scratch.git("switch", "--quiet", "main")
    const base = await workspaces.base(signal)
    const objects = everyObject(await workspaces.open("c2", base.sha, undefined, {}, signal))
    expect(objects).toContain(base.sha)
    expect(objects).not.toContain(fix.commit)
  })

  test("a shallow clone has its history as far as it goes", async () => {
    scratch = scratchRepo({})
    commitOn("main", "second.txt")
    const shallow = join(scratch.folder, "shallow")
    scratch.git("clone", "--quiet", "--depth=1", `file://${scratch.root}`, shallow)
    const { workspaces } = await workspacesFor({ ...scratch, root: shallow })
    const base = await workspaces.base(signal)
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    const log = execFileSync("git", ["log", "--format=%s"], {
      cwd: workspace.path,
      encoding: "utf8",
      env: gitEnv(scratch.folder),
    })
    expect(log.trim()).toBe("main")
  })
})
