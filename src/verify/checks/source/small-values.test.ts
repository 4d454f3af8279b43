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
  "add.js": "export const add = (a, b) => a - b\n",
  "add.py": "def add(a, b):\n    return a - b\n",
  "add.go": "package add\n\nfunc Add(a int, b int) int {\n\treturn a - b\n}\n",
}
const tests: Record<string, [string, string]> = {
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

const honest: [string, string, string][] = [
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
  test.each(honest)("are not in %s (%s)", (_, path, after) => {
    expect(look(path, after)).toEqual([])
  })
})
