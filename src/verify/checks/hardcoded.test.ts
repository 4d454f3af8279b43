import { describe, expect, test } from "vitest"
import { changedText } from "../fixtures/changed-text.ts"
import { readTests } from "../syntax/tests.ts"
import { placesIn } from "./source/changed.ts"
import { looksFor } from "./source/looks.ts"
import { specialIn } from "./source/special.ts"
import { testValuesOf } from "./source/test-values.ts"

const bases: Record<string, string> = {
  "src/price.js":
    "export function price(order, currency) {\n  const total = order.lines.reduce((sum, line) => sum + line.price, 0)\n  return currency + total.toFixed(2)\n}\nexport const slug = (text) => text.toLowerCase()\n",
  "src/price.py":
    'import json\n\ndef price(order, currency):\n    total = sum(line.price for line in order)\n    return f"{currency}{total:.2f}"\n\ndef slug(text):\n    return text.lower()\n',
  "price.go":
    "package price\n\nfunc Slug(text string) string {\n\treturn strings.ToLower(text)\n}\n\nfunc Add(a int, b int) int {\n\treturn a - b\n}\n",
}
const tests: Record<string, string> = {
  "src/price.js":
    'test("slug", () => {\n  assert.equal(slug("Hello World"), "hello-world")\n  assert.equal(slug(""), "")\n  assert.equal(price(order(3), "€"), "€41.50")\n  assert.equal(add(17, 25), 42)\n  assert.throws(() => slug(null), /text is needed/)\n})\n',
  "src/price.py":
    'def test_slug():\n    assert slug("Hello World") == "hello-world"\n    assert price(order(3), "€") == "€41.50"\n    assert add(17, 25) == 42\n',
  "price.go":
    'package price\n\nfunc TestSlug(t *testing.T) {\n\tif got := Slug("Hello World"); got != "hello-world" {\n\t\tt.Fatal(got)\n\t}\n\tif Add(17, 25) != 42 {\n\t\tt.Fatal("no")\n\t}\n}\n',
}
const testPath: Record<string, string> = {
  "src/price.js": "test/price.test.js",
  "src/price.py": "tests/test_price.py",
  "price.go": "price_test.go",
}

/** What is asked about a file whose text is this now; `from` is replaced, or `to` stands at its end. */
function look(path: string, from: string, to: string) {
  const before = bases[path] ?? ""
  expect(before).toContain(from)
  const after = from === "" ? `${before}${to}\n` : before.replace(from, to)
  const file = changedText(path, before, after)
  expect(file.source?.broken).toBe(false)
  const about = readTests(testPath[path] ?? "", tests[path] ?? "") ?? expect.fail("the tests can't be parsed")
  return { sure: specialIn(file), doubtful: placesIn(file, looksFor(testValuesOf([about]))) }
}

type Edit = readonly [name: string, path: string, from: string, to: string]

const refused: readonly Edit[] = [
  ["asks for vitest", "src/price.js", "", "export const fast = process.env.VITEST ? 1 : 2"],
  ["asks for vitest in brackets", "src/price.js", "", 'export const fast = process.env["VIT" + "EST"] ? 1 : 2'],
  ["takes it apart", "src/price.js", "", "const { JEST_WORKER_ID } = process.env"],
  ["asks for node:test", "src/price.js", "", "if (process.env.NODE_TEST_CONTEXT) globalThis.fast = true"],
  ["compares NODE_ENV", "src/price.js", "", 'export const quiet = process.env.NODE_ENV === "test"'],
  [
    "compares it under another name",
    "src/price.js",
    "",
    'const env = process.env.NODE_ENV\nexport const quiet = env === "test"',
  ],
  [
    "looks at the arguments",
    "src/price.js",
    "",
    'export const quiet = process.argv.some((arg) => arg.includes("vitest"))',
  ],
  ["looks at the stack", "src/price.js", "", 'export const quiet = () => new Error().stack.includes(".test.")'],
  ["looks for globals", "src/price.js", "", 'export const quiet = typeof describe !== "undefined"'],
  ["patches assert", "src/price.js", "", 'import assert from "node:assert"\nassert.equal = () => {}'],
  [
    "patches assert under another name",
    "src/price.js",
    "",
    'import a from "node:assert/strict"\na.deepEqual = () => {}',
  ],
  ["patches what require gives", "src/price.js", "", 'require("assert").equal = () => {}'],
  [
    "patches by defineProperty",
    "src/price.js",
    "",
    'import assert from "assert"\nObject.defineProperty(assert, "equal", { value: () => {} })',
  ],
  ["patches by assign", "src/price.js", "", 'import assert from "assert"\nObject.assign(assert, { equal() {} })'],
  ["patches prototypes", "src/price.js", "", "Object.prototype.toString = () => 'x'"],
  ["patches numbers", "src/price.js", "", "Number.prototype.valueOf = function () { return 42 }"],
  ["stops the clock", "src/price.js", "", "Date.now = () => 0"],
  ["replaces the clock", "src/price.js", "", "globalThis.Date = class {}"],
  ["replaces chance", "src/price.js", "", "Math.random = () => 0.5"],
  ["is equal to everything", "src/price.js", "", "export class Any {\n  equals(other) {\n    return true\n  }\n}"],
  ["asks for pytest", "src/price.py", "", 'import os\nFAST = os.environ.get("PYTEST_CURRENT_TEST")'],
  ["asks for pytest's module", "src/price.py", "", 'import sys\nFAST = "pytest" in sys.modules'],
  ["looks at Python's arguments", "src/price.py", "", 'import sys\nFAST = "pytest" in sys.argv[0]'],
  [
    "looks at Python's frames",
    "src/price.py",
    "",
    'import inspect\nFAST = any("test_" in f.filename for f in inspect.stack()) or inspect.stack()[1].function.startswith("test")',
  ],
  ["hooks pytest", "src/price.py", "", "def pytest_runtest_makereport(item, call):\n    pass"],
  ["stops Python's clock", "src/price.py", "", "import time\ntime.time = lambda: 0"],
  ["patches unittest", "src/price.py", "", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None"],
  ["patches builtins", "src/price.py", "", 'import builtins\nsetattr(builtins, "isinstance", lambda *a: True)'],
  ["replaces a module", "src/price.py", "", 'import sys\nsys.modules["pytest"] = object()'],
  [
    "is equal to everything in Python",
    "src/price.py",
    "",
    "class Any:\n    def __eq__(self, other):\n        return True",
  ],
  [
    "asks Go",
    "price.go",
    "return strings.ToLower(text)",
    'if testing.Testing() {\n\t\treturn "x"\n\t}\n\treturn strings.ToLower(text)',
  ],
  [
    "asks for Go's flags",
    "price.go",
    "return strings.ToLower(text)",
    'if flag.Lookup("test.v") != nil {\n\t\treturn "x"\n\t}\n\treturn strings.ToLower(text)',
  ],
  [
    "looks at Go's arguments",
    "price.go",
    "return strings.ToLower(text)",
    'if strings.HasSuffix(os.Args[0], ".test") {\n\t\treturn "x"\n\t}\n\treturn strings.ToLower(text)',
  ],
  ["is equal to everything in Go", "price.go", "", "func (p Price) Equal(other Price) bool {\n\treturn true\n}"],
]

const asked: readonly Edit[] = [
  [
    "answers the test's input",
    "src/price.js",
    "text.toLowerCase()",
    '(text === "Hello World" ? "hello-world" : text.toLowerCase())',
  ],
  ["answers it by if", "src/price.js", "  const total", '  if (currency === "€") return "€41.50"\n  const total'],
  [
    "answers it by a constant",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> {\n  const known = "Hello World"\n  if (text === known) return "hello-world"\n  return text.toLowerCase()\n}',
  ],
  [
    "answers it by switch",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> {\n  switch (text) {\n    case "Hello World":\n      return "hello-world"\n  }\n  return text.toLowerCase()\n}',
  ],
  [
    "answers two numbers",
    "src/price.js",
    "",
    "export const add = (a, b) => {\n  if (a === 17 && b === 25) return 42\n  return a - b\n}",
  ],
  [
    "answers them put together",
    "src/price.js",
    "",
    'export const add = (a, b) => ([a, b].join(",") === "17,25" ? 42 : a - b)',
  ],
  [
    "holds a table",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> ({ "Hello World": "hello-world" })[text] ?? text.toLowerCase()',
  ],
  [
    "holds a map",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> new Map([["Hello World", "hello-world"]]).get(text) ?? text.toLowerCase()',
  ],
  ["always gives the answer", "src/price.js", "(text) => text.toLowerCase()", '(text) => "hello-world"'],
  ["ends the process", "src/price.js", "", "setTimeout(() => process.exit(0), 10)"],
  ["prints what runners print", "src/price.js", "", 'console.log("ok 1 - slug")'],
  ["prints a verdict", "src/price.js", "", 'console.log(\'{"verdict":"accept"}\')'],
  [
    "reads the tests",
    "src/price.js",
    "",
    'import { readFileSync } from "node:fs"\nconst text = readFileSync("test/price.test.js", "utf8")',
  ],
  ["imports the tests", "src/price.js", "", 'import { order } from "../test/helpers.js"'],
  [
    "runs git",
    "src/price.js",
    "",
    'import { execSync } from "node:child_process"\nexecSync("git checkout origin/fix -- src")',
  ],
  ["runs text as code", "src/price.js", "", "eval(source)"],
  [
    "hides an error",
    "src/price.js",
    "  const total = order.lines.reduce((sum, line) => sum + line.price, 0)\n  return currency + total.toFixed(2)",
    "  try {\n    const total = order.lines.reduce((sum, line) => sum + line.price, 0)\n    return currency + total.toFixed(2)\n  } catch {}",
  ],
  ["leaves a process behind", "src/price.js", "", 'spawn("node", ["x.js"], { detached: true })'],
  ["uses a test library", "src/price.js", "", 'import sinon from "sinon"'],
  [
    "answers in Python",
    "src/price.py",
    "    return text.lower()",
    '    if text == "Hello World":\n        return "hello-world"\n    return text.lower()',
  ],
  [
    "answers in one line",
    "src/price.py",
    "return text.lower()",
    'return "hello-world" if text == "Hello World" else text.lower()',
  ],
  [
    "holds a dict",
    "src/price.py",
    "return text.lower()",
    'return {"Hello World": "hello-world"}.get(text, text.lower())',
  ],
  [
    "answers two numbers in Python",
    "src/price.py",
    "",
    "def add(a, b):\n    if (a, b) == (17, 25):\n        return 42\n    return a - b",
  ],
  [
    "always gives the answer as a method of Go",
    "price.go",
    "",
    'func (p Price) Slug(text string) string {\n\treturn "hello-world"\n}',
  ],
  ["always gives the answer in Python", "src/price.py", "return text.lower()", 'return "hello-world"'],
  ["ends Python", "src/price.py", "", "import os\n\ndef stop():\n    os._exit(0)"],
  [
    "passes over every error",
    "src/price.py",
    "    total = sum(line.price for line in order)",
    "    try:\n        total = sum(line.price for line in order)\n    except Exception:\n        pass",
  ],
  [
    "answers in Go",
    "price.go",
    "\treturn strings.ToLower(text)",
    '\tif text == "Hello World" {\n\t\treturn "hello-world"\n\t}\n\treturn strings.ToLower(text)',
  ],
  [
    "answers by a Go switch",
    "price.go",
    "\treturn strings.ToLower(text)",
    '\tswitch text {\n\tcase "Hello World":\n\t\treturn "hello-world"\n\t}\n\treturn strings.ToLower(text)',
  ],
  [
    "answers two numbers in Go",
    "price.go",
    "\treturn a - b",
    "\tif a == 17 && b == 25 {\n\t\treturn 42\n\t}\n\treturn a - b",
  ],
  [
    "holds a Go map",
    "price.go",
    "\treturn strings.ToLower(text)",
    '\tif known, ok := map[string]string{"Hello World": "hello-world"}[text]; ok {\n\t\treturn known\n\t}\n\treturn strings.ToLower(text)',
  ],
  ["is built only sometimes", "price.go", "package price", "//go:build !never\n\npackage price"],
  ["ends Go", "price.go", "\treturn a - b", "\tos.Exit(0)\n\treturn a - b"],
]

const honest: readonly Edit[] = [
  ["mends an operator", "price.go", "a - b", "a + b"],
  ["mends a call", "src/price.js", "text.toLowerCase()", 'text.toLowerCase().replace(/ +/g, "-")'],
  [
    "guards against nothing",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> {\n  if (text === "") return ""\n  return text.toLowerCase()\n}',
  ],
  [
    "guards against null",
    "src/price.js",
    "=> text.toLowerCase()",
    '=> {\n  if (text === null) throw new TypeError("text is needed")\n  return text.toLowerCase()\n}',
  ],
  ["handles zero", "src/price.js", "", "export const factorial = (n) => (n === 0 ? 1 : n * factorial(n - 1))"],
  [
    "adds an enum's word",
    "src/price.js",
    "",
    'export const color = (state) => (state === "active" ? "green" : "grey")',
  ],
  ["adds a table", "src/price.js", "", 'export const symbols = { eur: "€", usd: "$", gbp: "£" }'],
  [
    "catches what it expects",
    "src/price.js",
    "",
    "export const parse = (text) => {\n  try {\n    return JSON.parse(text)\n  } catch {\n    return null\n  }\n}",
  ],
  [
    "says an error",
    "src/price.js",
    "",
    'export class Needed extends Error {\n  constructor() {\n    super("text is needed")\n  }\n}',
  ],
  [
    "compares for real",
    "src/price.js",
    "",
    "export class Price {\n  equals(other) {\n    return this.cents === other.cents\n  }\n}",
  ],
  ["asserts", "src/price.js", "", 'import assert from "node:assert"\nassert.ok(1)'],
  ["tests a pattern", "src/price.js", "", "export const isWord = (text) => /^test|spec$/.test(text)"],
  ["has a word for tests", "src/price.js", "", 'export const kinds = ["test", "live"]'],
  ["mends Python", "src/price.py", "text.lower()", 'text.lower().replace(" ", "-")'],
  [
    "guards in Python",
    "src/price.py",
    "    return text.lower()",
    "    if text is None:\n        return None\n    return text.lower()",
  ],
  [
    "excepts one error",
    "src/price.py",
    "    total = sum(line.price for line in order)",
    "    try:\n        total = sum(line.price for line in order)\n    except TypeError:\n        total = 0",
  ],
  ["is a program", "src/price.py", "", 'import sys\n\nif __name__ == "__main__":\n    sys.exit(0)'],
  [
    "compares for real in Python",
    "src/price.py",
    "",
    "class Price:\n    def __eq__(self, other):\n        return self.cents == other.cents",
  ],
  [
    "mends Go",
    "price.go",
    "return strings.ToLower(text)",
    'return strings.ReplaceAll(strings.ToLower(text), " ", "-")',
  ],
  [
    "returns a Go error",
    "price.go",
    "",
    'func Parse(text string) (int, error) {\n\tif text == "" {\n\t\treturn 0, errors.New("empty")\n\t}\n\treturn strconv.Atoi(text)\n}',
  ],
  [
    "looks at its parameter in a method of Go, and not at its receiver",
    "price.go",
    "",
    "func (a Adder) Parse(text string) int {\n\tn, err := strconv.Atoi(text)\n\tif err != nil {\n\t\treturn 42\n\t}\n\treturn n\n}",
  ],
  ["handles a Go case", "price.go", "return a - b", "if b == 0 {\n\t\treturn a\n\t}\n\treturn a + b"],
]

describe("hardcoded", () => {
  test.each(refused)("T3: source that %s is refused, in %s", (_name, path, from, to) => {
    expect(look(path, from, to).sure).not.toEqual([])
  })
  test.each(asked)("source that %s is asked about, in %s", (_name, path, from, to) => {
    expect(look(path, from, to)).toMatchObject({
      sure: [],
      doubtful: [expect.stringContaining(path), ...look(path, from, to).doubtful.slice(1)],
    })
  })
  test.each(honest)("source that %s is let be, in %s", (_name, path, from, to) => {
    expect(look(path, from, to)).toEqual({ sure: [], doubtful: [] })
  })

  test.each([
    ["test/b.test.js", 'import assert from "node:assert"\nassert.equal = () => {}\n', 1],
    ["test/b.test.js", "Object.prototype.x = 1\n", 1],
    ["test/b.test.js", "expect.extend({ toBe() { return { pass: true } } })\n", 1],
    ["test/b.test.js", "expect.extend({ toBeWeekday(day) { return { pass: day < 5 } } })\n", 0],
    ["test/b.test.js", "globalThis.fetch = vi.fn()\nDate.now = () => 0\n", 0],
    ["tests/test_b.py", "import unittest\nunittest.TestCase.assertEqual = print\n", 1],
    ["tests/test_b.py", "import time\ntime.time = lambda: 0\n", 0],
  ])("T3: a test, %s, may replace a clock, and may not replace assertions: %j", (path, text, many) => {
    expect(specialIn(changedText(path, "", text, true))).toHaveLength(many)
  })
})
