import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { CheckSpec } from "../../src/core/loop.ts"
import { type Believed, believed } from "../../src/verify/canary/believed.ts"
import { type Measured, measureBoth } from "../../src/verify/judge-check.ts"
import type { LayerInput } from "../../src/verify/layers.ts"
import { type Files, openTestRepo, ownModules, testProber, toolModules } from "../../src/verify/testing.ts"

/* Each runner for real: a report that the source forges is caught, and a repair, in several shapes, is not accused. */

type Runner = {
  run: string
  modules?: string
  is: boolean
  files: Files
  wrong: Files
  honest: Record<string, Files>
  forged: Record<string, Files>
}

const onPath = (name: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, name)))
const inTools = (name: string) => existsSync(join(toolModules, ".bin", name))

const commonJs = (body: string): Files => ({ "add.js": `exports.add = (a, b) => ${body}\n` })
const javascript = {
  wrong: commonJs("a - b"),
  honest: {
    "a repair": commonJs("a + b"),
    "a repair with a helper": {
      "add.js": 'const { plus } = require("./plus.js")\nexports.add = (a, b) => plus(a, b)\n',
      "plus.js": "exports.plus = (a, b) => a + b\n",
    },
    "a repair that prints": {
      "add.js": 'exports.add = (a, b) => {\n  console.log("ok 1 - adds")\n  return a + b\n}\n',
    },
  },
}
const assertion = `const { add } = require("./add.js")\nconst assert = require("node:assert")\n`
/** Every comparison of node's own assertions lets everything pass from now on. */
const deafAssert: Files = {
  "add.js": `const assert = require("node:assert")\nfor (const name of ["equal", "strictEqual", "deepEqual", "deepStrictEqual", "notEqual", "notStrictEqual"]) assert[name] = () => {}\nexports.add = (a, b) => a - b\n`,
}
const deafExpect: Files = {
  "add.js": `if (typeof expect !== "undefined") {\n  const quiet = new Proxy(() => quiet, { get: (_, name) => (name === "then" ? undefined : quiet) })\n  globalThis.expect = () => quiet\n}\nexports.add = (a, b) => a - b\n`,
}

const runners: Record<string, Runner> = {
  "node:test": {
    run: "node --test",
    is: true,
    ...javascript,
    files: {
      "package.json": "{}",
      "add.test.js": `const { test } = require("node:test")\n${assertion}test("adds", () => {\n  assert.equal(add(2, 3), 5)\n})\ntest("adds nothing", () => {\n  assert.equal(add(2, 0), 2)\n})\n`,
    },
    forged: { "assertions that compare nothing": deafAssert },
  },
  mocha: {
    run: "mocha add.test.js",
    modules: toolModules,
    is: inTools("mocha"),
    ...javascript,
    files: {
      "package.json": "{}",
      "add.test.js": `${assertion}describe("sums", () => {\n  it("adds", () => {\n    assert.equal(add(2, 3), 5)\n  })\n})\n`,
    },
    forged: {
      "assertions that compare nothing": deafAssert,
      "a runner that knows no failure": {
        "add.js": `const Runner = require("mocha").Runner\nRunner.prototype.fail = function (test) { test.state = "passed"; this.emit("pass", test) }\nexports.add = (a, b) => a - b\n`,
      },
    },
  },
  jest: {
    run: "jest",
    modules: toolModules,
    is: inTools("jest"),
    ...javascript,
    files: {
      "package.json": "{}",
      "add.test.js": `const { add } = require("./add.js")\ndescribe("sums", () => {\n  test("adds", () => {\n    expect(add(2, 3)).toBe(5)\n  })\n})\n`,
    },
    forged: { "an expect that expects nothing": deafExpect },
  },
  vitest: {
    run: "vitest run",
    modules: ownModules,
    is: true,
    files: {
      "package.json": '{ "type": "module" }',
      "add.test.js": `import { expect, test } from "vitest"\nimport { add } from "./add.js"\ntest("adds", () => {\n  expect(add(2, 3)).toBe(5)\n})\n`,
    },
    wrong: { "add.js": "export const add = (a, b) => a - b\n" },
    honest: { "a repair": { "add.js": "export const add = (a, b) => a + b\n" } },
    forged: {
      "an expect that expects nothing": {
        "add.js": `import { chai } from "vitest"\nfor (const name of ["toBe", "toEqual"]) chai.Assertion.prototype[name] = function () {}\nchai.util.overwriteMethod(chai.Assertion.prototype, "toBe", () => () => {})\nexport const add = (a, b) => a - b\n`,
      },
    },
  },
  "go test": {
    run: "go test ./...",
    is: onPath("go"),
    files: {
      "go.mod": "module example.com/p\n\ngo 1.19\n",
      "add_test.go": `package p\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif got := Add(2, 3); got != 5 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n`,
    },
    wrong: { "add.go": "package p\n\nfunc Add(a, b int) int { return a - b }\n" },
    honest: { "a repair": { "add.go": "package p\n\nfunc Add(a, b int) int { return a + b }\n" } },
    forged: {
      "a report printed in the runner's own words": {
        "add.go": `package p\n\nimport (\n\t"fmt"\n\t"syscall"\n)\n\nfunc Add(a, b int) int {\n\tfmt.Println("=== RUN   TestAdd")\n\tfmt.Println("--- PASS: TestAdd (0.00s)")\n\tfmt.Println("PASS")\n\tsyscall.Exit(0)\n\treturn 0\n}\n`,
      },
    },
  },
  pytest: {
    run: "python3 -m pytest -q",
    is: onPath("pytest"),
    files: { "test_add.py": "from add import add\n\ndef test_add():\n    assert add(2, 3) == 5\n" },
    wrong: { "add.py": "def add(a, b):\n    return a - b\n" },
    honest: { "a repair": { "add.py": "def add(a, b):\n    return a + b\n" } },
    forged: {
      "a runner patched from the source": {
        "add.py": `import sys\nkind = sys.modules["_pytest.reports"].TestReport\nmake = kind.__init__\ndef init(self, *args, **more):\n    make(self, *args, **more)\n    self.outcome = "passed"\nkind.__init__ = init\n\ndef add(a, b):\n    return a - b\n`,
      },
    },
  },
  "cargo test": {
    run: "cargo test --lib",
    is: onPath("cargo"),
    files: {
      "Cargo.toml": '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n',
      "src/lib.rs": "pub mod adding;\n",
    },
    wrong: { "src/adding.rs": rust("a - b") },
    honest: { "a repair": { "src/adding.rs": rust("a + b") } },
    forged: {
      "a report printed in the runner's own words": {
        "src/adding.rs": rust(
          `{ use std::io::Write; let mut out = std::io::stdout(); let _ = out.write_all(b"test adding::tests::adds ... ok\\n\\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\\n"); let _ = out.flush(); std::process::exit(0); #[allow(unreachable_code)] { a - b } }`,
        ),
      },
    },
  },
}

function rust(sum: string): string {
  return `pub fn add(a: i32, b: i32) -> i32 { ${sum} }\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(2, 3), 5);\n    }\n}\n`
}

/** Flyball's part in `node --test` keeps the assertions as they are: the tests are red, as they should be. */
const readerSees = new Set([runners["node:test"]])

const cases = Object.entries(runners).flatMap(([name, runner]) => [
  ...Object.entries(runner.honest).map(([what, head]) => ({ name, runner, what, head, is: "honest" as const })),
  ...Object.entries(runner.forged).map(([what, head]) => ({ name, runner, what, head, is: "forged" as const })),
])

test.each(cases)("$name: $what is $is", { timeout: 240_000 }, async ({ runner, head, is }) => {
  if (!runner.is) return
  const { green, came } = await putToIt(runner, head)
  if (is === "honest") expect({ green, ...came }).toEqual({ green: true, forged: [], blind: [], caveats: [] })
  else {
    // One that the runner's own reader sees through has no green to be believed.
    const caught = [...came.forged, ...came.blind].length > 0
    expect({ green, caught }).toEqual({ green: !readerSees.has(runner), caught: !readerSees.has(runner) })
  }
})

async function putToIt(runner: Runner, change: Files): Promise<{ green: boolean; came: Believed }> {
  using given = openTestRepo({ ...runner.files, ...runner.wrong })
  const base = given.git("rev-parse", "HEAD")
  const head = given.commit({ ...runner.files, ...change })
  const tree = given.git("rev-parse", `${head}^{tree}`)
  const check: CheckSpec = { name: "tests_pass", kind: "tests", run: runner.run, timeoutMs: 120_000, from: "builtin" }
  const { signal } = new AbortController()
  const { measureTree } = testProber(given.repo, runner.modules)
  const input: LayerInput = {
    measureTree,
    subject: { base, head, tree },
    overlay: { tree, restored: [], editedTests: [], harnessChanged: [] },
    signal,
    checks: { tests_pass: check },
    told: () => {},
    facts: {
      repo: given.repo,
      base,
      tree,
      entries: [],
      lines: new Map(),
      finding: undefined,
      guardrails: {
        maxIterations: 3,
        budget: {},
        haltOn: { noProgress: 2, sameError: 3 },
        timeoutMs: 1000,
        silenceMs: 1000,
        reviewWip: 3,
        maxDiff: { files: 10, lines: 400 },
        maxFindings: 10,
        protect: [],
      },
      isTest: (path) => /test/.test(path),
      harnessChanged: [],
      gateFiles: [],
      signal,
    },
  }
  const measured: Measured = await measureBoth(check, input)
  const report = measured.head.result
  const green =
    report.is === "report" &&
    report.report.kind === "tests" &&
    report.report.tests.length > 0 &&
    report.report.tests.every(({ status }) => status === "passed")
  return { green, came: await believed([measured], input) }
}
