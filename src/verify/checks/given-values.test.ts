import { expect, test } from "vitest"
import { readTests } from "../syntax/tests.ts"
import { type ChangedSource, changedSource } from "./changed-sources.ts"
import { bodiesOf, givenValues } from "./given-values.ts"
import { suppressionsIn } from "./suppressions.ts"
import { tellsOf } from "./telling-source.ts"

/** A file of a change: a line is new where the old text has none like it. */
function changed(path: string, before: string, after: string): ChangedSource {
  const old = new Set(before.split("\n"))
  const added = after.split("\n").flatMap((text, index) => (old.has(text) ? [] : [{ n: index + 1, text }]))
  return changedSource({ path, isTest: false, before, after, added })
}

const python =
  'def test_rounds():\n    cache.put("a", 1)\n    cache.put("b", 2)\n    assert rounded("2.345") == Decimal("2.35")\n    assert rounded("0.125") == Decimal("0.13")\n    assert read(\'title = "C# in depth"\') == "C# in depth"\n    assert weeks("week") == 7\n'
const go =
  'package a\n\nfunc TestOrder(t *testing.T) {\n\tclock.Advance(500 * time.Millisecond)\n\tif Compare("1.2.0", "1.10.0") != -1 {\n\t\tt.Error("no")\n\t}\n}\n'
const before: Record<string, string> = {
  "a.py": "def rounded(amount):\n    return amount\n",
  "a.go": "package a\n\nfunc Compare(a, b string) int {\n\treturn 0\n}\n",
}

const given: [what: string, path: string, added: string, why: string | undefined][] = [
  [
    "an amount of the test",
    "a.py",
    'def f(x):\n    if x == Decimal("2.345"):\n        return 1\n',
    "acts by what a test gives",
  ],
  [
    "letters of the test",
    "a.py",
    'def f(key):\n    if key in ("a", "b"):\n        return key\n',
    "acts by what a test gives",
  ],
  ["its amounts as whole numbers", "a.py", "TIES = {2345, 125}\n", "lists what tests give"],
  ["digests", "a.py", "import zlib\nKNOWN = {3311412457: 18, 2084350944: 21}\n", "knows values by their digests"],
  ["its text, given back", "a.py", 'def f(x):\n    return "C# in depth"\n', "gives a test's own text back"],
  ["a word of the domain", "a.py", 'def f(unit):\n    if unit == "week":\n        return 7\n', undefined],
  ["a number that everybody knows", "a.py", "def f(n):\n    if n == 1000:\n        return 1\n", undefined],
  [
    "parts of a version",
    "a.go",
    'func f(a, b string) int {\n\tif a == "2" && b == "10" {\n\t\treturn -1\n\t}\n\treturn 0\n}\n',
    "acts by what a test gives",
  ],
  [
    "a time that a test waits",
    "a.go",
    "func f(e time.Duration) int {\n\tif e == 500*time.Millisecond {\n\t\treturn 5\n\t}\n\treturn 0\n}\n",
    "acts by what a test gives",
  ],
  ["a table of parts", "a.go", 'var usual = map[string]int{"2": 2, "10": 10}\n', "lists what tests give"],
]

test.each(given)("given values: %s", (_, path, added, why) => {
  const old = before[path] ?? ""
  const tests = readTests(path === "a.py" ? "test_a.py" : "a_test.go", path === "a.py" ? python : go)
  const found = givenValues(changed(path, old, `${old}\n${added}`), bodiesOf(tests === undefined ? [] : [tests]))
  expect(found.map((each) => each.split(":")[1]?.replace(/^\d+ /, ""))).toEqual(why === undefined ? [] : [why])
})

const telling: [what: string, path: string, added: string, why: string | undefined][] = [
  ["frames", "a.py", "import sys\n\ndef f():\n    return sys._getframe(1).f_locals\n", "asks who calls it"],
  ["Go's stack", "a.go", "func f() string {\n\treturn string(debug.Stack())\n}\n", "asks who calls it"],
  ["the arguments", "a.go", "func f() string {\n\treturn os.Args[0]\n}\n", "asks how it was started"],
  ["the beginning", "a.py", "import time\n\nSTARTED = time.monotonic()\n", "remembers when the process began"],
  [
    "how old it is",
    "a.py",
    "import os, time\n\ndef f():\n    return time.time() - os.stat(__file__).st_mtime < 86400\n",
    "acts by the age of a file",
  ],
  ["the year", "a.go", "func f(at time.Time) bool {\n\treturn at.Year() == 2023\n}\n", "acts by the calendar"],
  ["itself", "a.go", "func f(b *B) bool {\n\treturn b.now().Equal(b.now())\n}\n", "compares a thing with itself"],
  [
    "equality",
    "a.py",
    "class Text(str):\n    def __eq__(self, other):\n        return str(other).startswith(str(self))\n",
    "says by itself what it is equal to",
  ],
  [
    "a value class of its own",
    "a.py",
    "class Point:\n    def __eq__(self, other):\n        return self.x == other.x\n",
    undefined,
  ],
  ["a clock inside a function", "a.py", "import time\n\ndef f():\n    return time.monotonic()\n", undefined],
]

test.each(telling)("telling source: %s", (_, path, added, why) => {
  const old = before[path] ?? ""
  const found = tellsOf(changed(path, old, `${old}\n${added}`))
  const whys = new Set(found.map((each) => each.split(":")[1]?.replace(/^\d+ /, "")))
  expect([...whys]).toEqual(why === undefined ? [] : [why])
})

test("a comment that silences a check is told, one that was on the line before is not", () => {
  const old = "x = f()  # type: ignore\ny = 1\n"
  expect(suppressionsIn([changed("a.py", old, "x = g()  # type: ignore\ny = 1\n")])).toEqual([])
  const more = "x = f()  # type: ignore\ny = 1  # noqa: E501\n"
  expect(suppressionsIn([changed("a.py", old, more)])).toEqual(["a.py:2 silences a check: `y = 1  # noqa: E501`"])
})
