import { expect, test } from "vitest"
import { readSource } from "../syntax/source.ts"
import { readTests } from "../syntax/tests.ts"
import { javascriptBeside } from "./beside-javascript.ts"
import { otherLiterals } from "./other-values.ts"

const knows = { random: () => 0, word: () => "w", isKnown: (word: string) => word === "week" }

test.each([
  ["a number, in each of its digits", "42", ["12", "41", "22", "43", "32", "44", "52", "45"]],
  [
    "a text with digits, in these alone",
    '"(1)"',
    ['"(2)"', '"(3)"', '"(4)"', '"(5)"', '"(6)"', '"(7)"', '"(8)"', '"(9)"'],
  ],
  [
    "a text without digits, in its letters",
    '"a-b"',
    ['"b-b"', '"a-a"', '"c-b"', '"a-c"', '"d-b"', '"a-d"', '"e-b"', '"a-e"'],
  ],
  ["nothing", '""', []],
  ["nought", "0", []],
  ["one", "1", []],
  ["a word of the source", '"week"', []],
  ["a name that every object has", '"constructor"', []],
  ["a word of the source and a number", '"3 week"', ["1", "2", "4", "5", "6", "7", "8", "9"].map((n) => `"${n} week"`)],
  ["a text with a name that every object has", '"toString=x"', [..."abcdefgh"].map((x) => `"toString=${x}"`)],
  ["a code, of which there are a few", '"GET"', []],
  ["a code and a path", '"GET /a"', [..."bcdefghi"].map((x) => `"GET /${x}"`)],
  ["a text with an escape", '"a\\n"', []],
])("other values for %s", (_, literal, others) => {
  expect(otherLiterals(literal, knows)).toEqual(others)
})

const file = `test("adds", async () => {
  const cart = make("x")
  expect(cart.add("cup")).toBe(1)
  await expect(cart.sum(20)).resolves.toBe(40)
})
`

function besideOf(text: string, failedAt?: number, name = "") {
  const source = readSource("a.test.js", text)
  const [first] = readTests("a.test.js", text)?.cases ?? []
  if (source === undefined || first === undefined) throw new Error("unreadable")
  return javascriptBeside(source, { name: name === "" ? first.name : name, message: "", failedAt }, knows)
}

test("a copy has one expectation, what was expected before is done, and the one that failed comes first", () => {
  const beside = besideOf(file, 4)
  const [own, other] = beside?.edit.insert.split(";\ntest(") ?? []
  expect(own).toBe(
    'test("w", async () => {\nconst cart = make("x");\ntry { (cart.add("cup")) } catch {};\nawait expect(cart.sum(20)).resolves.toBe(40)\n})',
  )
  expect(other).toContain("await expect(cart.sum(10)).resolves.toBe(40)")
  expect(beside?.copies[0]).toEqual({ name: "w", of: "adds 2" })
})

test("what is copied can be parsed again", () => {
  const beside = besideOf(file)
  expect(readSource("a.test.js", beside?.edit.insert ?? "(")?.broken).toBe(false)
})

test.each([
  ["gives nothing", 'test("empty", () => {\n  expect(read("")).toBe(0)\n})\n'],
  ["is a table", 'test.each([[1, 2]])("doubles %d", (a, b) => {\n  expect(twice(a)).toBe(b)\n})\n'],
  ["expects nothing", 'test("runs", () => {\n  start(25)\n})\n'],
])("a test that %s has no copies", (_, text) => {
  expect(besideOf(text)).toBeUndefined()
})

test("a word that two values have stays in both", () => {
  const beside = besideOf('test("chooses", () => {\n  expect(choose("en;q=2, fr;q=3", ["fr", "nl"])).toBe("fr")\n})\n')
  expect(beside?.copies.slice(1).map(({ given }) => given)).not.toHaveLength(0)
  for (const { given = "" } of beside?.copies.slice(1) ?? []) expect(given).toMatch(/^"en;q=\d, fr;q=\d"( and "\w\w")$/)
})
