import { execFileSync } from "node:child_process"
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { init } from "../src/cli/commands/init.ts"
import type { Terminal } from "../src/cli/terminal.ts"
import { type DoctorItem, examine } from "../src/engine/commands/doctor.ts"
import { InitReport, planInit, writeInit } from "../src/engine/commands/init.ts"
import { loadHere } from "../src/engine/load.ts"
import { openRepo } from "../src/isolate/repo.ts"
import { sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()
const outer = { path: process.env.PATH, cwd: process.cwd() }
let repo: SmallRepo

// What is installed is part of what is asked: the machine's own agents and linters are not.
beforeEach(() => {
  process.env.PATH = `${join(process.execPath, "..")}:/usr/bin:/bin`
})
afterEach(async () => {
  process.env.PATH = outer.path
  process.chdir(outer.cwd)
  await repo?.[Symbol.asyncDispose]()
})

const broken = {
  "package.json": '{ "type": "module", "scripts": { "test": "node --test" } }\n',
  "add.js": "export const add = (a, b) => a - b\n",
  "add.test.js": `import assert from "node:assert/strict"
import { test } from "node:test"
import { add } from "./add.js"

test("two and two is four", () => assert.equal(add(2, 2), 4))
`,
}

/** Runs the command as somebody would who pipes it: never asked, results on stdout. */
async function run(options: Parameters<typeof init>[1] = {}, json = false) {
  const said = { out: "", err: "" }
  const { default: pc } = await import("picocolors")
  const terminal: Terminal = {
    json,
    color: pc.createColors(false),
    interactive: false,
    columns: 100,
    out: (text) => {
      said.out += `${text}\n`
    },
    err: (text) => {
      said.err += `${text}\n`
    },
  }
  process.chdir(repo.root)
  const exitCode = await init(terminal, options)
  return { exitCode, ...said }
}

const read = (path: string) => readFile(join(repo.root, path), "utf8")
const git = (...args: string[]) => execFileSync("git", args, { cwd: repo.root, encoding: "utf8" })

test("what can't be measured is taken out of the loop that was just written, and said", async () => {
  const script = '{ "scripts": { "test": "node --test", "lint": "node lint.cjs && eslint ." } }\n'
  repo = await smallRepo({
    "package.json": script,
    "lint.cjs": "process.exit(2)",
    "a.test.js": 'require("node:test")("a", () => {})',
  })
  const { out } = await run({}, true)
  const report = InitReport.parse(JSON.parse(out))
  const text = await read(".flyball/loops/daily-triage.yaml")
  expect(text).toContain("# lint_clean is left out: it can't be measured here (")
  expect(text).toContain("check: tests_pass AND diff_reasonable")
  expect(report.notes.join("\n")).toContain("lint_clean was taken out of the loop")
  const { diagnostics } = await loadHere(await openRepo(repo.root, home.path), ".flyball/loops/daily-triage.yaml")
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
}, 60_000)

test("a repository whose remote can't be reached is not ready, and its empty submodules are told of", async () => {
  repo = await smallRepo(broken)
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always", ...args], {
      cwd: repo.root,
      stdio: "pipe",
    })
  git("submodule", "--quiet", "add", repo.remote, "lib")
  git("commit", "--quiet", "-m", "lib")
  git("push", "--quiet", "origin", "main")
  git("submodule", "--quiet", "deinit", "--force", "lib")
  await rm(join(repo.root, ".git", "modules"), { recursive: true, force: true })
  const told = await examine(repo.root, AbortSignal.timeout(60_000))
  expect(told.items.filter(({ name }) => name === "workspaces")).toMatchObject([
    { state: "lacking", says: expect.stringMatching(/submodule lib is empty in every workspace/) },
  ])
  git("remote", "set-url", "origin", join(repo.folder, "gone.git"))
  const { items, readiness } = await examine(repo.root, AbortSignal.timeout(60_000))
  expect(items.find(({ name }) => name === "remote")).toMatchObject({ state: "missing" })
  expect(readiness).toMatchObject({ is: "not_yet", says: expect.stringMatching(/^remote: /) })
}, 60_000)

describe("init", () => {
  test("without any agent it writes a loop, finds what is there, and names the way out", async () => {
    repo = await smallRepo(broken)
    const { exitCode, out, err } = await run()
    expect(exitCode).toBe(0)
    expect(err).toContain("none installed that Flyball can run")
    expect(err).toContain("tests_pass  npm test (package.json)")
    expect(out).toContain("There is work here: 1 finding")
    expect(out).toContain("two and two is four")
    expect(out).toContain("flyball init --agent")
    expect(git("status", "--porcelain")).toBe("?? .flyball/\n")
    expect(await read(".flyball/.gitignore")).toContain("\nstate/\n")
  })

  test("the loop it writes validates without errors, with nobody and with somebody to make the changes", async () => {
    repo = await smallRepo(broken)
    await writeInit(await planInit(repo.root, undefined))
    const here = await openRepo(repo.root, home.path)
    const nobody = await loadHere(here, ".flyball/loops/daily-triage.yaml")
    expect(nobody.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
      ["AGENT_NOT_INSTALLED", "warning"],
    ])
    await writeInit(await planInit(repo.root, "sed -i 's/a - b/a + b/' add.js"))
    const { loop, diagnostics } = await loadHere(here, ".flyball/loops/daily-triage.yaml", { strict: true })
    expect(diagnostics).toEqual([])
    expect(loop?.agents.implementer).toMatchObject({ use: "command", command: "sed -i 's/a - b/a + b/' add.js" })
  })

  test("a second one overwrites nothing, says so, and takes the maker that the first one lacked", async () => {
    repo = await smallRepo(broken)
    await run()
    await writeFile(join(repo.root, ".flyball/loops/daily-triage.yaml"), "name: mine\nsteps: []\n")
    const second = await run()
    expect(second).toMatchObject({ exitCode: 0, out: expect.stringContaining("Nothing was written: .flyball/loops/") })
    const third = await run({ agent: "true" })
    expect(third.err).toContain("wrote .flyball/agents/implementer.md")
    expect(third.out).toContain("stays as it is")
    const fourth = await run({ agent: "false" })
    expect(fourth.out).toContain(".flyball/agents/implementer.md are here already")
    expect(await read(".flyball/agents/implementer.md")).toContain('command: "true"')
    expect(await read(".flyball/loops/daily-triage.yaml")).toBe("name: mine\nsteps: []\n")
  })

  test("--json prints the documented shape and nothing else", async () => {
    repo = await smallRepo({ ...broken, ".github/workflows/ci.yml": "on: push\n" })
    const { out, err } = await run({ agent: "true" }, true)
    expect(err).toBe("")
    expect(InitReport.parse(JSON.parse(out))).toMatchObject({
      repo: repo.root,
      ci: ["GitHub Actions"],
      checks: [{ name: "tests_pass", run: "npm test", from: "package.json" }],
      written: [".flyball/loops/daily-triage.yaml", ".flyball/.gitignore", ".flyball/agents/implementer.md"],
      kept: [],
      found: 1,
      findings: [{ title: "two and two is four", source: "failing_tests", severity: "high" }],
    })
  })

  test("what is not installed here is said to be that, beside the findings it makes", async () => {
    repo = await smallRepo({ ...broken, "other.test.js": 'import "no-such-package"\n' })
    const { out } = await run()
    expect(out).toContain("modules that are not installed here")
  })

  test("from a folder inside the repository it writes at the root", async () => {
    repo = await smallRepo({ ...broken, "a/b/c.txt": "" })
    const plan = await planInit(join(repo.root, "a/b"), undefined)
    await writeInit(plan)
    expect(await read(".flyball/loops/daily-triage.yaml")).toContain("name: daily-triage")
  })

  const loops: [string, Record<string, string>, string[], string[]][] = [
    [
      "a linter that is not installed is left out, and said",
      { "pyproject.toml": "[tool.ruff]\n[tool.mypy]\n", "setup.sh": "" },
      ["# lint_clean is left out: ruff is not installed here"],
      ["lint_clean AND"],
    ],
    [
      "tests of two languages are found and judged by both",
      { ...broken, "pytest.ini": "", "test_a.py": "" },
      ["failing_tests(tests_pass_python)", "check: tests_pass AND tests_pass_python AND diff_reasonable"],
      [],
    ],
    [
      "no checks at all: it says what the proposal rests on",
      { "README.md": "" },
      ["# No tests, lint or types were found here", "check: diff_reasonable"],
      [],
    ],
    [
      "of two lock files, the package manager's that the project names",
      {
        "package.json": '{ "packageManager": "npm@10.0.0", "dependencies": { "a": "1" } }',
        "pnpm-lock.yaml": "",
        "package-lock.json": "{}",
      },
      ["setup: npm ci --prefer-offline"],
      ["pnpm install"],
    ],
  ]
  test.each(loops)("%s", async (_, files, has, hasNot) => {
    repo = await smallRepo(files)
    const plan = await planInit(repo.root, undefined)
    const text = plan.files.find(({ path }) => path.endsWith(".yaml"))?.text
    for (const line of has) expect(text).toContain(line)
    for (const line of hasNot) expect(text).not.toContain(line)
    await writeInit(plan)
    const { diagnostics } = await loadHere(plan.repo, ".flyball/loops/daily-triage.yaml")
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  })

  test.each([
    ["AGENT_EMPTY", "  "],
    ["NOT_AVAILABLE_YET", "acp"],
  ])("%s: --agent %j is refused before anything is written", async (code, maker) => {
    repo = await smallRepo(broken)
    await expect(planInit(repo.root, maker)).rejects.toMatchObject({ name: "Failure", code })
  })

  test("a command whose program is not there is said at once", async () => {
    repo = await smallRepo(broken)
    const { notes } = await planInit(repo.root, "no-such-program --fix")
    expect(notes).toEqual(["`no-such-program` was not found: a run would stop there."])
  })

  test("where the checkout can't be written, it says what it wanted", async () => {
    repo = await smallRepo(broken)
    const plan = await planInit(repo.root, undefined)
    // A file where the folder should be: stands in the way of everybody, root included.
    await writeFile(join(repo.root, ".flyball"), "")
    await expect(writeInit(plan)).rejects.toMatchObject({ code: "CHECKOUT_NOT_WRITABLE" })
  })
})

describe("doctor", () => {
  const signal = () => AbortSignal.timeout(60_000)
  const byName = (items: readonly DoctorItem[]) => Object.fromEntries(items.map((item) => [item.name, item]))

  test("in a repository it looks at everything a run needs", async () => {
    repo = await smallRepo({ ...broken, "pyproject.toml": "[tool.ruff]\n" })
    const items = byName((await examine(repo.root, signal())).items)
    expect(items).toMatchObject({
      git: { state: "ok" },
      node: { state: "ok" },
      agents: { state: "lacking", advice: expect.stringContaining("--agent") },
      database: { state: "ok" },
      repository: { state: "ok", says: repo.root },
      remote: { state: "ok", says: expect.stringContaining("origin answers; main is at") },
      checks: { state: "lacking", says: expect.stringContaining("lint_clean (ruff is not installed") },
      loops: { state: "lacking", advice: expect.stringContaining("flyball init") },
    })
  })

  test("outside a repository that is said once, and keeps nothing from being looked at", async () => {
    repo = await smallRepo(broken)
    const { items } = await examine(repo.folder, signal())
    expect(items.map(({ name }) => name)).toEqual(["git", "node", "agents", "sandbox", "database", "repository"])
    expect(items.at(-1)).toMatchObject({ state: "lacking", says: expect.stringContaining("is in none") })
  })

  test("an installed agent is named with its version and its payer; a loop with mistakes is said to have them", async () => {
    repo = await smallRepo({ ...broken, ".flyball/loops/bad.yaml": "name: bad\nstpes: []\n" })
    const bin = join(repo.folder, "bin")
    await mkdir(bin)
    await writeFile(join(bin, "claude"), "#!/bin/sh\necho '2.1.3 (Claude Code)'\n")
    await chmod(join(bin, "claude"), 0o755)
    process.env.PATH = `${bin}:${process.env.PATH}`
    const keys = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
    for (const name of keys) vi.stubEnv(name, undefined)
    const unpaid = byName((await examine(repo.root, signal())).items)
    expect(unpaid.agents).toMatchObject({ state: "lacking", advice: expect.any(String) })
    vi.stubEnv("ANTHROPIC_API_KEY", "sk-test")
    const items = byName((await examine(repo.root, signal())).items)
    vi.unstubAllEnvs()
    expect(items.agents).toMatchObject({ state: "ok", says: "claude 2.1.3 (ANTHROPIC_API_KEY)" })
    expect(items.loops).toMatchObject({ state: "missing", says: expect.stringContaining("bad.yaml (has errors)") })
  })

  test("a remote that is gone is an error of the remote, and of nothing else", async () => {
    repo = await smallRepo(broken)
    await rm(repo.remote, { recursive: true })
    const { items } = await examine(repo.root, signal())
    expect(items.filter(({ state }) => state === "missing").map(({ name }) => name)).toEqual(["remote"])
  })
})
