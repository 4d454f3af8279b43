import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { ensureBranch } from "../ship/branch.ts"
import { type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { openRepo } from "./repo.ts"
import { detectSandbox } from "./sandbox.ts"
import { surveyBase } from "./survey.ts"

/*
 * Repositories as people have them. Each works, end to end, or is refused with a reason before anything is done.
 */

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

/** A whole way: base, workspace, one edit, capture, merge, checkout; returns what the change is and what was told. */
async function wholeWay(edit = (path: string) => writeFileSync(join(path, "new.txt"), "new\n")) {
  const opened = await workspacesFor(scratch, { announces: true })
  const { workspaces, repo } = opened
  const base = await workspaces.base(signal)
  const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
  const untouched = await workspaces.capture(workspace, "Nothing", signal)
  expect(untouched).toEqual({ is: "nothing", head: base.sha })
  edit(workspace.path)
  const captured = await workspaces.capture(workspace, "An edit", signal)
  const merged = await workspaces.merge(base.sha, captured.head, signal)
  if (merged.is !== "clean") throw new Error(`a conflict with nobody in ${merged.files}`)
  await using checkout = await workspaces.checkout(merged.tree, "verify", signal)
  const files = readdirSync(checkout.path)
  const changed = execFileSync("git", ["diff-tree", "-r", "-z", "--name-only", base.sha, captured.head], {
    cwd: repo.gitDir,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "ignore"],
  })
  const again = await workspaces.open("c1", base.sha, captured.head, {}, signal)
  expect(await workspaces.capture(again, "Again", signal)).toMatchObject({ is: "nothing" })
  await workspaces.remove("c1", signal)
  await workspaces.sweep(new Set(), signal)
  return { ...opened, base, files, changed: changed.split("\0").filter((path) => path !== "") }
}

const remoteGit = (...args: string[]) => scratch.git("-C", scratch.remote, ...args)
/** A second clone in the place of the first, made with these options. */
const cloneAgain = (...options: string[]) => {
  renameSync(scratch.root, join(scratch.folder, "first"))
  execFileSync("git", ["clone", "--quiet", ...options, `file://${scratch.remote}`, scratch.root], { stdio: "ignore" })
}

describe("works", () => {
  const works: [string, () => void][] = [
    ["without a remote", () => {}],
    [
      "with a detached head, and a remote",
      () => {
        addRemote()
        scratch.git("checkout", "--quiet", "--detach")
      },
    ],
    [
      "with an orphan branch checked out that has no commit, and a remote",
      () => {
        addRemote()
        scratch.git("switch", "--quiet", "--orphan", "empty")
      },
    ],
    [
      "with a default branch that is called trunk",
      () => {
        scratch.git("branch", "-m", "trunk")
        addRemote()
      },
    ],
    [
      "with a default branch that has a slash in it",
      () => {
        scratch.git("branch", "-m", "feature/x")
        addRemote()
      },
    ],
    [
      "as a shallow clone",
      () => {
        for (const n of [1, 2, 3]) scratch.commit(`more ${n}`, { "a.txt": `${n}\n` })
        addRemote()
        cloneAgain("--depth=1")
      },
    ],
    [
      "as a partial clone, whose files come when they are needed",
      () => {
        for (const n of [1, 2, 3]) scratch.commit(`more ${n}`, { "a.txt": `${n}\n`, "dir/b.txt": `${n}\n` })
        addRemote()
        remoteGit("config", "uploadpack.allowFilter", "true")
        remoteGit("config", "uploadpack.allowAnySHA1InWant", "true")
        cloneAgain("--filter=blob:none", "--no-checkout")
      },
    ],
    [
      "with a sparse checkout",
      () => {
        scratch.commit("more", { "in/a.txt": "a\n", "out/b.txt": "b\n" })
        scratch.git("sparse-checkout", "set", "--cone", "in")
      },
    ],
    [
      "with objects named by SHA-256",
      () => {
        rmSync(join(scratch.root, ".git"), { recursive: true })
        scratch.git("init", "--quiet", "-b", "main", "--object-format=sha256")
        scratch.git("config", "user.name", "Ada")
        scratch.git("config", "user.email", "ada@example.org")
        scratch.commit("first")
      },
    ],
    [
      "with objects that it borrows from another",
      () => {
        addRemote()
        cloneAgain("--shared")
      },
    ],
    [
      "with its git directory elsewhere, and core.worktree",
      () => {
        renameSync(join(scratch.root, ".git"), join(scratch.folder, "store"))
        writeFileSync(join(scratch.root, ".git"), `gitdir: ${scratch.folder}/store\n`)
        scratch.git("config", "core.worktree", scratch.root)
      },
    ],
    [
      "with config that another file brings in",
      () => {
        writeFileSync(
          join(scratch.folder, "more"),
          "[core]\n\tautocrlf = true\n\teol = crlf\n[commit]\n\tgpgSign = true\n",
        )
        scratch.git("config", `includeIf.gitdir:${scratch.folder}/.path`, join(scratch.folder, "more"))
      },
    ],
    [
      "with per-worktree config and safe.bareRepository",
      () => {
        scratch.git("config", "extensions.worktreeConfig", "true")
        scratch.git("config", "--worktree", "core.sparseCheckout", "false")
        scratch.git("config", "safe.bareRepository", "explicit")
      },
    ],
    [
      "with core.autocrlf",
      () => {
        scratch.git("config", "core.autocrlf", "true")
        scratch.commit("both line ends", { "lf.txt": "1\n2\n" })
      },
    ],
    [
      "with attributes that want CRLF in the folder",
      () => {
        scratch.commit("attributes", { ".gitattributes": "* text=auto eol=crlf\n", "lf.txt": "1\n2\n" })
      },
    ],
    [
      "with files that were committed before the attributes that would convert them",
      () => {
        scratch.commit("crlf", { "crlf.txt": "1\r\n2\r\n", "mixed.txt": "1\r\n2\n" })
        const blob = scratch.git("rev-parse", "HEAD:crlf.txt")
        scratch.write(".gitattributes", "*.txt text\n")
        scratch.git("add", ".gitattributes")
        scratch.git("commit", "--quiet", "-m", "attributes")
        expect(scratch.git("rev-parse", "HEAD:crlf.txt")).toBe(blob)
      },
    ],
    [
      "with a replacement and a graft that hide its history",
      () => {
        scratch.commit("second", { "a.txt": "2\n" })
        const head = scratch.commit("third", { "a.txt": "3\n" })
        scratch.git("replace", "--graft", head)
        mkdirSync(join(scratch.root, ".git/info"), { recursive: true })
        writeFileSync(join(scratch.root, ".git/info/grafts"), `${scratch.git("rev-parse", "HEAD")}\n`)
      },
    ],
    [
      "with very long paths and links",
      () => {
        const long = Array.from({ length: 12 }, (_, n) => String(n).repeat(60).slice(0, 60)).join("/")
        scratch.write(`${long}/file.txt`, "deep\n")
        symlinkSync("nowhere/at/all", join(scratch.root, "dangling"))
        symlinkSync("/etc", join(scratch.root, "absolute"))
        scratch.commit("long")
      },
    ],
    [
      "with hooks that fail",
      () => {
        for (const hook of ["post-checkout", "pre-commit", "reference-transaction"])
          writeFileSync(join(scratch.root, ".git/hooks", hook), "#!/bin/sh\nexit 1\n", { mode: 0o755 })
      },
    ],
  ]
  test.each(works)("%s", async (_, prepare) => {
    scratch = scratchRepo()
    prepare()
    const { changed, files, told } = await wholeWay()
    expect(changed).toEqual(["new.txt"])
    expect(files).toContain("new.txt")
    expect(told.filter((line) => !line.startsWith("your git signs"))).toEqual([])
  })

  function addRemote(): void {
    scratch.git("clone", "--quiet", "--bare", scratch.root, scratch.remote)
    scratch.git("remote", "add", "origin", scratch.remote)
    scratch.git("fetch", "--quiet", "origin")
  }

  test("from within a worktree of the user's own: the same repository, with the same data", async () => {
    scratch = scratchRepo({ remote: true })
    const main = await openRepo(scratch.root, scratch.home)
    scratch.git("worktree", "add", "--quiet", "-b", "other", join(scratch.folder, "linked"))
    const linked = await openRepo(join(scratch.folder, "linked"), scratch.home)
    expect(linked).toMatchObject({ key: main.key, dataDir: main.dataDir, gitDir: main.gitDir })
    scratch.root = linked.root
    expect((await wholeWay()).changed).toEqual(["new.txt"])
  })

  test("a default branch `feature` that became `feature/x`", async () => {
    scratch = scratchRepo()
    scratch.git("branch", "-m", "feature")
    addRemote()
    expect((await wholeWay()).base.branch).toBe("feature")
    remoteGit("branch", "-m", "feature", "feature/x")
    expect((await wholeWay()).base.branch).toBe("feature/x")
  })

  test("names that are not UTF-8 are recorded byte for byte", async () => {
    scratch = scratchRepo()
    const name = Buffer.from("caf\xe9.txt", "latin1")
    const inFolder = (folder: string, file: Buffer) => Buffer.concat([Buffer.from(`${folder}/`), file])
    writeFileSync(inFolder(scratch.root, name), "latin\n")
    scratch.commit("latin name")
    const { changed } = await wholeWay((path) => {
      writeFileSync(inFolder(path, name), "changed\n")
      writeFileSync(inFolder(path, Buffer.from("\xff\xfe", "latin1")), "new\n")
    })
    expect(changed).toEqual(["caf\xe9.txt", "\xff\xfe"])
  })

  test("a file with converted line ends that the maker did change is recorded as git would", async () => {
    scratch = scratchRepo()
    scratch.commit("attributes", { ".gitattributes": "* text=auto eol=crlf\n", "lf.txt": "1\n2\n" })
    const { repo } = await wholeWay((path) => {
      expect(readFileSync(join(path, "lf.txt"), "utf8")).toBe("1\r\n2\r\n")
      appendFileSync(join(path, "lf.txt"), "3\r\n")
    })
    expect(execFileSync("git", ["show", "refs/flyball/changes/c1:lf.txt"], { cwd: repo.root, encoding: "utf8" })).toBe(
      "1\n2\n3\n",
    )
  })

  test("a clone that signs its commits: Flyball's are unsigned, and it says so once", async () => {
    scratch = scratchRepo()
    scratch.git("config", "commit.gpgSign", "true")
    scratch.git("config", "gpg.program", "/nowhere/gpg")
    const { told } = await wholeWay()
    expect(told).toEqual([expect.stringContaining("not signed")])
  })
})

describe("is refused before anything is done", () => {
  const refused: [string, string, () => void][] = [
    ["NOT_A_REPOSITORY", "no repository", () => rmSync(join(scratch.root, ".git"), { recursive: true })],
    [
      "REPOSITORY_BARE",
      "a bare one",
      () => {
        scratch.root = scratch.remote
        execFileSync("git", ["clone", "--quiet", "--bare", join(scratch.folder, "project"), scratch.remote])
      },
    ],
    [
      "REPOSITORY_EMPTY",
      "one without a commit",
      () => {
        rmSync(join(scratch.root, ".git"), { recursive: true })
        scratch.git("init", "--quiet")
      },
    ],
    [
      "REPOSITORY_UNREADABLE",
      "one of a format that this git does not know",
      () => {
        scratch.git("config", "core.repositoryFormatVersion", "1")
        scratch.git("config", "extensions.somethingNew", "true")
      },
    ],
    [
      "REPOSITORY_UNREADABLE",
      "one whose config is broken",
      () => writeFileSync(join(scratch.root, ".git/config"), "[core\n"),
    ],
    ["HEAD_DETACHED", "a detached head without a remote", () => scratch.git("checkout", "--quiet", "--detach")],
    [
      "REMOTE_EMPTY",
      "a remote without a branch",
      () => {
        scratch.git("init", "--quiet", "--bare", scratch.remote)
        scratch.git("remote", "add", "origin", scratch.remote)
      },
    ],
    [
      "OBJECTS_MISSING",
      "a partial clone that can't get its files",
      () => {
        scratch.git("clone", "--quiet", "--bare", scratch.root, scratch.remote)
        scratch.git("-C", scratch.remote, "config", "uploadpack.allowFilter", "true")
        cloneAgain("--filter=blob:none", "--no-checkout")
        scratch.git("remote", "rename", "origin", "gone")
        scratch.git("remote", "remove", "gone")
        scratch.git("config", "remote.gone.promisor", "true")
      },
    ],
  ]
  test.each(refused)("%s: %s", async (code, _, prepare) => {
    scratch = scratchRepo()
    prepare()
    const look = async () => (await workspacesFor(scratch)).workspaces.base(signal)
    await expect(look()).rejects.toMatchObject({ name: "Failure", code, hint: expect.stringMatching(/\w/) })
  })

  test.runIf(process.getuid?.() === 0)("REPOSITORY_OWNER: one that belongs to another user", async () => {
    scratch = scratchRepo()
    chownSync(scratch.root, 12_345, 12_345)
    chownSync(join(scratch.root, ".git"), 12_345, 12_345)
    await expect(openRepo(scratch.root, scratch.home)).rejects.toMatchObject({
      code: "REPOSITORY_OWNER",
      hint: expect.stringContaining("safe.directory"),
    })
  })

  const targets: [string, object, Record<string, string>][] = [
    ["NAMES_CLASH", { caseInsensitive: true }, { "Readme.md": "1", "README.md": "2" }],
    ["PATH_TOO_LONG", { longestPath: 420 }, { [`${"x".repeat(150)}/${"y".repeat(150)}`]: "" }],
  ]
  test.each(targets)("%s: files that the disk of the workspaces can't hold", async (code, target, files) => {
    scratch = scratchRepo({ files })
    const { workspaces, repo } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    rmSync(join(repo.dataDir, "survey.json"))
    const disk = { folder: repo.dataDir, caseInsensitive: false, longestPath: 4096, ...target }
    await expect(surveyBase(repo, base, signal, disk)).rejects.toMatchObject({ code, retry: "person" })
  })
})

/** Runs a command as a maker or a check does, and returns what it printed. */
async function inside(at: { path: string; binds?: object[]; readable?: string[] }, script: string, folder: string) {
  const sandbox = await detectSandbox({ home: folder })
  const { argv } = sandbox.wrap(["/bin/sh", "-c", script], at.path, {
    writable: [at.path],
    readable: at.readable ?? [],
    network: "none",
    binds: JSON.parse(JSON.stringify(at.binds ?? [])),
  })
  return run(argv, { cwd: at.path, env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), timeoutMs: 60_000 })
}

describe("submodules", () => {
  function withSubmodule(): void {
    scratch = scratchRepo()
    const library = join(scratch.folder, "library")
    execFileSync("git", ["clone", "--quiet", scratch.root, library])
    const allowed = ["-c", "protocol.file.allow=always"]
    scratch.git(...allowed, "submodule", "add", "--quiet", library, "lib/one")
    scratch.commit("with a submodule")
  }

  test.each([true, false])(
    "are there as the base names them, and no part of a change (sandbox: %s)",
    async (sandbox) => {
      withSubmodule()
      const { workspaces, told } = await workspacesFor(scratch, { sandbox, announces: true })
      const base = await workspaces.base(signal)
      const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
      await using checkout = await workspaces.checkout(base.sha, "verify", signal)
      expect(told).toContainEqual(expect.stringContaining("what is changed in one is not part of a change"))
      if (sandbox && workspace.sandboxed) {
        const seen = await inside(workspace, "cat lib/one/a.txt; echo x >lib/one/a.txt", scratch.folder)
        expect(seen).toMatchObject({ stdout: "a\n", stderr: expect.stringContaining("Read-only") })
        const checked = await inside(
          checkout,
          "echo built >lib/one/out && cat lib/one/a.txt lib/one/out",
          scratch.folder,
        )
        expect(checked.stdout).toBe("a\nbuilt\n")
      } else {
        expect(readFileSync(join(checkout.path, "lib/one/a.txt"), "utf8")).toBe("a\n")
        writeFileSync(join(workspace.path, "lib/one/a.txt"), "changed")
      }
      expect(await workspaces.capture(workspace, "Nothing", signal)).toMatchObject({ is: "nothing" })
    },
  )

  test("that nobody initialised are empty, and that is said with the way to mend it", async () => {
    withSubmodule()
    scratch.git("submodule", "deinit", "--quiet", "--all", "--force")
    const { told, changed } = await wholeWay()
    expect(changed).toEqual(["new.txt"])
    expect(told).toEqual([expect.stringMatching(/lib\/one is empty .*git submodule update --init/)])
  })
})

describe("Git LFS", () => {
  const content = "the real thing\n"
  const oid = createHash("sha256").update(content).digest("hex")
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`
  function withLfs(): void {
    scratch = scratchRepo({
      files: { ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "data.bin": pointer },
    })
  }

  test("files that the clone has fetched are shown, and a change does not hold them", async () => {
    withLfs()
    scratch.write(`.git/lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`, content)
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
    await using checkout = await workspaces.checkout(base.sha, "verify", signal)
    const shown = workspace.sandboxed ? content : pointer
    for (const place of [workspace, checkout])
      expect((await inside(place, "cat data.bin", scratch.folder)).stdout).toBe(shown)
    expect(await workspaces.capture(workspace, "Nothing", signal)).toMatchObject({ is: "nothing" })
  })

  test("files that it has not fetched are pointers, and that is said", async () => {
    withLfs()
    const { told, repo } = await wholeWay()
    expect(told).toEqual([expect.stringContaining("its files are pointers here")])
    expect(existsSync(join(repo.gitDir, "lfs"))).toBe(false)
  })
})

test("a remote that demands signed commits: what it says is told, and a person asked", async () => {
  scratch = scratchRepo({ remote: true })
  const hook = "#!/bin/sh\necho 'commits must have verified signatures' >&2\nexit 1\n"
  writeFileSync(join(scratch.remote, "hooks/pre-receive"), hook, { mode: 0o755 })
  const { workspaces, repo } = await workspacesFor(scratch)
  const base = await workspaces.base(signal)
  await expect(ensureBranch({ repo, base, branch: "flyball/c1", commit: base.sha, signal })).rejects.toMatchObject({
    code: "PUSH_REFUSED",
    message: expect.stringContaining("must have verified signatures"),
    retry: "person",
  })
})
