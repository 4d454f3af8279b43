import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Checkout, Sandbox } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { detectSandbox } from "./sandbox.ts"

const signal = new AbortController().signal
let scratch: Scratch
let home: string
let sandbox: Sandbox
beforeAll(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "flyball-checkout-")))
  sandbox = await detectSandbox({ home })
})
afterAll(() => rmSync(home, { recursive: true, force: true }))
afterEach(() => scratch[Symbol.dispose]())

/** Runs a command in a checkout as verify does: it may write to the checkout and nothing else. */
async function inside(checkout: Checkout, script: string, where = sandbox) {
  const { readable = [], binds = [] } = checkout
  const { argv } = where.wrap(["/bin/sh", "-c", script], checkout.path, {
    writable: [checkout.path],
    readable,
    binds,
    network: "none",
  })
  return run(argv, { cwd: checkout.path, env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), timeoutMs: 60_000 })
}

const LOCK = '{ "name": "x", "lockfileVersion": 3 }\n'
const PROJECT = {
  "package.json": '{ "name": "x", "type": "module" }\n',
  "package-lock.json": LOCK,
  ".gitignore": "node_modules\n.venv\n",
  "a.test.ts": 'import { expect, test } from "vitest"\ntest("adds", () => expect(1 + 1).toBe(2))\n',
  "vite.config.ts": 'import { defineConfig } from "vitest/config"\nexport default defineConfig({ test: {} })\n',
}

describe("a checkout", () => {
  test("T11: holds exactly the tree, whatever attributes and ignore rules say; git in it knows the files", async () => {
    scratch = scratchRepo({
      files: {
        "keep.test.ts": "$Id$\n",
        "sub/ignored.txt": "x",
        ".gitignore": "",
        ".gitattributes": "*.test.ts export-ignore ident filter=gone\nsub export-ignore\n*.txt export-subst\n",
      },
    })
    scratch.write(".gitignore", "*.txt\n")
    const commit = scratch.commit("ignore what is tracked")
    const { workspaces } = await workspacesFor(scratch)
    await using checkout = await workspaces.checkout(commit, "verify a/b", signal)
    expect(checkout.tree).toBe(scratch.git("rev-parse", "HEAD^{tree}"))
    expect(readFileSync(join(checkout.path, "keep.test.ts"), "utf8")).toBe("$Id$\n")
    expect(readFileSync(join(checkout.path, "sub/ignored.txt"), "utf8")).toBe("x")
    const asked = await inside(checkout, "git ls-files; git status --porcelain; git log --format=%s")
    expect(asked.stdout.split("\n")).toEqual([
      ".gitattributes",
      ".gitignore",
      "keep.test.ts",
      "sub/ignored.txt",
      "ignore what is tracked",
      "first",
      "",
    ])
  })

  test("is fresh each time, and gone when disposed of", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    const first = await workspaces.checkout("main", "verify", signal)
    writeFileSync(join(first.path, "a.txt"), "changed")
    writeFileSync(join(first.path, "left"), "over")
    await using second = await workspaces.checkout("main", "verify", signal)
    expect(readdirSync(second.path).sort()).toEqual([".git", "a.txt"])
    expect(readFileSync(join(second.path, "a.txt"), "utf8")).toBe("a\n")
    await first[Symbol.asyncDispose]()
    expect(existsSync(first.path)).toBe(false)
  })

  test("of what is not there is a Failure, and an aborted one leaves nothing", async () => {
    scratch = scratchRepo()
    const { workspaces, repo } = await workspacesFor(scratch)
    await expect(workspaces.checkout("0".repeat(40), "verify", signal)).rejects.toMatchObject({
      code: "CHECKOUT_FAILED",
    })
    await expect(workspaces.checkout("main", "verify", AbortSignal.abort())).rejects.toThrow("aborted")
    expect(readdirSync(join(repo.dataDir, "checkouts"))).toEqual([])
  })
})

/** A project whose `node_modules` is the real thing: ours, with vitest in it. */
function vitestProject(): Scratch {
  const made = scratchRepo({ files: PROJECT })
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(made.root, "node_modules"))
  return made
}

describe("dependencies", () => {
  test("the real vitest runs on the user's node_modules, writes its caches, and the user's folder stays as it was", async () => {
    if (sandbox.kind.is === "none") return
    scratch = vitestProject()
    const real = realpathSync(join(scratch.root, "node_modules"))
    const before = [readdirSync(real), statSync(real).mtimeMs]
    const { workspaces } = await workspacesFor(scratch)
    await using checkout = await workspaces.checkout("main", "verify", signal)
    expect(checkout.binds).toEqual([{ from: real, to: join(checkout.path, "node_modules"), scratch: true }])
    const ran = await inside(
      checkout,
      "node_modules/.bin/vitest run --reporter=json 2>&1 && ls -a node_modules | grep '^.vite'",
    )
    expect(ran.stdout).toContain('"numPassedTests":1')
    expect(ran.stdout).toContain(".vite")
    expect([readdirSync(real), statSync(real).mtimeMs]).toEqual(before)
    expect(readdirSync(join(checkout.path, "node_modules"))).toEqual([])
  })

  test("another lock file than the user's gets no dependencies, and it is said why", async () => {
    scratch = vitestProject()
    const { workspaces, told } = await workspacesFor(scratch)
    const other = scratch.commit("another lock", { "package-lock.json": `${LOCK} ` })
    scratch.git("checkout", "--quiet", "HEAD^")
    await using checkout = await workspaces.checkout(other, "verify", signal)
    expect(checkout.binds).toEqual([])
    expect(told).toEqual([
      "node_modules is not lent to the checkout: package-lock.json differs from the one in your checkout",
    ])
  })

  test.each([
    ["the same packages in another part", { name: "x", devDependencies: { a: "1" } }, 1],
    ["another version", { dependencies: { a: "2" } }, 0],
    ["a package more", { dependencies: { a: "1", b: "1" } }, 0],
    ["other overrides", { dependencies: { a: "1" }, overrides: { b: "1" } }, 0],
  ])("without a lock file, the manifest asks for %s: %j", async (_, manifest, many) => {
    const files = { "package.json": JSON.stringify({ dependencies: { a: "1" } }), ".gitignore": "node_modules\n" }
    scratch = scratchRepo({ files })
    scratch.write("node_modules/a/index.js", "")
    const { workspaces, told } = await workspacesFor(scratch)
    const other = scratch.commit("another manifest", { "package.json": JSON.stringify(manifest) })
    scratch.git("checkout", "--quiet", "HEAD^")
    await using _checkout = await workspaces.checkout(other, "verify", signal)
    expect(told).toHaveLength(1 - many)
  })

  test.each([
    ["nothing is missing where the manifest names no packages", { type: "module" }, []],
    ["what a manifest names and nobody installed is said to be missing", { dependencies: { a: "1" } }, ["it is not"]],
  ])("%s", async (_, manifest, why) => {
    scratch = scratchRepo({ files: { "package.json": JSON.stringify(manifest) } })
    const { workspaces, told } = await workspacesFor(scratch)
    await using checkout = await workspaces.checkout("main", "verify", signal)
    expect(checkout.binds).toEqual([])
    expect(told).toEqual(why.map((text) => expect.stringContaining(text)))
  })

  const lent: [string, Record<string, string>, string[]][] = [
    [
      "a monorepo: the lock at the root governs the folders below",
      { "packages/a/package.json": "{}" },
      ["node_modules", "packages/a/node_modules"],
    ],
    [
      "a folder without a lock of its own or above, by its manifest",
      { "package-lock.json": "", "tools/composer.json": "{}" },
      ["node_modules", "tools/vendor"],
    ],
    ["a virtual environment", { "requirements.txt": "pytest\n" }, [".venv", "node_modules"]],
  ]
  test.each(lent)("%s", async (_, files, folders) => {
    scratch = scratchRepo({ files: { ...PROJECT, ".gitignore": "node_modules\n.venv\nvendor\n", ...files } })
    for (const folder of folders) mkdirSync(join(scratch.root, folder), { recursive: true })
    for (const folder of folders) writeFileSync(join(scratch.root, folder, "mark"), "")
    const { workspaces } = await workspacesFor(scratch)
    await using checkout = await workspaces.checkout("main", "verify", signal)
    const found = await inside(checkout, "find . -name mark | sort")
    if (sandbox.kind.is === "bubblewrap")
      expect(found.stdout.trim().split("\n")).toEqual(folders.map((folder) => `./${folder}/mark`))
  })

  test("a virtual environment finds itself, and what is installed in place is the checkout's, not the user's", async () => {
    if (sandbox.kind.is === "none") return
    scratch = scratchRepo({
      files: { "requirements.txt": "", ".gitignore": ".venv\n", "src/where.txt": "from the tree" },
    })
    scratch.write(".venv/bin/tool", `#!${scratch.root}/.venv/bin/sh\ncat ${scratch.root}/src/where.txt\n`)
    symlinkSync("/bin/sh", join(scratch.root, ".venv/bin/sh"))
    statSync(join(scratch.root, ".venv/bin/tool"))
    await run(["chmod", "+x", join(scratch.root, ".venv/bin/tool")], { cwd: "/", env: { PATH: "/usr/bin:/bin" } })
    scratch.write("src/where.txt", "from the user's dirty checkout")
    const { workspaces } = await workspacesFor(scratch)
    await using checkout = await workspaces.checkout("main", "verify", signal)
    expect((await inside(checkout, ".venv/bin/tool")).stdout).toBe("from the tree")
  })

  test("without a sandbox they are copies: nobody's writes reach the user's folder", async () => {
    scratch = scratchRepo({ files: PROJECT })
    for (const name of ["one", "two"]) scratch.write(`node_modules/${name}/index.js`, "original")
    const { workspaces } = await workspacesFor(scratch, { sandbox: false })
    const none = await detectSandbox({ home: scratch.home, disabled: true })
    for (const round of [1, 2]) {
      await using checkout = await workspaces.checkout("main", `verify-${round}`, signal)
      expect(checkout.binds).toEqual([])
      const ran = await inside(
        checkout,
        "ls node_modules; echo changed > node_modules/one/index.js; rm -r node_modules/two; mkdir node_modules/.cache",
        none,
      )
      expect(ran.stdout).toBe("one\ntwo\n")
    }
    expect(readFileSync(join(scratch.root, "node_modules/one/index.js"), "utf8")).toBe("original")
    expect(readdirSync(join(scratch.root, "node_modules"))).toEqual(["one", "two"])
  })

  test("what nobody has installed, the hook installs, once for the same lock files", async () => {
    scratch = scratchRepo({ files: PROJECT })
    const hook = "mkdir -p node_modules/dep && echo installed > node_modules/dep/index.js"
    const { workspaces, told } = await workspacesFor(scratch, { afterIsolate: hook })
    for (const _ of [1, 2]) {
      await using checkout = await workspaces.checkout("main", "verify", signal)
      expect((await inside(checkout, "cat node_modules/dep/index.js; git status --porcelain")).stdout).toBe(
        "installed\n",
      )
    }
    expect(told).toEqual([`installing dependencies: ${hook}`])
  })
})

describe("hooks.after_isolate", () => {
  test("runs once in the new workspace, with its own HOME, and what it makes is there for the maker", async () => {
    scratch = scratchRepo({ files: PROJECT })
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const hooks = { afterIsolate: "mkdir node_modules && echo once >> node_modules/count && touch $HOME/x" }
    const first = await workspaces.open("c1", base.sha, undefined, hooks, signal)
    const again = await workspaces.open("c1", base.sha, undefined, hooks, signal)
    expect(readFileSync(join(first.path, "node_modules/count"), "utf8")).toBe("once\n")
    expect(again.binds).toEqual([])
    expect(await workspaces.capture(again, "Nothing", signal)).toMatchObject({ is: "nothing" })
  })

  test("one that fails is nobody's change: a Failure of the infrastructure, with the end of its output; mended, it runs again", async () => {
    scratch = scratchRepo()
    const { workspaces } = await workspacesFor(scratch)
    const base = await workspaces.base(signal)
    const open = (afterIsolate: string) => workspaces.open("c1", base.sha, undefined, { afterIsolate }, signal)
    await expect(open("echo no such registry >&2; exit 4")).rejects.toMatchObject({
      code: "HOOK_FAILED",
      message: expect.stringContaining("no such registry"),
      retry: "later",
      facts: { class: "infrastructure", how: "exit 4" },
    })
    await expect(open("echo fine")).resolves.toMatchObject({ change: "c1" })
  })
})
