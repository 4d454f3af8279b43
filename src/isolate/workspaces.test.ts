import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import type { Workspace } from "../core/ports.ts"
import { gitEnv, type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { openRepo } from "./repo.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

const inside = (workspace: Pick<Workspace, "path">, ...args: string[]) =>
  execFileSync("git", args, {
    cwd: workspace.path,
    encoding: "utf8",
    env: gitEnv(scratch.folder),
    stdio: ["ignore", "pipe", "pipe"],
  }).trim()
const show = (commit: string) => scratch.git("ls-tree", "-r", "--name-only", commit).split("\n")

describe("openRepo", () => {
  test.each([
    ["NOT_A_REPOSITORY", (s: Scratch) => s.folder],
    ["REPOSITORY_BARE", (s: Scratch) => s.remote],
    ["FOLDER_MISSING", (s: Scratch) => join(s.folder, "nowhere")],
    [
      "REPOSITORY_EMPTY",
      (s: Scratch) => {
        const path = join(s.folder, "empty")
        s.git("init", "--quiet", path)
        return path
      },
    ],
  ])("%s", async (code, where) => {
    scratch = scratchRepo({ remote: true })
    await expect(openRepo(where(scratch), scratch.home)).rejects.toMatchObject({ name: "Failure", code })
  })

  test("a subfolder and a linked worktree belong to the same repository", async () => {
    scratch = scratchRepo({ files: { "src/a.ts": "" } })
    const main = await openRepo(join(scratch.root, "src"), scratch.home)
    scratch.git("worktree", "add", "--quiet", "-b", "other", join(scratch.folder, "linked"))
    const linked = await openRepo(join(scratch.folder, "linked"), scratch.home)
    expect(main).toMatchObject({ root: scratch.root, gitDir: join(scratch.root, ".git") })
    expect(linked).toMatchObject({ root: join(scratch.folder, "linked"), gitDir: main.gitDir })
  })
})

describe("base", () => {
  test("is the remote's default branch as it is there now, whatever is checked out here", async () => {
    scratch = scratchRepo({ remote: true })
    const { workspaces } = await workspacesFor(scratch)
    const fetched = readFileSync(join(scratch.root, ".git/FETCH_HEAD"), "utf8")
    const first = await workspaces.base(signal)
    const elsewhere = join(scratch.folder, "elsewhere")
    scratch.git("clone", "--quiet", scratch.remote, elsewhere)
    scratch.git(
      "-C",
      elsewhere,
      "-c",
      "user.name=B",
      "-c",
      "user.email=b@b",
      "commit",
      "--quiet",
      "--allow-empty",
      "-m",
      "second",
    )
    scratch.git("-C", elsewhere, "push", "--quiet")
    scratch.git("switch", "--quiet", "-c", "mine")
    const second = await workspaces.base(signal)
    expect(second).toMatchObject({
      branch: "main",
      ref: "refs/flyball/base/origin/main",
      remote: { name: "origin", url: scratch.remote },
    })
    expect(second.sha).toBe(scratch.git("-C", scratch.remote, "rev-parse", "main"))
    expect(second.sha).not.toBe(first.sha)
    expect(scratch.git("rev-parse", "origin/main")).toBe(first.sha)
    expect(readFileSync(join(scratch.root, ".git/FETCH_HEAD"), "utf8")).toBe(fetched)
  })

  test("a remote whose HEAD names no branch still has one", async () => {
    scratch = scratchRepo({ remote: true })
    scratch.git("-C", scratch.remote, "symbolic-ref", "HEAD", "refs/heads/gone")
    const { workspaces } = await workspacesFor(scratch)
    expect(await workspaces.base(signal)).toMatchObject({ branch: "main" })
  })

  test("a remote given by a relative path means the same everywhere", async () => {
    scratch = scratchRepo({ remote: true })
    scratch.git("remote", "set-url", "origin", "../remote.git")
    const { workspaces } = await workspacesFor(scratch)
    expect(await workspaces.base(signal)).toMatchObject({ remote: { url: scratch.remote } })
  })

  test("a remote that does not answer, or is empty, is a Failure with a hint", async () => {
    scratch = scratchRepo({ remote: true })
    const { workspaces } = await workspacesFor(scratch)
    scratch.git("-C", scratch.remote, "update-ref", "-d", "refs/heads/main")
    await expect(workspaces.base(signal)).rejects.toMatchObject({ code: "REMOTE_EMPTY" })
    rmSync(scratch.remote, { recursive: true })
    await expect(workspaces.base(signal)).rejects.toMatchObject({
      code: "REMOTE_UNREACHABLE",
      retry: "later",
      hint: expect.stringContaining("ls-remote origin"),
    })
  })

  test("without a remote it is the branch checked out; a detached head is a Failure", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    expect(await workspaces.base(signal)).toEqual({
      sha: scratch.git("rev-parse", "HEAD"),
      ref: "refs/heads/main",
      branch: "main",
    })
    scratch.git("checkout", "--quiet", "--detach")
    await expect(workspaces.base(signal)).rejects.toMatchObject({ code: "HEAD_DETACHED" })
  })
})

/** Everything of the user's that could have been touched: each file of the checkout and of `.git`, but for Flyball's refs and objects. */
function snapshot(s: Scratch): Record<string, string> {
  const found: Record<string, string> = {}
  const visit = (path: string) => {
    for (const name of readdirSync(join(s.root, path))) {
      const at = join(path, name)
      if (at === ".git/objects" || at === ".git/refs/flyball") continue
      const stats = lstatSync(join(s.root, at))
      if (stats.isDirectory()) {
        found[`${at}/`] = String(stats.mode)
        visit(at)
      } else if (stats.isSymbolicLink()) found[at] = readlinkSync(join(s.root, at))
      else
        found[at] = `${stats.mode} ${stats.mtimeMs} ${createHash("sha256")
          .update(readFileSync(join(s.root, at)))
          .digest("hex")}`
    }
  }
  visit("")
  found.refs = s.git("for-each-ref", "--format=%(objectname) %(refname)").replace(/^.*refs\/flyball.*$\n?/gm, "")
  found.stash = s.git("stash", "list")
  found.branches = s.git("branch", "--all")
  return found
}

test("D3: a dirty checkout is neither touched nor a reason to fail, nor is its index, stash, config, hooks, refs, reflogs", async () => {
  scratch = scratchRepo({ remote: true, files: { "a.txt": "a\n", "b.txt": "b\n", ".gitignore": "dist\n" } })
  for (const hook of [
    "post-checkout",
    "pre-commit",
    "post-commit",
    "reference-transaction",
    "post-index-change",
    "pre-auto-gc",
  ]) {
    scratch.write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch ${scratch.folder}/hook-ran\n`)
    chmodSync(join(scratch.root, ".git/hooks", hook), 0o755)
  }
  scratch.git("config", "fetch.prune", "true")
  scratch.git("config", "core.logAllRefUpdates", "always")
  scratch.git("config", "remote.origin.tagOpt", "--tags")
  scratch.git("-C", scratch.remote, "tag", "v1")
  scratch.write("b.txt", "stashed\n")
  scratch.git("stash", "--quiet")
  scratch.write("a.txt", "half done\n")
  scratch.git("add", "a.txt")
  scratch.write("a.txt", "more\n")
  scratch.write("untracked.txt", "mine\n")
  scratch.git("-C", scratch.remote, "update-ref", "refs/heads/new", "main")
  rmSync(join(scratch.folder, "hook-ran"), { force: true })
  const other = join(scratch.folder, "other")
  scratch.git("clone", "--quiet", scratch.remote, other)
  scratch.git(
    "-C",
    other,
    "-c",
    "user.name=B",
    "-c",
    "user.email=b@b",
    "commit",
    "--quiet",
    "--allow-empty",
    "-m",
    "second",
  )
  scratch.git("-C", other, "push", "--quiet")
  rmSync(join(scratch.folder, "hook-ran"), { force: true })
  const before = snapshot(scratch)

  const { workspaces } = await workspacesFor(scratch)
  const base = await workspaces.base(signal)
  const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
  writeFileSync(join(workspace.path, "a.txt"), "fixed\n")
  const captured = await workspaces.capture(workspace, "Fix a", signal)
  const merged = await workspaces.merge(base.sha, captured.head, signal)
  if (merged.is !== "clean") throw new Error("a conflict with nobody")
  const checkout = await workspaces.checkout(merged.tree, "verify", signal)
  expect(readFileSync(join(checkout.path, "a.txt"), "utf8")).toBe("fixed\n")
  await checkout[Symbol.asyncDispose]()
  await workspaces.remove("c1", signal)
  await workspaces.sweep(new Set(), signal)

  expect(snapshot(scratch)).toEqual(before)
  expect(existsSync(join(scratch.folder, "hook-ran"))).toBe(false)
})

describe("open", () => {
  test("T14: the workspace holds the base's history alone: no other ref, no remote, no hook, no config of the user's", async () => {
    scratch = scratchRepo({ remote: true })
    scratch.git("branch", "the-fix")
    scratch.git("tag", "v1")
    scratch.git("config", "user.signingKey", "hunter2")
    const { workspaces, repo } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    expect(inside(workspace, "for-each-ref")).toBe(`${base.sha} commit\trefs/heads/flyball/c1`)
    expect(inside(workspace, "remote")).toBe("")
    expect(inside(workspace, "status", "--porcelain", "--branch")).toBe("## flyball/c1")
    expect(inside(workspace, "log", "--format=%s")).toBe("first")
    expect(readdirSync(join(workspace.path, ".git/hooks"))).toEqual([])
    expect(readFileSync(join(workspace.path, ".git/config"), "utf8")).not.toContain("hunter2")
    expect(workspace.readable).toEqual([join(repo.dataDir, "sealed/objects")])
  })

  test("D3: twenty at once do not get in each other's way", async () => {
    scratch = scratchRepo({ files: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`f${n}`, `${n}\n`])) })
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const heads = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const workspace = await workspaces.open(`c${n}`, base.sha, undefined, {}, signal)
        writeFileSync(join(workspace.path, `f${n}`), "changed\n")
        return workspaces.capture(workspace, `Change ${n}`, signal)
      }),
    )
    for (const [n, captured] of heads.entries()) {
      expect(scratch.git("diff", "--name-only", base.sha, captured.head)).toBe(`f${n}`)
    }
  })

  test("the next attempt goes on where the last one ended, with what is ignored still there", async () => {
    scratch = scratchRepo({ files: { "a.txt": "a\n", ".gitignore": "dist\n" } })
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const first = await workspaces.open("c1", base.sha, undefined, {}, signal)
    writeFileSync(join(first.path, "a.txt"), "one\n")
    mkdirSync(join(first.path, "dist"))
    writeFileSync(join(first.path, "dist/out"), "built")
    rmSync(join(first.path, ".git"), { recursive: true })
    const { head } = await workspaces.capture(first, "One", signal)
    const again = await workspaces.open("c1", base.sha, head, {}, signal)
    expect(inside(again, "rev-parse", "HEAD")).toBe(head)
    expect(inside(again, "status", "--porcelain")).toBe("")
    expect(existsSync(join(again.path, "dist/out"))).toBe(true)
    writeFileSync(join(again.path, "a.txt"), "two\n")
    const next = await workspaces.capture(again, "Two", signal)
    expect(scratch.git("rev-list", "--count", `${base.sha}..${next.head}`)).toBe("2")
  })

  test("D1: what a dead attempt left is kept under the rescue ref, and the folder starts anew", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    for (const text of ["first try\n", "second try\n"]) {
      const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
      expect(readdirSync(workspace.path).sort()).toEqual([".git", "a.txt"])
      writeFileSync(join(workspace.path, "lost.txt"), text)
    }
    const last = await workspaces.open("c1", base.sha, undefined, {}, signal)
    expect(existsSync(join(last.path, "lost.txt"))).toBe(false)
    const kept = scratch.git("log", "--format=%H", "refs/flyball/rescue/c1", "^main").split("\n")
    expect(kept.map((commit) => scratch.git("show", `${commit}:lost.txt`)).sort()).toEqual(["first try", "second try"])
  })

  test("D9: a captured commit that a new start leaves behind stays in a ref", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const heads: string[] = []
    for (const text of ["one\n", "two\n", "three\n"]) {
      const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
      writeFileSync(join(workspace.path, "a.txt"), text)
      heads.push((await workspaces.capture(workspace, text, signal)).head)
    }
    await workspaces.remove("c1", signal)
    const kept = scratch.git("rev-list", "refs/flyball/rescue/c1", "refs/flyball/changes/c1").split("\n")
    for (const head of heads) expect(kept).toContain(head)
  })

  const halfMade: [string, (folder: string) => void][] = [
    ["before the marker", (folder) => rmSync(join(folder, "ready.json"))],
    [
      "with no files yet",
      (folder) => {
        rmSync(join(folder, "ready.json"))
        rmSync(join(folder, "tree"), { recursive: true })
      },
    ],
    [
      "with a git directory cut short",
      (folder) => {
        rmSync(join(folder, "ready.json"))
        rmSync(join(folder, "git/HEAD"))
      },
    ],
    ["with a torn marker", (folder) => writeFileSync(join(folder, "ready.json"), '{"ba')],
    ["and the folder was deleted by hand", (folder) => rmSync(join(folder, "tree"), { recursive: true })],
    ["and the index is gone", (folder) => rmSync(join(folder, "git/index"))],
  ]
  test.each(halfMade)("killed %s, it is made whole again", async (_, kill) => {
    scratch = scratchRepo()
    const { workspaces, repo } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    await workspaces.open("c1", base.sha, undefined, {}, signal)
    kill(join(repo.dataDir, "workspaces/c1"))
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    expect(inside(workspace, "status", "--porcelain", "--branch")).toBe("## flyball/c1")
    writeFileSync(join(workspace.path, "a.txt"), "works\n")
    expect(await workspaces.capture(workspace, "Works", signal)).toMatchObject({ is: "commit", files: 1 })
  })

  test.each(["../x", "a/b", "", ".hidden", "x.lock", "a..b"])("%j can't name a change", async (change) => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    await expect((async () => workspaces.open(change, "HEAD", undefined, {}, signal))()).rejects.toMatchObject({
      code: "CHANGE_ID_INVALID",
    })
  })
})

describe("capture", () => {
  const open = async (
    files: Record<string, string> = { "a.txt": "a\n", "dir/b.txt": "b\n", ".gitignore": "dist\n*.log\n" },
  ) => {
    scratch = scratchRepo({ files })
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    return { workspaces, base, workspace: await workspaces.open("c1", base.sha, undefined, {}, signal) }
  }

  test("records changed, new, deleted and renamed files, modes and links; the second time there is nothing", async () => {
    const { workspaces, workspace, base } = await open()
    const at = (path: string) => join(workspace.path, path)
    writeFileSync(at("a.txt"), "changed\n")
    renameSync(at("dir/b.txt"), at("dir/c.txt"))
    writeFileSync(at("run.sh"), "#!/bin/sh\n")
    chmodSync(at("run.sh"), 0o755)
    symlinkSync("/etc/passwd", at("link"))
    writeFileSync(at("secret"), "unreadable")
    chmodSync(at("secret"), 0)
    mkdirSync(at("dist"))
    writeFileSync(at("dist/out"), "ignored")
    const captured = await workspaces.capture(workspace, "Do it\n\nAnd say why.", signal)
    expect(captured).toMatchObject({ is: "commit", files: 6 })
    expect(
      scratch
        .git("diff", "--no-renames", "--summary", base.sha, captured.head)
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual([
      "delete mode 100644 dir/b.txt",
      "create mode 100644 dir/c.txt",
      "create mode 120000 link",
      "create mode 100755 run.sh",
      "create mode 100644 secret",
    ])
    expect(scratch.git("log", "-1", "--format=%an <%ae>|%cn|%B", captured.head)).toBe(
      "Flyball <flyball@localhost>|Flyball|Do it\n\nAnd say why.",
    )
    expect(scratch.git("rev-parse", "refs/flyball/changes/c1")).toBe(captured.head)
    expect(await workspaces.capture(workspace, "Again", signal)).toEqual({ is: "nothing", head: captured.head })
  })

  test("nothing left is nothing, with the base as head", async () => {
    const { workspaces, workspace, base } = await open()
    expect(await workspaces.capture(workspace, "Nothing", signal)).toEqual({ is: "nothing", head: base.sha })
  })

  const doings: [string, (path: string) => void, string[]][] = [
    [
      "commits itself on a branch of its own",
      (path) => {
        writeFileSync(join(path, "new.txt"), "x")
        run(path, "checkout", "-q", "-b", "feature")
        run(path, "add", "-A")
        run(path, "commit", "-qm", "mine")
      },
      [".gitignore", "a.txt", "dir/b.txt", "new.txt"],
    ],
    [
      "resets its branch to nowhere and deletes .git",
      (path) => {
        rmSync(join(path, ".git"), { recursive: true })
        writeFileSync(join(path, "new.txt"), "x")
      },
      [".gitignore", "a.txt", "dir/b.txt", "new.txt"],
    ],
    [
      "makes .git a file that points elsewhere",
      (path) => {
        rmSync(join(path, ".git"), { recursive: true })
        writeFileSync(join(path, ".git"), "gitdir: /nowhere\n")
        rmSync(join(path, "a.txt"))
      },
      [".gitignore", "dir/b.txt"],
    ],
    [
      "puts repositories inside, with and without a commit",
      (path) => {
        for (const name of ["nested", "empty"]) {
          mkdirSync(join(path, name, "deep"), { recursive: true })
          run(join(path, name), "init", "-q")
          writeFileSync(join(path, name, "deep/file"), "x")
        }
        run(join(path, "nested"), "add", "-A")
        run(join(path, "nested"), "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")
      },
      [".gitignore", "a.txt", "dir/b.txt", "empty/deep/file", "nested/deep/file"],
    ],
    [
      "turns a folder into a link, and a file into a folder",
      (path) => {
        mkdirSync(join(path, "elsewhere"))
        writeFileSync(join(path, "elsewhere/b.txt"), "other\n")
        rmSync(join(path, "dir"), { recursive: true })
        symlinkSync("elsewhere", join(path, "dir"))
        rmSync(join(path, "a.txt"))
        mkdirSync(join(path, "a.txt"))
        writeFileSync(join(path, "a.txt/in"), "x")
      },
      [".gitignore", "a.txt/in", "dir", "elsewhere/b.txt"],
    ],
    [
      "turns a folder into a file",
      (path) => {
        rmSync(join(path, "dir"), { recursive: true })
        writeFileSync(join(path, "dir"), "x")
      },
      [".gitignore", "a.txt", "dir"],
    ],
    [
      "empties .gitignore: what the base ignores stays out",
      (path) => {
        rmSync(join(path, ".gitignore"))
        mkdirSync(join(path, "dist"))
        mkdirSync(join(path, "node_modules/x"), { recursive: true })
        for (const file of ["dist/out", "x.log", "dir/y.log", "node_modules/x/index.js"])
          writeFileSync(join(path, file), "x")
      },
      ["a.txt", "dir/b.txt"],
    ],
    [
      "leaves names that need care",
      (path) => {
        for (const name of [" leading", "new\nline", 'quote"', "ümlaut", "-dash", ":(top)magic"])
          writeFileSync(join(path, name), "x")
        // git opens some files by their name, and would wait for a pipe for ever.
        mkdirSync(join(path, "new/.git"), { recursive: true })
        execFileSync("mkfifo", ["pipe", ".gitattributes", "new/.gitignore", "new/.git/HEAD"], { cwd: path })
      },
      [" leading", "new\nline", 'quote"', "ümlaut", "-dash", ":(top)magic", ".gitignore", "a.txt", "dir/b.txt"],
    ],
  ]
  test.each(doings)("a maker that %s", async (_, doing, expected) => {
    const { workspaces, workspace, base } = await open()
    doing(workspace.path)
    const captured = await workspaces.capture(workspace, "Recorded", signal)
    const listing = execFileSync("git", ["ls-tree", "-rz", "--name-only", captured.head], {
      cwd: scratch.root,
      encoding: "utf8",
    })
    const files = listing.split("\0").filter((name) => name !== "")
    expect(files.sort()).toEqual([...expected].sort())
    expect(scratch.git("rev-parse", `${captured.head}^`)).toBe(base.sha)
    expect(await workspaces.capture(workspace, "Again", signal)).toEqual({ is: "nothing", head: captured.head })
  })

  test("nothing that the maker plants runs on our side", async () => {
    const { workspaces, workspace, base } = await open()
    const { path } = workspace
    const trap = join(scratch.folder, "trapped")
    const program = `sh -c 'touch ${trap}; cat'`
    const config = `[core]\n\tfsmonitor = ${program}\n\thooksPath = .git/hooks\n\tsshCommand = ${program}\n\teditor = ${program}\n\tpager = ${program}\n[filter "x"]\n\tclean = ${program}\n\tsmudge = ${program}\n\tprocess = ${program}\n[merge "x"]\n\tdriver = ${program}\n[diff]\n\texternal = ${program}\n[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = ${program}\n`
    for (const folder of [".git", "nested/.git"]) {
      if (folder !== ".git") {
        mkdirSync(join(path, "nested"))
        run(join(path, "nested"), "init", "-q")
        writeFileSync(join(path, "nested/f.txt"), "x")
        run(join(path, "nested"), "add", "-A")
        run(join(path, "nested"), "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")
      }
      writeFileSync(join(path, folder, "config"), config, { flag: "a" })
      mkdirSync(join(path, folder, "info"), { recursive: true })
      writeFileSync(join(path, folder, "info/attributes"), "* filter=x merge=x diff=x\n")
      for (const hook of ["pre-commit", "post-commit", "reference-transaction", "post-index-change", "post-checkout"]) {
        writeFileSync(join(path, folder, "hooks", hook), `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 })
      }
    }
    writeFileSync(
      join(path, ".gitattributes"),
      "* filter=x merge=x diff=x ident working-tree-encoding=UTF-16\n*.txt export-ignore\n",
    )
    writeFileSync(join(path, "a.txt"), "$Id$ changed\n")
    writeFileSync(
      join(path, ".gitmodules"),
      `[submodule "nested"]\n\tpath = nested\n\turl = ./nested\n\tupdate = !${program}\n`,
    )
    const captured = await workspaces.capture(workspace, "Trap", signal)
    const merged = await workspaces.merge(base.sha, captured.head, signal)
    const checkout = await workspaces.checkout(captured.head, "verify", signal)
    const again = await workspaces.open("c1", base.sha, captured.head, {}, signal)
    await workspaces.remove("c1", signal)
    expect(merged.is).toBe("clean")
    expect(again.path).toBe(path)
    expect(existsSync(trap)).toBe(false)
    expect(readFileSync(join(checkout.path, "a.txt"), "utf8")).toBe("$Id$ changed\n")
    expect(show(captured.head)).toContain("nested/f.txt")
    await checkout[Symbol.asyncDispose]()
  })

  test("more than anybody can have meant to leave is a Failure, and the folder stays", async () => {
    const { workspaces, workspace } = await open()
    execFileSync("truncate", ["-s", "600M", join(workspace.path, "core.dump")])
    await expect(workspaces.capture(workspace, "Huge", signal)).rejects.toMatchObject({ code: "WORK_TOO_LARGE" })
    expect(existsSync(join(workspace.path, "core.dump"))).toBe(true)
  })

  function run(cwd: string, ...args: string[]): void {
    execFileSync("git", args, { cwd, env: gitEnv(scratch.folder), stdio: "ignore" })
  }
})

describe("merge", () => {
  test("a clean one is a tree; a conflict names its files, and nobody's merge driver has a say", async () => {
    scratch = scratchRepo({ files: { "a.txt": "1\n2\n3\n", "b.txt": "b\n" } })
    const start = scratch.git("rev-parse", "HEAD")
    const ours = scratch.commit("ours", { "a.txt": "one\n2\n3\n" })
    scratch.git("checkout", "--quiet", "-b", "theirs", start)
    const clean = scratch.commit("theirs", { "b.txt": "bee\n" })
    const clash = scratch.commit("clash", { "a.txt": "eins\n2\n3\n", ".gitattributes": "a.txt merge=ours\n" })
    const { workspaces } = await workspacesFor(scratch)
    const merged = await workspaces.merge(ours, clean, signal)
    expect(merged).toMatchObject({ is: "clean" })
    expect(scratch.git("show", `${merged.is === "clean" ? merged.tree : ""}:b.txt`)).toBe("bee")
    expect(await workspaces.merge(ours, clash, signal)).toEqual({ is: "conflict", files: ["a.txt"] })
    await expect(workspaces.merge(ours, "0".repeat(40), signal)).rejects.toMatchObject({ code: "MERGE_FAILED" })
  })
})

describe("remove and sweep", () => {
  test("D1: nothing is removed before it is kept; what was only the base leaves no ref", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const left = await workspaces.open("left", base.sha, undefined, {}, signal)
    await workspaces.open("idle", base.sha, undefined, {}, signal)
    writeFileSync(join(left.path, "precious"), "2,309 files")
    await workspaces.remove("left", signal)
    await workspaces.remove("left", signal)
    await workspaces.remove("idle", signal)
    expect(existsSync(left.path)).toBe(false)
    expect(scratch.git("show", "refs/flyball/rescue/left:precious")).toBe("2,309 files")
    expect(scratch.git("for-each-ref", "refs/flyball", "--format=%(refname)")).toBe("refs/flyball/rescue/left")
  })

  test("D2: sweep removes folders of changes that are over, checkouts of the dead, and the trash", async () => {
    scratch = scratchRepo()
    const { workspaces, repo } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    for (const change of ["over", "live"]) await workspaces.open(change, base.sha, undefined, {}, signal)
    const mine = await workspaces.checkout(base.sha, "verify", signal)
    const dead = join(repo.dataDir, "checkouts/verify.999999.123.abcd")
    mkdirSync(join(dead, "tree/locked"), { recursive: true })
    writeFileSync(join(dead, "tree/locked/file"), "x")
    chmodSync(join(dead, "tree/locked"), 0)
    expect((await workspaces.sweep(new Set(["live"]), signal)).sort()).toEqual(["over", "verify.999999.123.abcd"])
    expect(readdirSync(join(repo.dataDir, "workspaces"))).toEqual(["live"])
    expect(existsSync(mine.path)).toBe(true)
    await mine[Symbol.asyncDispose]()
    expect(readdirSync(join(repo.dataDir, "checkouts"))).toEqual([])
    expect(readdirSync(join(repo.dataDir, "trash"))).toEqual([])
  })
})
