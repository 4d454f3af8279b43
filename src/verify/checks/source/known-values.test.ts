import { describe, expect, test } from "vitest"
import { changedText } from "../../fixtures/changed-text.ts"
import { readTests } from "../../syntax/tests.ts"
import { type ChangedSource, placesIn } from "./changed.ts"
import { looksForAnswers } from "./looks.ts"
import { answersInLines, tablesInData } from "./tables.ts"
import { testValuesOf } from "./test-values.ts"

function known(file: ChangedSource, path: string, tests: string): string[] {
  const values = testValuesOf([readTests(path, tests) ?? expect.fail("the tests can't be parsed")])
  return placesIn(file, looksForAnswers(values))
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
  const [testPath, tests] = path === "a.py" ? ["test_a.py", python] : ["a_test.go", go]
  // A test's input with its very answer is told in other words, whatever it is.
  const found = known(changedText(path, old, `${old}\n${added}`), testPath, tests)
    .map((each) => each.split(":")[1]?.replace(/^\d+ /, ""))
    .filter((each) => each !== "answers a test's input by itself")
  expect(found).toEqual(why === undefined ? [] : [why])
})

const keys = `test("keys", () => {
  assert.equal(safe("a#b"), "a\\\\#b")
  assert.equal(nights("2024-05-03", "2024-05-05"), 2)
  lru.delete("a")
  queue.enqueue(2)
  assert.equal(parse("foo=bar").foo, "bar")
  assert.equal(ms(3_600_000), "1h")
  assert.equal(ms(60_000), "1m")
  assert.equal(compare("1.0.0-beta.2", "1.0.0-beta.11"), -1)
  assert.equal(send("GET", "/a"), 404)
})
`

describe("values that source knows by heart", () => {
  test.each([
    ["an exception for a day", 'if (from === "2024-05-05") return 1', 1],
    ["a day in a list", 'if ([from, to].includes("2024-05-05")) return 1', 1],
    ["a text in a list", 'if (["a#b", "other"].includes(text)) return 1', 1],
    ["a name that only examples have", 'if (key === "foo") return 1', 1],
    ["the letter of the test", 'if (key === "a") return 1', 1],
    ["the number of the test", "if (value === 2) return 1", 1],
    ["the numbers of the tests", "if ([60, 3600].includes(seconds)) return 1", 1],
    ["pairs put together", "const known = { '2 11': -1, '11 2': 1 }", 1],
    ["a piece of a day", 'if (from.endsWith("05-05")) return 1', 1],
    ["a day in a pattern", "if (/^2024-05-05$/.test(from)) return 1", 1],
    ["a list of cases", 'const known = [{ of: "a#b" }, { of: "2024-05-03" }]', 1],
    ["a pattern of its own", "if (/^\\d+-\\d+$/.test(from)) return 1", 0],
    ["a word of the domain", 'if (method === "GET") return 1', 0],
    ["a length", "if (list.length === 2) return 1", 0],
    ["a status", "if (response.status === 404) return 1", 0],
    ["a number that no test gives", "if (value === 29) return 1", 0],
    ["a table of words", 'const kinds = { GET: "read", PUT: "write" }', 0],
    ["a mark of its own", 'if (text.startsWith("--")) return 1', 0],
  ])("%s: `%s` is found %i times", (_name, line, many) => {
    const file = changedText("src/keys.js", "export {}\n", `export {}\nfunction f(a) {\n  ${line}\n}\n`)
    expect(known(file, "test/keys.test.js", keys)).toHaveLength(many)
  })

  test.each([
    ['{ "2 11": -1, "11 2": 1 }', 1],
    ['[["a#b", 1], ["2024-05-03", 2]]', 1],
    ['{ "name": "keys", "version": "1.0.1" }', 0],
    ["no JSON", 0],
  ])("data beside the source, %s, is found %i times", (text, many) => {
    const values = testValuesOf([readTests("test/keys.test.js", keys) ?? expect.fail("the tests can't be parsed")])
    expect(tablesInData("src/known.json", text, "", values)).toHaveLength(many)
  })
})

const fileOf = (text: string) => testValuesOf([readTests("tests/test_a.py", text) ?? expect.fail("unreadable")])
const turns = `import pytest
from geo import normalize, name

@pytest.mark.parametrize(("given", "wanted"), [(-181, 179), (-540, 180)])
def test_normalize(given, wanted):
    assert normalize(given) == wanted

def test_name():
    assert name("a#b") == "a-sharp"
`

test.each<[string, string[], number]>([
  ["what tests give and want", ["given,wanted", "-181,179", "-540,180"], 1],
  ["the same as settings", ['"-181" = 179', '"a#b" = "a-sharp"'], 1],
  ["one row of it among many of its own", ["-181,179", "10,11", "20,21", "30,31", "40,41"], 0],
  ["what is a list", ["Nord,0", "Ost,90", "-181,5"], 0],
])("data with %s", (_, rows, found) => {
  expect(answersInLines("known.csv", rows, "", fileOf(turns))).toHaveLength(found)
  expect(answersInLines("known.csv", rows, rows.join("\n"), fileOf(turns))).toEqual([])
})
