import { existsSync } from "node:fs"
import { expect, test } from "vitest"
import { measureFiles, ownModules, told } from "../testing.ts"

/* The runners that are installed with Flyball itself, for real; the others are in test/slow/tools.test.ts. */

const vitestHead = `import { test, describe, expect } from "vitest"\n`
const vitest = (files: Record<string, string>, run = "vitest", timeoutMs = 60_000) =>
  measureFiles({ "package.json": `{"type":"module"}`, ...files }, { run, timeoutMs, modules: ownModules })

test("every result of vitest has a stable id; a file that does not import is a failed result", async () => {
  const measured = await vitest({
    "src/a.test.js": `${vitestHead}
describe("s", () => { test("ok", () => {}); test("bad", () => expect(1).toBe(2)); test.skip("skipped", () => {}); test.todo("later"); test.each([1, 1])("n %s", () => {}) })`,
    "b.test.js": `import "./nope.js"`,
    "c.test.js": `${vitestHead}test("exits", () => process.exit(0)); test("after", () => {})`,
  })
  expect(told(measured)).toEqual({
    "src/a.test.js > s > ok": "passed",
    "src/a.test.js > s > bad": "failed",
    "src/a.test.js > s > skipped": "skipped",
    "src/a.test.js > s > later": "todo",
    "src/a.test.js > s > n 1": "passed",
    "src/a.test.js > s > n 1 (2)": "passed",
    "b.test.js": "failed",
    "c.test.js > exits": "failed",
    "c.test.js > after": "passed",
  })
  expect(measured.command).toBe("vitest")
})

const ok = `${vitestHead}test("ok", () => {})`

test.each<[string, Record<string, string>, unknown]>([
  [
    "T2: no tests, with passWithNoTests",
    { "vitest.config.js": "export default { test: { passWithNoTests: true } }" },
    "ran_nothing",
  ],
  [
    "an error outside every test",
    { "a.test.js": `${vitestHead}test("ok", () => { setTimeout(() => { throw new Error("late") }, 1) })` },
    "crashed",
  ],
  ["process.exit(0) in the configuration", { "a.test.js": ok, "vitest.config.js": "process.exit(0)" }, "unfinished"],
  [
    "process.exit(0) in a global set-up",
    {
      "a.test.js": ok,
      "g.js": "export default () => process.exit(0)",
      "vitest.config.js": `export default { test: { globalSetup: "g.js" } }`,
    },
    "unfinished",
  ],
  [
    "a worker that ends itself",
    { "a.test.js": `${vitestHead}test("ok", () => { process.reallyExit(0) })` },
    expect.stringMatching(/crashed|unfinished/),
  ],
  [
    "a project's reporter and output file, and bail",
    {
      "a.test.js": `${vitestHead}test("one", () => expect(1).toBe(2)); test("two", () => {})`,
      "vitest.config.js": `export default { test: { reporters: ["dot"], outputFile: { json: "mine.json" }, bail: 1 } }`,
    },
    { "a.test.js > one": "failed", "a.test.js > two": "passed" },
  ],
])("vitest: %s", async (_, files, expected) => {
  expect(told(await vitest(files))).toEqual(expected)
})

test("vitest: a test that hangs is a time-out", async () => {
  const hangs = `${vitestHead}test("x", () => new Promise(() => {}), 0); setInterval(() => {}, 1000)`
  expect(told(await vitest({ "a.test.js": hangs }, "vitest", 4_000))).toBe("timeout")
})

test("a script of several commands: the other checker is one result, by its exit code", async () => {
  const files = {
    "package.json": JSON.stringify({ type: "module", scripts: { test: "tsc --noEmit && vitest run" } }),
    "tsconfig.json": `{ "compilerOptions": { "strict": true, "types": [] }, "files": ["a.ts"] }`,
    "a.ts": `export const a: number = "x"`,
    "a.test.js": ok,
  }
  const measured = await measureFiles(files, { run: "npm test", modules: ownModules })
  expect(told(measured)).toEqual({ "$ tsc --noEmit": "failed", "a.test.js > ok": "passed" })
  expect(measured.command).toBe("npm test → tsc --noEmit && vitest run")
})

const noTypes = `{ "compilerOptions": { "types": [] } }`

test.each<[string, string, Record<string, string>, unknown]>([
  [
    "problems, two equal ones numbered",
    "tsc --noEmit",
    {
      "tsconfig.json": `{ "compilerOptions": { "strict": true, "types": [] } }`,
      "src/a.ts": `\nexport const a: number = "x"\nexport const b: number = "x"`,
    },
    [
      "TS2322 | src/a.ts | Type 'string' is not assignable to type 'number'.",
      "TS2322 | src/a.ts | Type 'string' is not assignable to type 'number'. (2)",
    ],
  ],
  ["none", "tsc --noEmit", { "tsconfig.json": noTypes, "a.ts": "export const a = 1" }, []],
  ["T2: no files", "tsc --noEmit", { "tsconfig.json": "{}" }, "ran_nothing"],
  [
    "T2: only references, not built",
    "tsc --noEmit",
    {
      "tsconfig.json": `{ "files": [], "references": [{ "path": "./p" }] }`,
      "p/tsconfig.json": `{ "compilerOptions": { "composite": true, "types": [] } }`,
      "p/a.ts": "export const a = 1",
    },
    "ran_nothing",
  ],
  [
    "references, built",
    "tsc -b",
    {
      "tsconfig.json": `{ "files": [], "references": [{ "path": "./p" }] }`,
      "p/tsconfig.json": `{ "compilerOptions": { "composite": true, "types": [], "strict": true } }`,
      "p/a.ts": "export const a: number = ''",
    },
    ["TS2322 | p/a.ts | Type 'string' is not assignable to type 'number'."],
  ],
  ["watch mode is run once", "tsc --noEmit --watch", { "tsconfig.json": noTypes, "a.ts": "export const a = 1" }, []],
])("tsc: %s", async (_, run, files, expected) => {
  expect(told(await measureFiles(files, { run, kind: "types", modules: ownModules }))).toEqual(expected)
})

test.each<[string, string, Record<string, string>, unknown]>([
  [
    "problems",
    "biome check --write .",
    { "biome.json": "{}", "a.js": "debugger\n", "b.js": "function(\n" },
    expect.arrayContaining([
      "lint/suspicious/noDebugger | a.js | This is an unexpected use of the debugger statement.",
      expect.stringMatching(/^parse \| b\.js \| /),
    ]),
  ],
  ["none", "biome lint .", { "biome.json": "{}", "a.js": "export const a = 1\n" }, []],
  [
    "T2: no files",
    "biome lint src",
    { "biome.json": `{ "files": { "includes": ["none/**"] } }`, "src/a.js": "debugger\n" },
    "ran_nothing",
  ],
  [
    "a configuration that is wrong",
    "biome lint .",
    { "biome.json": `{ "nope": 1 }`, "a.js": "debugger\n" },
    expect.stringMatching(/crashed|ran_nothing/),
  ],
  [
    "more than its limit",
    "biome lint --max-diagnostics=1 .",
    { "biome.json": "{}", "a.js": "debugger;\n".repeat(25) },
    expect.objectContaining({ length: 25 }),
  ],
])("biome: %s", async (_, run, files, expected) => {
  expect(told(await measureFiles(files, { run, kind: "lint", modules: ownModules }))).toEqual(expected)
})

test.each<[string, string, unknown]>([
  ["by its exit code", "exit 3", { exit: 3 }],
  ["T12: a missing tool is no failed test", "flyball-no-such-tool --x", "missing_tool"],
  ["a command that kills itself", "kill -9 $$", "crashed"],
])("any other command: %s", async (_, run, expected) => {
  expect(told(await measureFiles({ a: "" }, { run, kind: "exit" }))).toEqual(expected)
})

test.each([["npx jest"], ["npm test"], ["go-not-here test"], ["eslint ."]])(
  "T12: %s without its tool is missing_tool",
  async (run) => {
    expect(
      told(
        await measureFiles(
          { "package.json": JSON.stringify({ scripts: { test: "mocha" } }) },
          { run, kind: run === "eslint ." ? "lint" : "tests" },
        ),
      ),
    ).toBe("missing_tool")
  },
)

const hasPytest = (process.env.PATH ?? "").split(":").some((folder) => existsSync(`${folder}/pytest`))

test.skipIf(!hasPytest)(
  "every result of pytest has a stable id; a file that does not import is a failed result",
  async () => {
    const measured = await measureFiles(
      {
        "tests/test_a.py": `import pytest
class TestS:
    def test_ok(self): pass
    @pytest.mark.parametrize("n", [1, 2])
    def test_n(self, n): assert n == 1
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_later(): assert False
@pytest.fixture
def broken(): raise Exception("x")
def test_set_up(broken): pass
`,
        "tests/test_b.py": "import nope\n",
      },
      { run: "pytest" },
    )
    expect(told(measured)).toEqual({
      "tests/test_b.py": "failed",
      "tests/test_a.py > TestS > test_ok": "passed",
      "tests/test_a.py > TestS > test_n[1]": "passed",
      "tests/test_a.py > TestS > test_n[2]": "failed",
      "tests/test_a.py > test_skipped": "skipped",
      "tests/test_a.py > test_later": "todo",
      "tests/test_a.py > test_set_up": "failed",
    })
  },
)

test.skipIf(!hasPytest).each<[string, Record<string, string>, unknown]>([
  ["T2: no tests", { "a.py": "" }, "ran_nothing"],
  ["os._exit(0)", { "test_a.py": "import os\ndef test_a(): os._exit(0)\n" }, "unfinished"],
  [
    "pytest.exit with code 0",
    {
      "test_a.py":
        "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('x', returncode=0)\ndef test_c(): pass\n",
    },
    "unfinished",
  ],
  [
    "sys.exit(0) in a test",
    { "test_a.py": "import sys\ndef test_a(): sys.exit(0)\n" },
    { "test_a.py > test_a": "failed" },
  ],
  ["sys.exit(0) at import", { "test_a.py": "import sys\nsys.exit(0)\n" }, expect.anything()],
  [
    "a project's addopts",
    {
      "test_a.py": "def test_a(): assert False\ndef test_b(): pass\n",
      "pytest.ini": "[pytest]\naddopts = --maxfail=1 --strict-config -q --junitxml=x.xml\n",
    },
    { "test_a.py > test_a": "failed", "test_a.py > test_b": "passed" },
  ],
])("pytest: %s", async (_, files, expected) => {
  expect(told(await measureFiles(files, { run: "pytest" }))).toEqual(expected)
})
