import { describe, expect, test } from "vitest"
import { readTests } from "../syntax/tests.ts"
import { compareTests, type Retraction } from "./compare-tests.ts"

type Texts = Record<string, string>

/** What the trees of two versions of the tests say, without a repository. */
function compared(base: Texts, head: Texts): Retraction[] {
  const read = (files: Texts) =>
    Object.entries(files).map(([path, text]) => readTests(path, text) ?? expect.fail(`${path} can't be parsed`))
  return compareTests(read(base), read(head))
}

const js = `import test from "node:test"
import assert from "node:assert/strict"
import { add } from "../src/add.js"

test("adds", () => {
  const sum = add(1, 2)
  assert.equal(sum, 3)
  assert.ok(add(2, 2))
})
test("adds zero", () => {
  assert.equal(add(1, 0), 1)
})
`
const vi = `import { describe, expect, it } from "vitest"
import { add, Store } from "../src/add"

describe("add", () => {
  it("adds", async () => {
    expect(add(1, 2)).toBe(3)
    expect(add(0.1, 0.2)).toBeCloseTo(0.3, 5)
    expect(() => add("a")).toThrow(TypeError)
    await expect(Store.load()).resolves.toEqual({ a: 1, b: 2 })
  })
  it.each([[1, 1, 2], [2, 3, 5]])("adds %i and %i", (a, b, c) => {
    expect(add(a, b)).toBe(c)
  })
})
`
const py = `import pytest
from shop.add import add


@pytest.mark.parametrize("a,b,c", [(1, 2, 3), (4, 5, 9)])
def test_add(a, b, c):
    assert add(a, b) == c


def test_errors():
    with pytest.raises(ValueError, match="empty"):
        add("")
    assert add(0.1, 0.2) == pytest.approx(0.3, rel=1e-6)
    assert add(1, 1) == 2 and add(1, 3) == 4
`
const unit = `import unittest
from shop.add import add

class TestAdd(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
        self.assertAlmostEqual(add(0.1, 0.2), 0.3, places=6)
`
const go = `package add

import "testing"

func TestAdd(t *testing.T) {
	tests := []struct{ name string; a, b, want int }{
		{"small", 1, 2, 3},
		{"large", 40, 2, 42},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Add(tt.a, tt.b); got != tt.want {
				t.Errorf("got %d", got)
			}
		})
	}
}

func TestZero(t *testing.T) {
	if Add(1, 0) != 1 {
		t.Fatal("zero")
	}
}
`
const files: Record<string, string> = {
  "t/add.test.js": js,
  "t/add.test.ts": vi,
  "t/test_add.py": py,
  "t/test_unit.py": unit,
  "add_test.go": go,
}

type Edit = readonly [name: string, path: string, from: string, to: string]

const cheats: readonly (readonly [...Edit, said: string])[] = [
  ["a deleted assertion", "t/add.test.js", "  assert.equal(sum, 3)\n", "", "loses `assert.equal(sum, 3)`"],
  ["another expected value", "t/add.test.js", "sum, 3", "sum, -1", "now `assert.equal(sum, -1)`"],
  [
    "a value compared with itself",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "assert.equal(sum, sum)",
    "loses `assert.equal(sum, 3)`",
  ],
  [
    "a value compared with a call of the same",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "assert.equal(sum, add(1, 2))",
    "loses `assert.equal(sum, 3)`",
  ],
  ["equal becomes ok", "t/add.test.js", "assert.equal(sum, 3)", "assert.ok(sum)", "loses `assert.equal(sum, 3)`"],
  [
    "a comparison in its place",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "assert.equal(sum > 0, true)",
    "which asks for less",
  ],
  ["an early return", "t/add.test.js", "  const sum", "  return\n  const sum", "counts only under an earlier `return`"],
  [
    "done before the assertion",
    "t/add.test.js",
    "  assert.equal(sum",
    "  done()\n  assert.equal(sum",
    "counts only under an earlier `done()`",
  ],
  [
    "a return on a condition",
    "t/add.test.js",
    "  assert.equal(sum",
    "  if (process.env.CI) return\n  assert.equal(sum",
    "counts only under unless",
  ],
  [
    "an if around it",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "if (sum === 3) assert.equal(sum, 3)",
    "counts only under if",
  ],
  [
    "a logical and before it",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "sum === 3 && assert.equal(sum, 3)",
    "counts only under if",
  ],
  [
    "a catch around it",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "try { assert.equal(sum, 3) } catch {}",
    "hides its failure",
  ],
  [
    "a catch that only prints",
    "t/add.test.js",
    "assert.equal(sum, 3)",
    "try { assert.equal(sum, 3) } catch (e) { console.log(e) }",
    "hides its failure",
  ],
  ["a skip", "t/add.test.js", 'test("adds zero"', 'test.skip("adds zero"', "adds `skip`"],
  ["an option that skips", "t/add.test.js", '"adds zero", ', '"adds zero", { skip: "later" }, ', "adds `skip`"],
  ["a skip from inside", "t/add.test.js", 'zero", () => {', 'zero", (t) => {\n  t.skip()', "adds `skip`"],
  ["a todo", "t/add.test.js", 'test("adds zero"', 'test.todo("adds zero"', "adds `todo`"],
  ["an only", "t/add.test.js", 'test("adds zero"', 'test.only("adds zero"', "adds `only`"],
  [
    "a deleted test",
    "t/add.test.js",
    'test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n})\n',
    "",
    "loses the test `adds zero`",
  ],
  [
    "a commented-out test",
    "t/add.test.js",
    'test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n})\n',
    '/* test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n}) */\n',
    "loses the test",
  ],
  ["a process that exits", "t/add.test.js", 'test("adds"', 'process.exit(0)\ntest("adds"', "adds `exit`"],
  ["an xit", "t/add.test.ts", 'it("adds"', 'xit("adds"', "adds `skip`"],
  ["a suite that is skipped", "t/add.test.ts", 'describe("add"', 'describe.skip("add"', "adds `skip`"],
  ["toBe becomes toBeTruthy", "t/add.test.ts", ").toBe(3)", ").toBeTruthy()", "asks for something else or less"],
  [
    "toBe becomes anything",
    "t/add.test.ts",
    ").toBe(3)",
    ").toEqual(expect.anything())",
    "asks for something else or less",
  ],
  ["toBe is negated", "t/add.test.ts", ").toBe(3)", ").not.toBe(4)", "asks for something else or less"],
  ["fewer digits", "t/add.test.ts", "0.3, 5", "0.3, 1", "loses `expect(add(0.1, 0.2)).toBeCloseTo(0.3, 5)`"],
  ["any error will do", "t/add.test.ts", "toThrow(TypeError)", "toThrow()", "loses `expect(() => add"],
  [
    "part of an object",
    "t/add.test.ts",
    "toEqual({ a: 1, b: 2 })",
    "toMatchObject({ a: 1 })",
    "asks for something else or less",
  ],
  ["an await that goes", "t/add.test.ts", "await expect(", "expect(", "an `await` that is not there"],
  ["a row of a table", "t/add.test.ts", ", [2, 3, 5]", "", "loses `expect(add(a, b)).toBe(c)`"],
  ["a row that is changed", "t/add.test.ts", "[2, 3, 5]", "[2, 3, 6]", "loses `expect(add(a, b)).toBe(c)`"],
  ["another try", "t/add.test.ts", 'it("adds", async', 'it("adds", { retry: 3 }, async', "adds `retry`"],
  ["retries for all", "t/add.test.ts", 'describe("add"', 'vi.retryTimes(3)\ndescribe("add"', "adds `retry`"],
  ["a row of parameters", "t/test_add.py", ", (4, 5, 9)", "", "loses `assert add(a, b) == c`"],
  [
    "a row that may fail",
    "t/test_add.py",
    "(4, 5, 9)",
    "pytest.param(4, 5, 9, marks=pytest.mark.xfail)",
    "adds `xfail`",
  ],
  ["an xfail", "t/test_add.py", "def test_errors", "@pytest.mark.xfail\ndef test_errors", "adds `xfail`"],
  [
    "a skipif",
    "t/test_add.py",
    "def test_errors",
    '@pytest.mark.skipif(True, reason="x")\ndef test_errors',
    "adds `skip`",
  ],
  ["a pytestmark", "t/test_add.py", "import pytest\n", "import pytest\npytestmark = pytest.mark.skip\n", "adds `skip`"],
  [
    "an importorskip",
    "t/test_add.py",
    "import pytest\n",
    'import pytest\npytest.importorskip("nothing")\n',
    "adds `skip`",
  ],
  [
    "any exception will do",
    "t/test_add.py",
    'pytest.raises(ValueError, match="empty")',
    "pytest.raises(Exception)",
    "asks for something else or less",
  ],
  ["a message that no longer matters", "t/test_add.py", ', match="empty"', "", "asks for something else or less"],
  ["a wider tolerance", "t/test_add.py", "rel=1e-6", "rel=0.5", "loses `assert add(0.1, 0.2)"],
  ["half of an and", "t/test_add.py", " and add(1, 3) == 4", "", "loses `assert add(1, 1) == 2 and add(1, 3) == 4`"],
  ["an or that is true", "t/test_add.py", "assert add(1, 1) == 2 and", "assert add(1, 1) == 2 or True and", "loses"],
  [
    "an except that passes",
    "t/test_add.py",
    "    assert add(1, 1) == 2 and add(1, 3) == 4\n",
    "    try:\n        assert add(1, 1) == 2 and add(1, 3) == 4\n    except AssertionError:\n        pass\n",
    "hides its failure",
  ],
  [
    "a renamed test that no longer runs",
    "t/test_add.py",
    "def test_errors",
    "def check_errors",
    "loses the test `test_errors`",
  ],
  [
    "a second test of the same name",
    "t/test_add.py",
    "def test_errors():",
    "def test_errors():\n    pass\n\n\ndef helper():",
    "loses",
  ],
  [
    "assertEqual becomes assertTrue",
    "t/test_unit.py",
    "self.assertEqual(add(1, 2), 3)",
    "self.assertTrue(add(1, 2))",
    "asks for something else or less",
  ],
  ["fewer places", "t/test_unit.py", "places=6", "places=1", "loses `self.assertAlmostEqual"],
  [
    "a test class that is no more",
    "t/test_unit.py",
    "        self.assertEqual(add(1, 2), 3)\n",
    '        self.skipTest("x")\n        self.assertEqual(add(1, 2), 3)\n',
    "adds `skip`",
  ],
  ["a row of a Go table", "add_test.go", '\t\t{"large", 40, 2, 42},\n', "", "loses `if got := Add"],
  ["a Go skip", "add_test.go", "\tif Add(1, 0)", '\tt.Skip("later")\n\tif Add(1, 0)', "adds `skip`"],
  ["a Go condition made weak", "add_test.go", "Add(1, 0) != 1", "Add(1, 0) < 0", "asks for something else or less"],
  ["a Go report that is none", "add_test.go", 't.Fatal("zero")', 't.Log("zero")', "loses `if Add(1, 0)"],
  ["a Go build tag", "add_test.go", "package add", "//go:build never\n\npackage add", "adds `skip`"],
  [
    "a Go exit before all tests",
    "add_test.go",
    "func TestZero",
    "func init() { os.Exit(0) }\n\nfunc TestZero",
    "adds `exit`",
  ],
  [
    "a TestMain that runs nothing",
    "add_test.go",
    "func TestZero",
    "func TestMain(m *testing.M) { os.Exit(0) }\n\nfunc TestZero",
    "adds `exit`",
  ],
  [
    "a deleted Go test",
    "add_test.go",
    'func TestZero(t *testing.T) {\n\tif Add(1, 0) != 1 {\n\t\tt.Fatal("zero")\n\t}\n}\n',
    "",
    "loses the test `TestZero`",
  ],
]

const honest: readonly Edit[] = [
  ["another layout", "t/add.test.js", "  assert.equal(sum, 3)", "    assert.equal(\n      sum,\n      3,\n    );"],
  ["other quotes", "t/add.test.js", '"adds zero"', "'adds zero'"],
  ["a constant put in its place", "t/add.test.js", "assert.equal(sum, 3)", "assert.equal(add(1, 2), 3)"],
  [
    "a constant taken out",
    "t/add.test.js",
    "assert.equal(add(1, 0), 1)",
    "const expected = 1\n  assert.equal(add(1, 0), expected)",
  ],
  [
    "another name for a constant",
    "t/add.test.js",
    "const sum = add(1, 2)\n  assert.equal(sum, 3)",
    "const total = add(1, 2)\n  assert.equal(total, 3)",
  ],
  ["a stricter assertion", "t/add.test.js", "assert.ok(add(2, 2))", "assert.equal(add(2, 2), 4)"],
  ["a message", "t/add.test.js", "assert.equal(sum, 3)", 'assert.equal(sum, 3, "adds")'],
  ["a test renamed", "t/add.test.js", 'test("adds zero"', 'test("leaves a number as it is when zero is added"'],
  [
    "one test more",
    "t/add.test.js",
    'test("adds zero"',
    'test("adds more", () => {\n  assert.equal(add(3, 3), 6)\n})\ntest("adds zero"',
  ],
  ["a new test that is a todo", "t/add.test.js", 'test("adds zero"', 'test.todo("adds more")\ntest("adds zero"'],
  [
    "one assertion more",
    "t/add.test.js",
    "  assert.equal(sum, 3)",
    "  assert.equal(sum, 3)\n  assert.notEqual(sum, 4)",
  ],
  [
    "a helper taken out",
    "t/add.test.js",
    'test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n})',
    'const adds = (a, b, c) => assert.equal(add(a, b), c)\ntest("adds zero", () => {\n  adds(1, 0, 1)\n})',
  ],
  [
    "a helper below",
    "t/add.test.js",
    'test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n})',
    'test("adds zero", () => {\n  adds(1, 0, 1)\n})\nfunction adds(a, b, c) {\n  assert.equal(add(a, b), c)\n}',
  ],
  [
    "a suite around",
    "t/add.test.js",
    'test("adds zero", () => {\n  assert.equal(add(1, 0), 1)\n})',
    'describe("zero", () => {\n  test("adds zero", () => {\n    assert.equal(add(1, 0), 1)\n  })\n})',
  ],
  ["an import from elsewhere", "t/add.test.js", "../src/add.js", "../src/math/add.js"],
  [
    "a loop over a table",
    "t/add.test.js",
    "assert.equal(add(1, 0), 1)",
    "for (const [a, b, c] of [[1, 0, 1], [2, 0, 2]]) assert.equal(add(a, b), c)",
  ],
  ["types", "t/add.test.ts", "(a, b, c) =>", "(a: number, b: number, c: number) =>"],
  ["a stricter matcher", "t/add.test.ts", "toEqual({ a: 1, b: 2 })", "toStrictEqual({ a: 1, b: 2 })"],
  ["more digits", "t/add.test.ts", "0.3, 5", "0.3, 8"],
  ["a row more", "t/add.test.ts", "[2, 3, 5]]", "[2, 3, 5], [3, 3, 6]]"],
  [
    "a table unrolled",
    "t/add.test.ts",
    '  it.each([[1, 1, 2], [2, 3, 5]])("adds %i and %i", (a, b, c) => {\n    expect(add(a, b)).toBe(c)\n  })',
    '  it("adds twos", () => {\n    expect(add(1, 1)).toBe(2)\n    expect(add(2, 3)).toBe(5)\n  })',
  ],
  [
    "rows as objects",
    "t/add.test.ts",
    '[[1, 1, 2], [2, 3, 5]])("adds %i and %i", (a, b, c) =>',
    '[{ a: 1, b: 1, c: 2 }, { a: 2, b: 3, c: 5 }])("adds", ({ a, b, c }) =>',
  ],
  ["a shorter time", "t/add.test.ts", 'it("adds", async () => {', 'it("adds", { timeout: 1000 }, async () => {'],
  [
    "an unconditional finally",
    "t/add.test.ts",
    "expect(add(1, 2)).toBe(3)",
    "try { expect(add(1, 2)).toBe(3) } finally { reset() }",
  ],
  ["a row of parameters more", "t/test_add.py", "(4, 5, 9)]", "(4, 5, 9), (0, 0, 0)]"],
  ["a message in Python", "t/test_add.py", "assert add(a, b) == c", 'assert add(a, b) == c, "sum"'],
  [
    "an and in two",
    "t/test_add.py",
    "    assert add(1, 1) == 2 and add(1, 3) == 4",
    "    assert add(1, 1) == 2\n    assert add(1, 3) == 4",
  ],
  ["a narrower tolerance", "t/test_add.py", "rel=1e-6", "rel=1e-9"],
  [
    "a Python helper",
    "t/test_add.py",
    "    assert add(1, 1) == 2 and add(1, 3) == 4",
    "    check(1, 1, 2)\n    check(1, 3, 4)\n\n\ndef check(a, b, c):\n    assert add(a, b) == c",
  ],
  [
    "a class around it",
    "t/test_add.py",
    'def test_errors():\n    with pytest.raises(ValueError, match="empty"):\n        add("")\n    assert add(0.1, 0.2) == pytest.approx(0.3, rel=1e-6)\n    assert add(1, 1) == 2 and add(1, 3) == 4\n',
    'class TestErrors:\n    def test_errors(self):\n        with pytest.raises(ValueError, match="empty"):\n            add("")\n        assert add(0.1, 0.2) == pytest.approx(0.3, rel=1e-6)\n        assert add(1, 1) == 2 and add(1, 3) == 4\n',
  ],
  ["a Go row more", "add_test.go", '{"large", 40, 2, 42},', '{"large", 40, 2, 42},\n\t\t{"none", 0, 0, 0},'],
  ["another Go message", "add_test.go", '"got %d", got', '"got %d, want %d", got, tt.want'],
  ["a Go variable", "add_test.go", "if Add(1, 0) != 1 {", "got := Add(1, 0)\n\tif got != 1 {"],
  ["a Go comment", "add_test.go", "func TestZero", "// Zero changes nothing.\nfunc TestZero"],
]

const doubtful: readonly Edit[] = [
  ["a Go row that is changed", "add_test.go", "40, 2, 42", "40, 2, 38"],
  ["something else in its place", "t/add.test.js", "assert.equal(add(1, 0), 1)", "assert.equal(add(0, 0), 0)"],
  [
    "more time for all",
    "t/add.test.ts",
    'describe("add", () => {',
    'vi.setConfig({ testTimeout: 60000 })\ndescribe("add", () => {',
  ],
  ["no limit at all", "t/add.test.ts", 'describe("add", () => {', 'describe("add", function () {\n  this.timeout(0)'],
  ["more time", "t/add.test.ts", 'it("adds", async () => {', 'it("adds", { timeout: 60000 }, async () => {'],
  ["a stand-in for what is tested", "t/add.test.ts", 'describe("add"', 'vi.mock("../src/add")\ndescribe("add"'],
  ["what is tested comes from the tests", "t/add.test.js", "../src/add.js", "./fixtures/add.js"],
  [
    "what is tested is made by the test",
    "t/add.test.js",
    'import { add } from "../src/add.js"',
    "const add = (a, b) => a + b",
  ],
  ["other assertions", "t/add.test.js", "node:assert/strict", "./assert.js"],
  [
    "a patch in Python",
    "t/test_add.py",
    "def test_errors():",
    'def test_errors(monkeypatch):\n    monkeypatch.setattr("shop.add.add", lambda *a: 3)',
  ],
]

function edited(path: string, from: string, to: string): Retraction[] {
  const before = files[path] ?? ""
  expect(before).toContain(from)
  return compared({ [path]: before }, { [path]: before.replace(from, to) })
}

describe("compareTests", () => {
  test.each(cheats)("T3: %s is taken back, in %s", (_name, path, from, to, said) => {
    const found = edited(path, from, to)
    expect(
      found
        .filter(({ sure }) => sure)
        .map(({ text }) => text)
        .join("\n"),
    ).toContain(said)
  })

  test.each(honest)("T13: %s takes nothing back, in %s", (_name, path, from, to) => {
    expect(edited(path, from, to)).toEqual([])
  })

  test.each(doubtful)("T13: %s is a question, in %s", (_name, path, from, to) => {
    const found = edited(path, from, to)
    expect(found).not.toEqual([])
    expect(found.filter(({ sure }) => sure)).toEqual([])
  })

  test("T13: a file that moves takes nothing back", () => {
    expect(compared({ "t/add.test.js": js }, { "t/unit/add.test.js": js.replace("../src", "../../src") })).toEqual([])
  })

  test("T13: tests that are split over two files take nothing back", () => {
    const [first = "", second = ""] = js.split('test("adds zero"')
    const head = first.slice(0, first.indexOf("test("))
    expect(
      compared(
        { "t/add.test.js": js },
        { "t/add.test.js": first, "t/zero.test.js": `${head}test("adds zero"${second}` },
      ),
    ).toEqual([])
  })

  test.each([
    ["another of its name below", "\n\ndef test_errors():\n    assert add(1, 1) == 2\n"],
    ["another of its name in a branch", "\n\nif add:\n    def test_errors():\n        assert add(1, 1) == 2\n"],
    ["another meaning of its name", "\n\ntest_errors = add\n"],
  ])("T3: a Python test is gone with %s", (_, more) => {
    expect(compared({ "t/test_add.py": py }, { "t/test_add.py": py + more })).not.toEqual([])
  })

  test("a Go import stands alone or in a group", () => {
    const go = (imports: string) =>
      `package a\n\n${imports}\n\nfunc TestA(t *testing.T) {\n\tif add() != 1 {\n\t\tt.Fatal("no")\n\t}\n}\n`
    const group = go('import (\n\t"errors"\n\t"testing"\n)')
    expect(compared({ "a_test.go": group }, { "a_test.go": go('import "testing"') })).toEqual([])
  })

  test("T3: a deleted file loses its tests", () => {
    expect(compared({ "t/test_add.py": py }, {})).toEqual([
      { text: "t/test_add.py:5 loses the test `test_add`", sure: true, wanted: true },
      { text: "t/test_add.py:10 loses the test `test_errors`", sure: true, wanted: true },
    ])
  })

  test("T3: a new file may not keep the others from running", () => {
    expect(compared({}, { "t/b.test.js": 'test.only("b", () => {})\n' })).toEqual([
      { text: '`t/b.test.js adds `only`: `test.only("b", () => {})`'.slice(1), sure: true },
    ])
  })
})
