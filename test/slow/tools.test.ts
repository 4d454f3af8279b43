import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { measureFiles, ownModules, told, toolModules } from "../../src/verify/testing.ts"

/*
 * Every runner and linter for real, as far as it is on this machine. `npm ci` in test/tools installs jest, mocha, eslint
 * and pyright; go, cargo (with clippy), mypy, ruff and pytest are looked for on PATH. What is missing is skipped, by name.
 * golangci-lint installs from neither npm nor Debian: it is tested on recorded output alone (recorded.test.ts).
 */

type Files = Record<string, string>
const onPath = (name: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, name)))
const inTools = (name: string) => existsSync(join(toolModules, ".bin", name))
const because = (name: string, there: boolean, how: string) =>
  there ? name : `${name} (skipped: it is not installed; ${how})`
const byNpm = "run `npm ci` in test/tools"
const TIMEOUT_MS = 180_000

const hasJest = inTools("jest")
describe.skipIf(!hasJest)(because("jest", hasJest, byNpm), () => {
  const jest = (files: Files, run = "jest", timeoutMs = 60_000) =>
    measureFiles({ "package.json": "{}", ...files }, { run, timeoutMs, modules: toolModules })

  test("results", { timeout: TIMEOUT_MS }, async () => {
    const measured = await jest({
      "a.test.js": `describe("s", () => { test("ok", () => {}); test("bad", () => expect(1).toBe(2)); test.skip("skipped", () => {}); test.todo("later"); test.each([1, 1])("n %s", () => {}) })`,
      "b.test.js": `require("./nope.js"); test("x", () => {})`,
    })
    expect(told(measured)).toEqual({
      "a.test.js > s > ok": "passed",
      "a.test.js > s > bad": "failed",
      "a.test.js > s > skipped": "skipped",
      "a.test.js > s > later": "todo",
      "a.test.js > s > n 1": "passed",
      "a.test.js > s > n 1 (2)": "passed",
      "b.test.js": "failed",
    })
  })

  test.each<[string, Files, string, unknown]>([
    [
      "process.exit(0) in a test",
      { "a.test.js": `test("one", () => {}); test("x", () => process.exit(0)); test("after", () => {})` },
      "jest",
      "unfinished",
    ],
    [
      "process.exit(0) in source, one file of two",
      {
        "a.test.js": `test("one", () => require("./s.js"))`,
        "s.js": "process.exit(0)",
        "b.test.js": `test("b", () => {})`,
      },
      "jest",
      expect.stringMatching(/unfinished|timeout|crashed/),
    ],
    ["T2: no tests", { "a.js": "" }, "jest --passWithNoTests", "ran_nothing"],
    ["T2: no tests, and red", { "a.js": "" }, "jest", expect.stringMatching(/ran_nothing|crashed/)],
    [
      "bail, coverage thresholds and reporters of the project",
      {
        "package.json": `{"jest":{"bail":1,"reporters":["default"],"collectCoverage":true,"coverageThreshold":{"global":{"lines":100}}}}`,
        "a.test.js": `test("a", () => expect(1).toBe(2))`,
        "b.test.js": `test("b", () => {})`,
      },
      "jest --watch -i",
      { "a.test.js > a": "failed", "b.test.js > b": "passed" },
    ],
    [
      "only",
      { "a.test.js": `test.only("a", () => {}); test("b", () => {})` },
      "jest",
      { "a.test.js > a": "passed", "a.test.js > b": "skipped" },
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, run, expected) => {
    expect(told(await jest(files, run, 20_000))).toEqual(expected)
  })

  test("a test that hangs is a time-out", { timeout: TIMEOUT_MS }, async () => {
    expect(told(await jest({ "a.test.js": `test("a", () => new Promise(() => {}), 1e9)` }, "jest", 5_000))).toBe(
      "timeout",
    )
  })
})

const hasMocha = inTools("mocha")
describe.skipIf(!hasMocha)(because("mocha", hasMocha, byNpm), () => {
  const mocha = (files: Files, run = "mocha", timeoutMs = 60_000) =>
    measureFiles({ "package.json": "{}", ...files }, { run, timeoutMs, modules: toolModules })
  const assert = `const assert = require("node:assert");`

  test.each<[string, Files, string, unknown]>([
    [
      "results",
      {
        "test/a.js": `${assert} describe("s", () => { it("ok", () => {}); it("bad", () => assert.equal(1, 2)); it.skip("skipped", () => {}); it("later"); for (const n of [1, 1]) it("n " + n, () => {}) })`,
      },
      "mocha",
      {
        "test/a.js > s > ok": "passed",
        "test/a.js > s > bad": "failed",
        "test/a.js > s > skipped": "skipped",
        "test/a.js > s > later": "skipped",
        "test/a.js > s > n 1": "passed",
        "test/a.js > s > n 1 (2)": "passed",
      },
    ],
    [
      "a hook that fails",
      { "test/a.js": `describe("s", () => { before(() => { throw new Error("x") }); it("a", () => {}) })` },
      "mocha",
      { 'test/a.js > s > "before all" hook for "a"': "failed" },
    ],
    [
      "a file that does not import",
      { "test/a.js": `it("a", () => {})`, "test/b.js": `require("./nope.js")` },
      "mocha",
      { "test/b.js": "failed" },
    ],
    [
      "an ES module that does not parse",
      { "test/a.mjs": `it("a", () => {` },
      "mocha 'test/*.mjs'",
      { "test/a.mjs": "failed" },
    ],
    [
      "process.exit(0) in a test",
      { "test/a.js": `it("one", () => {}); it("x", () => process.exit(0)); it("after", () => {})` },
      "mocha",
      "unfinished",
    ],
    [
      "process.exit(0) in source",
      { "test/a.js": `require("../s.js"); it("one", () => {})`, "s.js": "process.exit(0)" },
      "mocha",
      "unfinished",
    ],
    ["T2: no tests", { "test/a.js": "" }, "mocha", "ran_nothing"],
    [
      "the project's reporter and bail",
      {
        "test/a.js": `${assert} it("a", () => assert.equal(1, 2)); it("b", () => {})`,
        ".mocharc.json": `{"bail":true,"reporter":"dot","exit":true}`,
      },
      "mocha --watch",
      { "test/a.js > a": "failed", "test/a.js > b": "passed" },
    ],
    [
      "in parallel",
      { "test/a.js": `it("a", () => {})`, "test/b.js": `it("b", () => {})` },
      "mocha --parallel",
      { "test/a.js > a": "passed", "test/b.js > b": "passed" },
    ],
    ["only", { "test/a.js": `it.only("a", () => {}); it("b", () => {})` }, "mocha", { "test/a.js > a": "passed" }],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, run, expected) => {
    expect(told(await mocha(files, run))).toEqual(expected)
  })

  test("a test that hangs is a time-out", { timeout: TIMEOUT_MS }, async () => {
    expect(
      told(
        await mocha(
          { "test/a.js": `it("a", () => new Promise(() => {})).timeout(0); setInterval(() => {}, 1000)` },
          "mocha",
          3_000,
        ),
      ),
    ).toBe("timeout")
  })
})

const hasEslint = inTools("eslint")
describe.skipIf(!hasEslint)(because("eslint", hasEslint, byNpm), () => {
  const config = {
    "eslint.config.mjs": `export default [{ rules: { "no-debugger": "error", "no-unused-vars": "warn" } }]`,
  }
  test.each<[string, Files, string, unknown]>([
    [
      "problems",
      { ...config, "a.js": "debugger\nlet x = 1\ndebugger\n", "b.js": "let = ;" },
      "eslint --fix .",
      [
        "no-debugger | a.js | Unexpected 'debugger' statement.",
        "no-unused-vars | a.js | 'x' is assigned a value but never used.",
        "no-debugger | a.js | Unexpected 'debugger' statement. (2)",
        expect.stringMatching(/^parse \| b\.js \| Parsing error/),
      ],
    ],
    ["none", { ...config, "a.js": "export {}\n" }, "eslint .", []],
    ["T2: no files", { ...config }, "eslint src --no-error-on-unmatched-pattern", "ran_nothing"],
    ["a configuration that throws", { "eslint.config.mjs": "throw new Error('x')", "a.js": "" }, "eslint .", "crashed"],
    [
      "process.exit(0) in the configuration",
      { "eslint.config.mjs": "process.exit(0)", "a.js": "debugger" },
      "eslint .",
      "unfinished",
    ],
    [
      "warnings over the script's limit",
      { ...config, "a.js": "let x = 1\n" },
      "eslint --max-warnings 0 .",
      ["no-unused-vars | a.js | 'x' is assigned a value but never used."],
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, run, expected) => {
    expect(told(await measureFiles(files, { run, kind: "lint", modules: toolModules }))).toEqual(expected)
  })
})

const hasPyright = inTools("pyright")
describe.skipIf(!hasPyright)(because("pyright", hasPyright, byNpm), () => {
  test.each<[string, Files, unknown]>([
    [
      "problems",
      { "a.py": 'x: int = "a"\n', "b.py": "def f(:\n" },
      expect.arrayContaining([
        expect.stringMatching(/^reportAssignmentType \| a\.py \| Type "Literal\['a'\]"/),
        expect.stringMatching(/^syntax \| b\.py/),
      ]),
    ],
    ["none", { "a.py": "x: int = 1\n" }, []],
    ["T2: no files", { "a.txt": "" }, "ran_nothing"],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, expected) => {
    expect(
      told(
        await measureFiles(
          { "pyrightconfig.json": `{"exclude":["node_modules"]}`, ...files },
          { run: "pyright", kind: "types", modules: toolModules },
        ),
      ),
    ).toEqual(expected)
  })
})

const hasMypy = onPath("mypy")
describe.skipIf(!hasMypy)(because("mypy", hasMypy, "on Debian: apt-get install mypy"), () => {
  test.each<[string, Files, string, unknown]>([
    [
      "problems",
      { "a.py": 'x: int = "a"\ny: int = "a"\n' },
      "mypy .",
      [
        'assignment | a.py | Incompatible types in assignment (expression has type "str", variable has type "int")',
        'assignment | a.py | Incompatible types in assignment (expression has type "str", variable has type "int") (2)',
      ],
    ],
    [
      "a file that does not parse",
      { "a.py": "def f(:\n" },
      "mypy .",
      expect.arrayContaining([expect.stringMatching(/^syntax \| a\.py \| /)]),
    ],
    ["none", { "a.py": "x: int = 1\n" }, "mypy --pretty --no-error-summary .", []],
    ["T2: no files", { "a.txt": "" }, "mypy .", "ran_nothing"],
    ["a target that is not there", { "a.txt": "" }, "mypy nope", expect.stringMatching(/crashed|ran_nothing/)],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, run, expected) => {
    expect(told(await measureFiles(files, { run, kind: "types" }))).toEqual(expected)
  })
})

const hasRuff = onPath("ruff")
describe.skipIf(!hasRuff)(because("ruff", hasRuff, "pip install ruff"), () => {
  const config = { "ruff.toml": '[lint]\nselect = ["F"]\n' }
  test.each<[string, Files, unknown]>([
    [
      "problems",
      { ...config, "a.py": "import os\n", "b.py": "def f(:\n" },
      expect.arrayContaining([
        "F401 | a.py | `os` imported but unused",
        expect.stringMatching(/^invalid-syntax \| b\.py/),
      ]),
    ],
    ["none", { ...config, "a.py": "x = 1\n" }, []],
    ["T2: no files", { "a.txt": "" }, "ran_nothing"],
    ["a configuration that is wrong", { "ruff.toml": "nope = 1", "a.py": "import os\n" }, "crashed"],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, expected) => {
    expect(told(await measureFiles(files, { run: "ruff check --fix .", kind: "lint" }))).toEqual(expected)
  })
})

const hasGo = onPath("go")
describe.skipIf(!hasGo)(because("go test", hasGo, "on Debian: apt-get install golang-go"), () => {
  const mod = { "go.mod": "module example.com/m\n\ngo 1.19\n" }
  const go = (files: Files, timeoutMs = 120_000) =>
    measureFiles({ ...mod, ...files }, { run: "go test ./...", timeoutMs })
  const file = (name: string, body: string, imports = `import "testing"`) => `package ${name}\n${imports}\n${body}\n`

  test("results, a package that does not build among them", { timeout: TIMEOUT_MS }, async () => {
    const measured = await go({
      "p/p_test.go": file(
        "p",
        `func TestOK(t *testing.T) { t.Run("sub a", func(t *testing.T) {}) }\nfunc TestBad(t *testing.T) { t.Errorf("nope") }\nfunc TestSkip(t *testing.T) { t.Skip("x") }`,
      ),
      "q/q_test.go": file("q", "func TestX(t *testing.T) { undefinedThing() }"),
      "none/none.go": "package none\n",
    })
    expect(told(measured)).toEqual({
      "example.com/m/q": "failed",
      "example.com/m/p > TestOK": "passed",
      "example.com/m/p > TestOK > sub_a": "passed",
      "example.com/m/p > TestBad": "failed",
      "example.com/m/p > TestSkip": "skipped",
    })
    const report =
      measured.result.is === "report" && measured.result.report.kind === "tests" ? measured.result.report.tests : []
    expect(report.find((result) => result.id.endsWith("TestOK"))?.file).toBe("p/p_test.go")
    expect(report.find((result) => result.id === "example.com/m/q")?.file).toBe("q/q_test.go")
  })

  test.each<[string, Files, unknown]>([
    [
      "os.Exit(0) in TestMain",
      {
        "p_test.go": file(
          "m",
          "func TestMain(m *testing.M) { os.Exit(0) }\nfunc TestA(t *testing.T) {}",
          `import ("os"; "testing")`,
        ),
      },
      "unfinished",
    ],
    [
      "os.Exit(0) in a test",
      { "p_test.go": file("m", "func TestA(t *testing.T) { os.Exit(0) }", `import ("os"; "testing")`) },
      { "example.com/m > TestA": "failed" },
    ],
    [
      "syscall.Exit(0) in a test",
      {
        "p_test.go": file(
          "m",
          "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { syscall.Exit(0) }\nfunc TestC(t *testing.T) {}",
          `import ("syscall"; "testing")`,
        ),
      },
      "unfinished",
    ],
    ["T2: no tests", { "p.go": "package m\n" }, "ran_nothing"],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, expected) => {
    expect(told(await go(files))).toEqual(expected)
  })

  test("a test that hangs is a time-out", { timeout: TIMEOUT_MS }, async () => {
    expect(
      told(
        await go(
          {
            "p_test.go": file(
              "m",
              "func TestA(t *testing.T) { select {} }\nfunc init() { go func() { for { time.Sleep(time.Second) } }() }",
              `import ("testing"; "time")`,
            ),
          },
          20_000,
        ),
      ),
    ).toBe("timeout")
  })
})

const hasCargo = onPath("cargo")
describe.skipIf(!hasCargo)(because("cargo", hasCargo, "see rustup.rs"), () => {
  const manifest = { "Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n' }
  const cargo = (files: Files, run = "cargo test", timeoutMs = 120_000) =>
    measureFiles({ ...manifest, ...files }, { run, kind: run === "cargo test" ? "tests" : "lint", timeoutMs })

  test("results of unit, integration and doc tests", { timeout: TIMEOUT_MS }, async () => {
    const measured = await cargo({
      "src/lib.rs": `/// \`\`\`\n/// assert_eq!(demo::two(), 2);\n/// \`\`\`\npub fn two() -> i32 { 2 }\n#[cfg(test)] mod tests {\n  #[test] fn ok() {}\n  #[test] fn bad() { println!("test fake ... ok"); assert_eq!(super::two(), 3) }\n  #[test] #[ignore = "x"] fn later() {}\n  #[test] #[should_panic] fn panics() { panic!() }\n}`,
      "tests/it.rs": "#[test] fn works() {}",
    })
    expect(told(measured)).toEqual({
      "demo src/lib.rs > tests > ok": "passed",
      "demo src/lib.rs > tests > bad": "failed",
      "demo src/lib.rs > tests > later": "skipped",
      "demo src/lib.rs > tests > panics": "passed",
      "it tests/it.rs > works": "passed",
      "demo doc-tests > src/lib.rs - two": "passed",
    })
  })

  test.each<[string, Files, unknown]>([
    [
      "process::exit(0) in a test",
      { "src/lib.rs": "#[cfg(test)] mod t { #[test] fn a() {} #[test] fn b() { std::process::exit(0) } }" },
      "unfinished",
    ],
    [
      "process::exit(0) in one binary of two",
      { "src/lib.rs": "", "tests/a.rs": "#[test] fn a() { std::process::exit(0) }", "tests/b.rs": "#[test] fn b() {}" },
      "unfinished",
    ],
    [
      "a test that does not compile",
      { "src/lib.rs": "", "tests/a.rs": "#[test] fn a() { nope() }" },
      { "tests/a.rs (does not compile)": "failed" },
    ],
    ["T2: no tests", { "src/lib.rs": "" }, "ran_nothing"],
    ["a manifest that is wrong", { "Cargo.toml": "nope", "src/lib.rs": "" }, "crashed"],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, expected) => {
    expect(told(await cargo(files))).toEqual(expected)
  })

  test.skipIf(!onPath("cargo-clippy")).each<[string, string, Files, unknown]>([
    [
      "problems",
      "cargo clippy --all-targets -- -D warnings",
      { "src/lib.rs": "pub fn q(x: &Vec<u8>) -> bool { return x.len() == 0; }" },
      expect.arrayContaining([
        "clippy::needless_return | src/lib.rs | unneeded `return` statement",
        "clippy::len_zero | src/lib.rs | length comparison to zero",
      ]),
    ],
    ["none", "cargo clippy", { "src/lib.rs": "pub fn q() {}" }, []],
    [
      "what does not compile",
      "cargo check",
      { "src/lib.rs": "pub fn q() -> u8 { nope() }" },
      ["E0425 | src/lib.rs | cannot find function `nope` in this scope"],
    ],
  ])("clippy: %s", { timeout: TIMEOUT_MS }, async (_, run, files, expected) => {
    expect(told(await cargo(files, run))).toEqual(expected)
  })
})

const home = mkdtempSync(join(tmpdir(), "flyball-home-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const sandbox = await detectSandbox({ home })
const confined = sandbox.kind.is === "bubblewrap"
describe.skipIf(!confined)(because("inside bubblewrap", confined, "apt-get install bubblewrap"), () => {
  const nodeTest = `import { test } from "node:test"; import fs from "node:fs"; import net from "node:net"
test("listens", (t, done) => { const s = net.createServer().listen(0, "127.0.0.1", () => s.close(done)) })
test("writes", () => { fs.writeFileSync("x", ""); fs.mkdtempSync(process.env.TMPDIR + "/a"); fs.writeFileSync(process.env.HOME + "/a", "") })`
  test.each<[string, string, Files, string | undefined, unknown]>([
    [
      "node:test",
      "node --test",
      { "a.test.mjs": nodeTest },
      undefined,
      { "a.test.mjs > listens": "passed", "a.test.mjs > writes": "passed" },
    ],
    ["T12: a missing tool", "node-not-here --test", { a: "" }, undefined, "missing_tool"],
    [
      "pytest",
      "pytest",
      { "test_a.py": "def test_a(tmp_path): (tmp_path / 'x').write_text('x')\n" },
      undefined,
      { "test_a.py > test_a": "passed" },
    ],
    [
      "cargo test",
      "cargo test",
      { "Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\n', "src/lib.rs": "#[test] fn a() {}" },
      undefined,
      { "demo src/lib.rs > a": "passed" },
    ],
    [
      "go test",
      "go test ./...",
      { "go.mod": "module m\n", "a_test.go": 'package m\nimport "testing"\nfunc TestA(t *testing.T) {}\n' },
      undefined,
      { "m > TestA": "passed" },
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, run, files, modules, expected) => {
    const measured = await measureFiles(files, {
      run,
      kind: "tests",
      sandbox,
      timeoutMs: 120_000,
      ...(modules === undefined ? {} : { modules }),
    })
    expect(measured.result.is === "error" ? measured.result : told(measured)).toEqual(
      expected === "missing_tool" ? expect.objectContaining({ code: "missing_tool" }) : expected,
    )
    expect(measured.sandboxed).toBe(true)
  })

  test("vitest, with the modules of this package to be read", { timeout: TIMEOUT_MS }, async () => {
    const reading = {
      ...sandbox,
      wrap: (argv: string[], cwd: string, given: Parameters<typeof sandbox.wrap>[2]) =>
        sandbox.wrap(argv, cwd, { ...given, readable: [...given.readable, ownModules] }),
    }
    const measured = await measureFiles(
      { "package.json": `{"type":"module"}`, "a.test.js": `import { test } from "vitest"; test("a", () => {})` },
      { run: "vitest", modules: ownModules, sandbox: reading },
    )
    expect(measured.result.is === "error" ? measured.result : told(measured)).toEqual({ "a.test.js > a": "passed" })
  })

  test("leaves nothing", () => {
    rmSync(home, { recursive: true, force: true })
  })
})

const hasCruiser = inTools("depcruise")
describe.skipIf(!hasCruiser)(because("dependency-cruiser", hasCruiser, byNpm), () => {
  const config = `module.exports = { forbidden: [{ name: "no-ui-in-core", severity: "error", from: { path: "^src/core" }, to: { path: "^src/ui" } }] }`
  const cruise = (files: Files, run = "depcruise src") =>
    measureFiles(
      { "package.json": "{}", ".dependency-cruiser.cjs": config, ...files },
      { run, kind: "lint", timeoutMs: 60_000, modules: toolModules },
    )

  test.each<[string, Files, string | undefined, unknown]>([
    [
      "a rule that is broken",
      { "src/core/a.js": 'require("../ui/b.js")', "src/ui/b.js": "" },
      undefined,
      ["no-ui-in-core | src/core/a.js | src/core/a.js → src/ui/b.js"],
    ],
    ["rules that are kept", { "src/core/a.js": "", "src/ui/b.js": 'require("../core/a.js")' }, undefined, []],
    [
      "a configuration that is missing",
      { "src/a.js": "" },
      "depcruise --config nope.cjs src",
      expect.stringMatching(/crashed/),
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, run, expected) => {
    expect(told(await cruise(files, run))).toEqual(expected)
  })
})

const hasGoBench = onPath("go")
describe.skipIf(!hasGoBench)(because("go bench", hasGoBench, "apt install golang"), () => {
  test("go test -bench", { timeout: TIMEOUT_MS }, async () => {
    const files = {
      "go.mod": "module m\n\ngo 1.19\n",
      "a.go": "package m\n\nfunc Sum(n int) (s int) {\n\tfor i := 0; i < n; i++ {\n\t\ts += i\n\t}\n\treturn\n}\n",
      "a_bench_test.go":
        'package m\n\nimport "testing"\n\nfunc BenchmarkSum(b *testing.B) {\n\tfor i := 0; i < b.N; i++ {\n\t\tSum(100)\n\t}\n}\n',
    }
    const run = "go test -bench=. -benchtime=20ms ./..."
    expect(told(await measureFiles(files, { run, kind: "numbers", timeoutMs: TIMEOUT_MS }))).toEqual({
      "m > BenchmarkSum > ns/op": ["ns/op", "lower", 1],
    })
  })
})
