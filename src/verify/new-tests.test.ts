import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { Measurement, TestResult } from "../core/evidence.ts"
import type { CheckSpec } from "../core/loop.ts"
import { judgeAgain } from "./again.ts"
import { readFacts, withOverlay } from "./change-facts.ts"
import { gateFiles } from "./gate-scripts/named.ts"
import { measureBoth, testsOf } from "./judge-check.ts"
import { asSeenApart } from "./new-tests.ts"
import { overlayTree } from "./overlay.ts"
import { type Files, openTestRepo, testProber, toolModules } from "./testing.ts"

const { signal } = new AbortController()
const guardrails = {
  maxIterations: 3,
  budget: {},
  haltOn: { noProgress: 2, sameError: 3 },
  timeoutMs: 1,
  silenceMs: 1,
  reviewWip: 3,
  maxDiff: { files: 10, lines: 400 },
  maxFindings: 10,
  protect: [],
}

/** What a check says of a change from one set of files to another. */
async function judged(run: string, base: Files, head: Files, modules?: string) {
  using repo = openTestRepo(base)
  const check: CheckSpec = { name: "tests_pass", kind: "tests", run, timeoutMs: 60_000, from: "package.json" }
  const commit = repo.git("rev-parse", "HEAD")
  const changed = repo.commit(head)
  const subject = { head: changed, base: commit, tree: repo.git("rev-parse", `${changed}^{tree}`) }
  const where = { repo: repo.repo, subject, signal }
  const { measureTree } = testProber(repo.repo, modules)
  const facts = await readFacts(where, undefined, guardrails, { checks: [], find: gateFiles })
  const known = await withOverlay(facts, where, { checks: [check], measureTree, overlayTree })
  const sides = { measureTree, subject, overlay: known.overlay, signal }
  return { overlay: known.overlay, evidence: await judgeAgain(await measureBoth(check, sides), undefined, sides) }
}

const jsTest = (body: string) => `const assert = require("node:assert")\nconst lib = require("../lib.js")\n${body}\n`
const mochaBase = {
  "package.json": "{}",
  "lib.js": "exports.add = (a, b) => a + b\n",
  "test/b.js": jsTest(`it("adds", () => assert.equal(lib.add(1, 2), 3))`),
}
const pythonBase = {
  "lib.py": "def add(a, b):\n    return a + b\n",
  "tests/test_b.py": "import lib\ndef test_add():\n    assert lib.add(1, 2) == 3\n",
  "pytest.ini": "[pytest]\npythonpath = .\n",
}
const goBase = {
  "go.mod": "module example.com/p\n\ngo 1.19\n",
  "lib.go": "package p\n\nvar Add = func(a, b int) int { return a + b }\n",
  "lib_test.go": `package p\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("no")\n\t}\n}\n`,
}
const onPath = (name: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, name)))

test.skipIf(!existsSync(join(toolModules, "mocha")))(
  "T3: in mocha a new test file can't turn a test of the base green by patching what it tests",
  async () => {
    const head = {
      ...mochaBase,
      "lib.js": "exports.add = (a, b) => a - b\n",
      "test/a.js": jsTest(`lib.add = (a, b) => a + b\nit("is new", () => {})`),
    }
    const { evidence } = await judged("mocha", mochaBase, head, toolModules)
    expect(evidence).toMatchObject({ outcome: "fail", failing: ["test/b.js > adds"] })
    expect(evidence.feedback).toContain("Without the test files that the change adds")
  },
)

test.skipIf(!existsSync(join(toolModules, "mocha")))(
  "new tests run, and the base's must stay green beside them",
  async () => {
    const good = { ...mochaBase, "test/c.js": jsTest(`it("adds more", () => assert.equal(lib.add(2, 2), 4))`) }
    const { evidence, overlay } = await judged("mocha", mochaBase, good, toolModules)
    expect(evidence).toMatchObject({ outcome: "pass", ran: 2 })
    expect(overlay.withoutNewTests?.removed).toEqual(["test/c.js"])
    const breaks = { ...mochaBase, "test/a.js": jsTest(`lib.add = () => 0\nit("is new", () => {})`) }
    expect((await judged("mocha", mochaBase, breaks, toolModules)).evidence).toMatchObject({
      outcome: "fail",
      class: "code",
    })
  },
)

test.skipIf(!onPath("pytest"))("T3: in pytest a new test file can't patch what the base's tests test", async () => {
  const head = {
    ...pythonBase,
    "lib.py": "def add(a, b):\n    return a - b\n",
    "tests/test_a.py": "import lib\nlib.add = lambda a, b: a + b\ndef test_new():\n    pass\n",
  }
  const { evidence } = await judged("python3 -m pytest", pythonBase, head)
  expect(evidence).toMatchObject({ outcome: "fail", failing: ["tests/test_b.py > test_add"] })
})

test.skipIf(!onPath("go"))("T3: in go a new test file can't patch what the base's tests test", async () => {
  const head = {
    ...goBase,
    "lib.go": goBase["lib.go"].replace("a + b", "a - b"),
    "new_test.go": "package p\n\nfunc init() { Add = func(a, b int) int { return a + b } }\n",
  }
  const { evidence } = await judged("go test ./...", goBase, head)
  expect(evidence).toMatchObject({ outcome: "fail", failing: ["example.com/p > TestAdd"] })
})

test.skipIf(!onPath("pytest"))(
  "a test file that moves to another folder does not collide with the base's copy of it",
  async () => {
    const more = "\ndef test_none():\n    assert lib.add(0, 0) == 0\n"
    const { "tests/test_b.py": text, ...rest } = pythonBase
    const moved = { ...rest, "tests/sums/test_b.py": text + more }
    expect((await judged("python3 -m pytest", pythonBase, moved)).evidence).toMatchObject({ outcome: "pass", ran: 3 })
  },
)

test("T3: of a file that moved, the base's own copies must pass as well", () => {
  const measured = (tests: TestResult[]): Measurement => ({
    check: "c",
    tree: "t",
    command: "c",
    result: { is: "report", report: { kind: "tests", tests } },
    exitCode: 0,
    ms: 1,
    sandboxed: false,
    definition: "base",
    cached: false,
  })
  const one = (file: string, status: TestResult["status"]): TestResult => ({
    id: `${file} > x`,
    file,
    name: "x",
    status,
  })
  const [base, alone, beside] = [[one("b", "passed")], [one("b", "failed")], [one("c/b", "passed")]].map(measured)
  if (base === undefined || alone === undefined || beside === undefined) throw new Error("three")
  expect(testsOf(asSeenApart(base, alone, beside, ["b"]))).toEqual([one("c/b", "passed"), one("b", "failed")])
  expect(testsOf(asSeenApart(base, alone, beside, []))).toEqual([one("c/b", "passed")])
})

test.skipIf(!onPath("go"))(
  "a Go test that moves to a file of its own does not collide with the base's copy of it",
  async () => {
    const more = goBase["lib_test.go"].replace("TestAdd", "TestOther")
    const base = { ...goBase, "lib_test.go": `${goBase["lib_test.go"]}\n${more.slice(more.indexOf("func"))}` }
    const head = { ...goBase, "other_test.go": more }
    expect((await judged("go test ./...", base, head)).evidence).toMatchObject({ outcome: "pass", ran: 2 })
  },
)

test("T3: where an exit code is all there is, a new test file can't end the run well", async () => {
  const base = {
    "check.sh": "set -e\nfor each in test/*.sh; do . ./$each; done\n",
    "lib.sh": "echo no\n",
    "test/b.sh": '[ "$(sh lib.sh)" = yes ]\n',
  }
  const head = { ...base, "lib.sh": "echo nothing\n", "test/a.sh": "exit 0\n" }
  const { evidence } = await judged("sh check.sh", base, head)
  expect(evidence.outcome).not.toBe("pass")
})

test("a new file that the change's source itself brings in is no mere test of it", async () => {
  const base = {
    "package.json": `{"type":"module"}`,
    "src/a.js": "export const a = 1\n",
    "a.test.js": `import test from "node:test"\nimport "./src/a.js"\ntest("a", () => {})\n`,
  }
  const head = { ...base, "src/a.js": `export { a } from "../test/one.js"\n`, "test/one.js": "export const a = 1\n" }
  const { evidence, overlay } = await judged("node --test a.test.js", base, head)
  expect(overlay.withoutNewTests).toBeUndefined()
  expect(evidence.outcome).toBe("pass")
})
