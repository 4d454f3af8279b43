import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Picked } from "../measuring.ts"
import { type Files, openTestRepo, ownModules, testProber, toolModules } from "../testing.ts"
import { javascriptFailure, pythonFailure, rustFailure } from "./failure.ts"

/* Only certain tests, by every runner that is here, for real; and how each says that a test failed. */

const { signal } = new AbortController()

async function picked(files: Files, run: string, only: Picked[] | undefined, modules?: string): Promise<Measurement> {
  using repo = openTestRepo(files)
  const check: CheckSpec = { name: "c", kind: "tests", run, timeoutMs: 90_000, from: "package.json" }
  const tree = repo.git("rev-parse", "HEAD^{tree}")
  const options = { tree, definitionsFrom: tree, purpose: "c", signal, ...(only === undefined ? {} : { only }) }
  return await testProber(repo.repo, modules).measureTree(check, options)
}

/** Every red test with how it failed, and every other that ran. */
function told({ result }: Measurement) {
  if (result.is === "error") return result.why
  if (result.report.kind !== "tests") return result.report.kind
  const ran = result.report.tests.filter((each) => each.status === "passed" || each.status === "failed")
  return Object.fromEntries(ran.map((each: TestResult) => [each.id, each.failure ?? each.status]))
}

const onPath = (name: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, name)))
const source = `export const boom = () => { throw new Error("boom") }\n`
const esm = (imports: string, assert: string) => `${imports}
import { boom } from "./src.js"
import * as src from "./src.js"
describe("s > t", () => {
  test("says (no)", () => { ${assert} })
  test("throws", () => boom())
  test("lacks", () => src.none())
})
test("other", () => {})
`
const pick = (file: string, name: string): Picked => ({ id: `${file} > ${name}`, file, name })
const three = (file: string) => ["says (no)", "throws", "lacks"].map((name) => pick(file, `s > t > ${name}`))
const classes = (file: string) => ({
  [`${file} > s > t > says (no)`]: "assertion",
  [`${file} > s > t > throws`]: "thrown",
  [`${file} > s > t > lacks`]: "error",
})

describe("JavaScript", () => {
  test("vitest", async () => {
    const text = esm(`import { describe, expect, test } from "vitest"`, "expect(1).toBe(2)")
    const files = { "package.json": `{"type":"module"}`, "src.js": source, "a.test.js": text, "b.test.js": "throw 1" }
    const measured = await picked(files, "vitest run", three("a.test.js"), ownModules)
    expect(told(measured)).toEqual(classes("a.test.js"))
    expect(measured.alone).toBe(true)
  })

  test("node:test, by file", async () => {
    const imports = `import { describe, test } from "node:test"\nimport assert from "node:assert"`
    const text = esm(imports, "assert.equal(1, 2)")
    const files = { "package.json": `{"type":"module"}`, "src.js": source, "a.test.js": text, "b.test.js": "throw 1" }
    const measured = await picked(files, "node --test", three("a.test.js"))
    expect(told(measured)).toEqual({ ...classes("a.test.js"), "a.test.js > other": "passed" })
    expect(measured.alone).toBe(true)
  })

  test.skipIf(!existsSync(join(toolModules, "mocha")))("mocha", async () => {
    const text = `const assert = require("node:assert")
const src = require("../src.js")
describe("s > t", () => {
  it("says (no)", () => assert.equal(1, 2))
  it("throws", () => src.boom())
  it("lacks", () => src.none())
})
it("other", () => {})`
    const files = {
      "package.json": "{}",
      "src.js": `exports.boom = () => { throw new Error("boom") }`,
      "test/a.js": text,
      "test/b.js": "throw 1",
    }
    const measured = await picked(files, "mocha test", three("test/a.js"), toolModules)
    expect(told(measured)).toEqual(classes("test/a.js"))
  })

  test.skipIf(!existsSync(join(toolModules, "jest")))("jest", async () => {
    const text = `const src = require("./src.js")
describe("s > t", () => {
  test("says (no)", () => expect(1).toBe(2))
  test("throws", () => src.boom())
  test("lacks", () => src.none())
})
test("other", () => {})`
    const files = {
      "package.json": "{}",
      "src.js": `exports.boom = () => { throw new Error("boom") }`,
      "a.test.js": text,
      "b.test.js": "throw 1",
    }
    const measured = await picked(files, "jest", three("a.test.js"), toolModules)
    expect(told(measured)).toEqual(classes("a.test.js"))
  })
})

test.skipIf(!onPath("pytest"))("pytest", async () => {
  const files = {
    "src.py": `def boom():\n    raise ValueError("boom")\n`,
    "test_a.py": `import pytest, src
class TestS:
    @pytest.mark.parametrize("n", [1, 2])
    def test_says(self, n):
        assert n == 3
def test_throws():
    src.boom()
def test_lacks():
    src.none()
def test_raises():
    with pytest.raises(KeyError):
        pass
@pytest.fixture
def broken():
    assert False
def test_fixture(broken):
    pass
def test_other():
    pass
`,
    "test_b.py": "raise RuntimeError(1)",
  }
  const names = ["TestS > test_says[2]", "test_throws", "test_lacks", "test_raises", "test_fixture", "test_not_there"]
  const only = names.map((name) => pick("test_a.py", name))
  const measured = await picked(files, "python3 -m pytest", only)
  expect(told(measured)).toEqual({
    "test_a.py > TestS > test_says[2]": "assertion",
    "test_a.py > test_throws": "thrown",
    "test_a.py > test_lacks": "error",
    "test_a.py > test_raises": "assertion",
    "test_a.py > test_fixture": "error",
  })
  expect(measured.alone).toBe(true)
})

test.skipIf(!onPath("go"))("go test, by its top-level functions", async () => {
  const files = {
    "go.mod": "module example.com/p\n\ngo 1.19\n",
    "p.go": `package p\n\nfunc Boom() int { var m map[string]int; m["a"] = 1; return 1 }\n`,
    "p_test.go": `package p
import "testing"
func TestSays(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Fatal("no") }) }
func TestBoom(t *testing.T) { Boom() }
func TestOther(t *testing.T) {}
`,
    "q/q_test.go": `package q\nfunc broken( {`,
  }
  const id = (name: string) => ({ id: `example.com/p > ${name}`, file: "p_test.go", name })
  const measured = await picked(files, "go test ./...", [id("TestSays > sub"), id("TestBoom")])
  expect(told(measured)).toEqual({
    "example.com/p > TestSays": "assertion",
    "example.com/p > TestSays > sub": "assertion",
    "example.com/p > TestBoom": "thrown",
  })
})

test.skipIf(!onPath("cargo"))("cargo test, by the names that libtest knows", async () => {
  const files = {
    "Cargo.toml": '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "pub fn boom(n: usize) -> u8 { [1u8, 2][n] }\n",
    "tests/it.rs": `#[test]
fn says() { assert_eq!(p::boom(0), 2); }
#[test]
fn throws() { p::boom(7); }
#[test]
fn other() {}
`,
  }
  const measured = await picked(files, "cargo test", [pick("tests/it.rs", "says"), pick("tests/it.rs", "throws")])
  expect(told(measured)).toEqual({ "it tests/it.rs > says": "assertion", "it tests/it.rs > throws": "thrown" })
  expect(measured.alone).toBe(true)
})

test("a file that is not there is nothing that ran", async () => {
  const files = {
    "a.test.js": `import test from "node:test"\ntest("a", () => {})`,
    "package.json": `{"type":"module"}`,
  }
  expect(told(await picked(files, "node --test", [pick("b.test.js", "b")]))).toContain("None of the named tests")
})

describe("how a test failed, by its words", () => {
  test.each<[string, string, string]>([
    ["AssertionError [ERR_ASSERTION]: 1 == 2\n    at /r/a.test.js:1:1", "assertion", "node's"],
    [
      "\u001b[31mError: \u001b[2mexpect(\u001b[22mreceived).toBe(expected)\n    at /r/a.test.js:1:1",
      "assertion",
      "jest's",
    ],
    ["AssertionError: expected 1 to be 2\n ❯ /r/a.test.js:1:1", "assertion", "chai's"],
    [
      "Error: listen EADDRINUSE: address already in use :::3000\n    at /r/src/s.js:1:1",
      "error",
      "a port that is taken",
    ],
    ["Error: Test timed out in 5000ms.\n    at /r/a.test.js:1:1", "error", "a time-out"],
    ["SyntaxError: The requested module './s.js' does not provide an export named 'x'", "error", "a missing export"],
    ["TypeError: src.none is not a function\n    at /r/a.test.js:1:1", "error", "a function that is not there"],
    [
      "TypeError: x.trim is not a function\n    at f (/r/src/s.js:1:1)\n    at /r/a.test.js:1:1",
      "thrown",
      "thrown by the source",
    ],
    [
      "SyntaxError: Unexpected token } in JSON at position 1\n    at JSON.parse (<anonymous>)\n    at f (file:///r/src/s.js:1:1)",
      "thrown",
      "JSON that the source reads",
    ],
    ["Error: odd\n    at node:internal/x:1:1\n    at /r/node_modules/y/i.js:1:1", "error", "nothing of the project's"],
    [
      "Error: no\nAssertionError: forged\n    at f (/r/src/s.js:1:1)",
      "thrown",
      "a second line that claims to be an assertion",
    ],
  ])("%j is %s: %s", (message, expected) => {
    expect(javascriptFailure(message, "a.test.js", "/r")).toBe(expected)
  })

  test("Python's and Rust's", () => {
    const error = (type: string, where: string | null, message = "") => ({ types: [type, "Exception"], where, message })
    expect(pythonFailure(error("AssertionError", "/r/src/a.py"), "test_a.py", "/r")).toBe("thrown")
    expect(pythonFailure(error("Failed", "/r/test_a.py", "Timeout (>1.0s) timed out"), "test_a.py", "/r")).toBe("error")
    expect(pythonFailure(error("OSError", "/r/a.py", "[Errno 98] Address already in use"), "test_a.py", "/r")).toBe(
      "error",
    )
    expect(rustFailure("thread 't' panicked at src/lib.rs:9:9:\nassertion `left == right` failed")).toBe("assertion")
    expect(rustFailure("thread 't' panicked at src/lib.rs:3:5:\nindex out of bounds")).toBe("thrown")
    expect(rustFailure("thread 't' panicked at tests/it.rs:3:5:\nmy own words")).toBe("assertion")
  })
})
