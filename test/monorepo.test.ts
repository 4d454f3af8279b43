import { execFileSync } from "node:child_process"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { RunReport } from "../src/engine/report.ts"
import { git } from "../src/lib/git.ts"
import { readChanges } from "../src/record/ledger.ts"
import { flyball } from "./flyball-cli.ts"
import { look, only, type Ran, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

/* A monorepo of two packages, each with a failing test and a loop of its own that says `path`. All of it is real. */

sharedHome()

const testOf = (name: string, sum: number) =>
  `import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { add } from "../src/add.js"\nimport { unit } from "@mono/unit"\ntest("${name} adds", () => assert.equal(add(${sum - 1}, unit), ${sum}))\ntest("${name} loads", () => assert.equal(typeof add, "function"))\n`

const member = (name: string, sum: number): Record<string, string> => ({
  [`packages/${name}/package.json`]: `{ "name": "@mono/${name}", "type": "module", "scripts": { "test": "node --test" } }\n`,
  [`packages/${name}/src/add.js`]: "export const add = (a, b) => a - b\n",
  [`packages/${name}/test/add.test.js`]: testOf(name, sum),
})

/** A script in the place of an agent; it starts in the loop's folder. */
const implementer = (command: string) =>
  `---\nname: implementer\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}\n---\n`
const fixes = "printf 'export const add = (a, b) => a + b\\n' > src/add.js"

const loopOf = (
  name: string,
  path: string,
  more = "",
  check = "tests_pass AND diff_reasonable AND fix_is_proved",
) => `name: ${name}
path: ${path}
${more}
steps:
  - discover: { run: failing_tests, write_to: state/${name}.md }
  - act: { for_each: finding in state/${name}.md, spawn: implementer(finding) }
  - verify: { check: ${check} }
  - ship: { if: verified, run: open_pr }
guardrails: { max_iterations: 2, budget: $5/run }
`

/** The workspace with its dependencies installed as npm would: hoisted, and members as links. */
async function monorepo(maker: string, files: Record<string, string> = {}): Promise<SmallRepo> {
  const repo = await smallRepo({
    "package.json": '{ "private": true, "workspaces": ["packages/*"] }\n',
    ".gitignore": "node_modules/\n",
    ...member("a", 5),
    ...member("b", 7),
    "packages/unit/package.json": '{ "name": "@mono/unit", "type": "module", "exports": "./index.js" }\n',
    "packages/unit/index.js": "export const unit = 1\n",
    ".flyball/agents/implementer.md": implementer(maker),
    ".flyball/loops/a.yaml": loopOf("a", "packages/a"),
    ".flyball/loops/b.yaml": loopOf("b", "./packages/b/"),
    ...files,
  })
  await mkdir(join(repo.root, "node_modules/@mono"), { recursive: true })
  for (const name of ["a", "b", "unit"])
    await symlink(`../../packages/${name}`, join(repo.root, "node_modules/@mono", name))
  return repo
}

const run = (repo: SmallRepo, loop: string) => runFix(repo, { loop, signal: AbortSignal.timeout(150_000) })

/** The files of the one proposal, and all that its evidence says. */
async function shipped(repo: SmallRepo, ran: Pick<Ran, "report" | "said"> | undefined) {
  if (ran === undefined) throw new Error("no run")
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({ outcome: "proposed" })
  const files = await git(["diff", "--name-only", "main", `flyball/${view.id}`], { cwd: repo.remote })
  return { view, files: files.trim().split("\n"), evidence: JSON.stringify(view.attempts.at(-1)) }
}

describe("a loop with a `path`", () => {
  test("mends its own package's test, leaves the other one alone, and ships", { timeout: 180_000 }, async () => {
    const maker = `set -e; test "$(basename "$PWD")" = a; test -f ../b/src/add.js; test -d "$FLYBALL_ROOT/packages/unit"; ${fixes}`
    await using repo = await monorepo(maker, {
      ".flyball/loops/a.yaml": loopOf("a", "packages/a", 'setup: test "$(basename "$PWD")" = a && touch was-here'),
      "packages/a/.gitignore": "was-here\n",
      "packages/a/AGENTS.md": "Add, do not subtract.\n",
    })
    const ran = await run(repo, "a")
    const { view, files, evidence } = await shipped(repo, ran)
    expect(view.title).toBe("a adds")
    expect(files).toEqual(["packages/a/src/add.js"])
    expect(evidence).toContain("fix_is_proved")
    expect(ran.said.join("\n")).not.toContain("b adds")
    const seen = await look(repo, async ({ db, repo: { key } }) =>
      JSON.stringify(await readChanges(db, { repo: key, loop: "a" })),
    )
    expect(seen).toContain("packages/a: npm test → node --test")
    expect(seen).toContain("packages/a/test/add.test.js > a adds")
  })

  test("refuses a change to another package, and says so to the maker, who mends it", {
    timeout: 180_000,
  }, async () => {
    const strays = `echo 'export const unit = 2' > ../unit/index.js`
    const maker = `${fixes}; if [ -z "$FLYBALL_FEEDBACK" ]; then ${strays}; else grep -q 'packages/unit/index.js (outside of packages/a' "$FLYBALL_FEEDBACK" && printf 'export const unit = 1\\n' > ../unit/index.js; fi`
    await using repo = await monorepo(maker)
    const { view, files } = await shipped(repo, await run(repo, "a"))
    expect(view.attempts).toHaveLength(2)
    expect(JSON.stringify(view.attempts[0])).toContain(
      "packages/unit/index.js (outside of packages/a, where this loop works)",
    )
    expect(files).toEqual(["packages/a/src/add.js"])
  })

  test("two loops at the same time, one for each package, don't disturb one another", {
    timeout: 180_000,
  }, async () => {
    await using repo = await monorepo(fixes)
    const runs = await Promise.all(["a", "b"].map((loop) => flyball(repo.root, ["run", loop, "--json"]).ended))
    const [a, b] = runs.map(({ stdout, stderr }) => ({ report: RunReport.parse(JSON.parse(stdout)), said: [stderr] }))
    expect((await shipped(repo, a)).files).toEqual(["packages/a/src/add.js"])
    expect((await shipped(repo, b)).files).toEqual(["packages/b/src/add.js"])
  })

  test("is refused before anything is recorded where the base has no such folder", async () => {
    await using repo = await monorepo(fixes)
    await writeFile(join(repo.root, ".flyball/loops/c.yaml"), loopOf("c", "packages/c"))
    await expect(run(repo, "c")).rejects.toMatchObject({ code: "PATH_NOT_ON_BASE" })
    const runs = await look(repo, ({ db }) => db.selectFrom("run").select("id").where("loop", "=", "c").execute())
    expect(runs).toEqual([])
  })
})

function hasPytest(): boolean {
  try {
    execFileSync("python3", ["-m", "pytest", "--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

test.skipIf(!hasPytest())(
  "a Python package beside JavaScript ones (pytest is needed)",
  { timeout: 180_000 },
  async () => {
    await using repo = await monorepo(
      `grep -q twice src_b.py && printf 'def twice(n):\\n    return n * 2\\n' > src_b.py`,
      {
        "services/py/pyproject.toml": '[project]\nname = "py"\nversion = "1"\n',
        "services/py/src_b.py": "def twice(n):\n    return n + 2\n",
        "services/py/tests/test_twice.py":
          "from src_b import twice\n\ndef test_twice():\n    assert twice(4) == 8\n\ndef test_two():\n    assert twice(2) == 4\n",
        ".flyball/loops/py.yaml": loopOf("py", "services/py", "", "tests_pass AND diff_reasonable"),
      },
    )
    const { view, files, evidence } = await shipped(repo, await run(repo, "py"))
    expect(view.title).toBe("test_twice")
    expect(files).toEqual(["services/py/src_b.py"])
    expect(evidence).toContain("tests_pass")
  },
)
