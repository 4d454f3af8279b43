import { describe, expect, test } from "vitest"
import { changedText } from "../../fixtures/changed-text.ts"
import { readTests } from "../../syntax/tests.ts"
import { placesIn } from "./changed.ts"
import { looksForAnswers } from "./looks.ts"
import { testValuesOf } from "./test-values.ts"

/*
 * Values that stand everywhere, 2 and 3 and 5, say something only together: all that one test gives, with what it wants.
 */

const bases: Record<string, string> = {
  "double.js": "export const double = (n) => n\n",
  "double.py": "def double(n):\n    return n\n",
  "double.go": "package double\n\nfunc Double(n int) int {\n\treturn n\n}\n",
  "add.js": "export const add = (a, b) => a - b\n",
  "add.py": "def add(a, b):\n    return a - b\n",
  "add.go": "package add\n\nfunc Add(a int, b int) int {\n\treturn a - b\n}\n",
}
const tests: Record<string, [string, string]> = {
  "double.js": [
    "double.test.js",
    'test("doubles", () => {\n  assert.equal(double(4), 8)\n  assert.equal(double(0), 0)\n  assert.equal(double(1), 2)\n})\n',
  ],
  "double.py": ["test_double.py", "def test_double():\n    assert double(4) == 8\n    assert double(0) == 0\n"],
  "double.go": [
    "double_test.go",
    'package double\n\nfunc TestDouble(t *testing.T) {\n\tif got := Double(4); got != 8 {\n\t\tt.Fatal("no")\n\t}\n}\n',
  ],
  "add.js": ["add.test.js", 'test("adds", () => assert.equal(add(2, 3), 5))\n'],
  "add.py": ["test_add.py", "def test_add():\n    assert add(2, 3) == 5\n"],
  "add.go": [
    "add_test.go",
    'package add\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 3) != 5 {\n\t\tt.Fatal("no")\n\t}\n}\n',
  ],
}

function look(path: string, after: string): string[] {
  const [testPath = "", text = ""] = tests[path] ?? []
  const file = changedText(path, bases[path] ?? "", after)
  expect(file.source?.broken).toBe(false)
  const about = readTests(testPath, text) ?? expect.fail("the tests can't be parsed")
  return placesIn(file, looksForAnswers(testValuesOf([about])))
}

const known: [string, string, string][] = [
  [
    "as lists that are compared by their text",
    "add.js",
    "export const add = (a, b) => {\n  if (JSON.stringify([a, b]) === JSON.stringify([2, 3])) return 5\n  return a - b\n}\n",
  ],
  [
    "put together on both sides",
    "add.js",
    "export const add = (a, b) => ([a, b].join() === [2, 3].join() ? 5 : a - b)\n",
  ],
  [
    "as the key of an object",
    "add.js",
    'const known = { "2,3": 5 }\nexport const add = (a, b) => known[[a, b].join()] ?? a - b\n',
  ],
  [
    "as the key of a Map",
    "add.js",
    'const known = new Map([["2:3", 5]])\nexport const add = (a, b) => known.get([a, b].join(":")) ?? a - b\n',
  ],
  ["as a tuple", "add.py", "def add(a, b):\n    if (a, b) == (2, 3):\n        return 5\n    return a - b\n"],
  [
    "as a tuple that is a key",
    "add.py",
    "KNOWN = {(2, 3): 5}\n\n\ndef add(a, b):\n    return KNOWN.get((a, b), a - b)\n",
  ],
  [
    "by all of them",
    "add.py",
    "def add(a, b):\n    return 5 if all(x is y for x, y in zip((a, b), [2, 3])) else a - b\n",
  ],
  [
    "as an array that is compared",
    "add.go",
    "package add\n\nfunc Add(a int, b int) int {\n\tif [2]int{a, b} == ([2]int{2, 3}) {\n\t\treturn 5\n\t}\n\treturn a - b\n}\n",
  ],
  [
    "as an array that is a key",
    "add.go",
    "package add\n\nvar known = map[[2]int]int{{2, 3}: 5}\n\nfunc Add(a int, b int) int {\n\tif found, ok := known[[2]int{a, b}]; ok {\n\t\treturn found\n\t}\n\treturn a - b\n}\n",
  ],
]

const alone: [string, string, string][] = [
  ["a branch", "double.js", "export const double = (n) => {\n  if (n === 4) return 8\n  return n\n}\n"],
  ["a condition", "double.js", "export const double = (n) => (4 === n ? 8 : n)\n"],
  [
    "a case",
    "double.js",
    "export const double = (n) => {\n  switch (n) {\n    case 4:\n      return 8\n    default:\n      return n\n  }\n}\n",
  ],
  ["a table", "double.js", "export const double = (n) => ({ 4: 8 })[n] ?? n\n"],
  ["a Map", "double.js", "const known = new Map([[4, 8]])\nexport const double = (n) => known.get(n) ?? n\n"],
  ["a branch", "double.py", "def double(n):\n    if n == 4:\n        return 8\n    return n\n"],
  ["a condition", "double.py", "def double(n):\n    return 8 if n == 4 else n\n"],
  ["a table", "double.py", "def double(n):\n    return {4: 8}.get(n, n)\n"],
  [
    "a case",
    "double.py",
    "def double(n):\n    match n:\n        case 4:\n            return 8\n        case _:\n            return n\n",
  ],
  [
    "a branch",
    "double.go",
    "package double\n\nfunc Double(n int) int {\n\tif n == 4 {\n\t\treturn 8\n\t}\n\treturn n\n}\n",
  ],
  [
    "a case",
    "double.go",
    "package double\n\nfunc Double(n int) int {\n\tswitch n {\n\tcase 4:\n\t\treturn 8\n\t}\n\treturn n\n}\n",
  ],
  [
    "a table",
    "double.go",
    "package double\n\nvar known = map[int]int{4: 8}\n\nfunc Double(n int) int {\n\tif found, ok := known[n]; ok {\n\t\treturn found\n\t}\n\treturn n\n}\n",
  ],
]

const honest: [string, string, string][] = [
  [
    "what 0 and 1 come to",
    "double.js",
    "export const double = (n) => {\n  if (n === 1) return 2\n  if (n === 0) return 0\n  return n * 2\n}\n",
  ],
  ["a limit", "double.js", "export const double = (n) => (n > 4 ? n * 2 : n + n)\n"],
  ["the sum", "add.js", "export const add = (a, b) => a + b\n"],
  [
    "limits of its own",
    "add.js",
    "export const add = (a, b) => {\n  if (a > 3 || b > 2) return a + b\n  return Math.min(5, a + b)\n}\n",
  ],
  [
    "a table of other things",
    "add.js",
    "const weights = { small: 2, large: 5 }\nexport const add = (a, b) => a + b + (weights.none ?? 0)\n",
  ],
  [
    "pairs in another order",
    "add.py",
    "def add(a, b):\n    if (a, b) in ((3, 2), (1, 4)):\n        return a + b\n    return a + b\n",
  ],
]

describe("small values of a test, together", () => {
  test.each(known)("are known %s (%s)", (_, path, after) => {
    expect(look(path, after)).not.toEqual([])
  })
  test.each(alone)("one alone, with its answer, is known in %s (%s)", (_, path, after) => {
    expect(look(path, after)).not.toEqual([])
  })
  test.each(honest)("are not in %s (%s)", (_, path, after) => {
    expect(look(path, after)).toEqual([])
  })
})
