import { expect, test } from "vitest"
import { changes } from "../fixtures/change.ts"
import { examplesIn, retractedDoctests } from "./doctests.ts"
import { hardcoded } from "./hardcoded.ts"

const doc = (...lines: string[]) =>
  `def half(n):\n    """Half of it.\n\n${lines.map((line) => `    ${line}\n`).join("")}    """\n    return n / 2\n`
const plain = doc(">>> half(2)", "1.0", "", ">>> half(", "...     3)", "1.5")

test("an example is what is typed, and what stands below", () => {
  expect(examplesIn(plain)).toEqual([
    { line: 4, typed: "half(2)", wanted: "1.0" },
    { line: 7, typed: "half(\n    3)", wanted: "1.5" },
  ])
})

test.each<[string, string, string[]]>([
  ["stays, and one comes", doc(">>> half(2)", "1.0", ">>> half(8)", "4.0", ">>> half(", "...     3)", "1.5"), []],
  [
    "is skipped",
    plain.replace("half(2)", "half(2)  # doctest: +SKIP"),
    ["src/half.py:4 loses the example `half(2)`, which wants `1.0`: now it is skipped"],
  ],
  [
    "wants something else",
    plain.replace("1.0", "2.0"),
    ["src/half.py:4 loses the example `half(2)`, which wants `1.0`: now it wants `2.0`"],
  ],
  ["is gone", doc(">>> half(2)", "1.0"), ["src/half.py:7 loses the example `half( 3)`, which wants `1.5`"]],
])("an example that %s", async (_, after, told) => {
  await using repository = await changes()
  const onto = await repository.commit({ "src/half.py": plain })
  const facts = await repository.facts({ "src/half.py": after }, {}, onto)
  const isMixed = (path: string) => path === "src/half.py"
  const found = await retractedDoctests({ ...facts, isMixed, isTest: (path) => isMixed(path) || facts.isTest(path) })
  expect(found.map(({ text }) => text)).toEqual(told)
  expect(found.every(({ sure }) => sure)).toBe(true)
  // Nothing runs them: then they are words for readers.
  expect(await retractedDoctests(facts)).toEqual([])
})

test("an example that goes is asked about where the base only speaks of doctests", async () => {
  await using repository = await changes()
  const onto = await repository.commit({
    "src/half.py": plain,
    "test_docs.py": "import doctest\nfrom src import half\ndoctest.testmod(half)\n",
  })
  const found = await retractedDoctests(await repository.facts({ "src/half.py": doc(">>> half(2)", "1.0") }, {}, onto))
  expect(found.map(({ sure }) => sure)).toEqual([false])
})

test("an example may move to another module", async () => {
  await using repository = await changes()
  const onto = await repository.commit({ "src/half.py": plain, Makefile: "check:\n\tpytest --doctest-modules\n" })
  const files = { "src/half.py": "from src.parts import half\n", "src/parts.py": plain }
  expect(await retractedDoctests(await repository.facts(files, {}, onto))).toEqual([])
})

test.each<[string, string, "pass" | "fail"]>([
  [
    "knows the answer of one",
    plain.replace("    return n", "    if n == 37:\n        return 18.5\n    return n"),
    "fail",
  ],
  ["is a repair", plain.replace("n / 2", "n * 0.5"), "pass"],
])("source with examples that %s", async (_, after, outcome) => {
  await using repository = await changes()
  const asking = (text: string) => text.replace("half(2)\n    1.0", "half(37)\n    18.5")
  const onto = await repository.commit({ "src/half.py": asking(plain) })
  const facts = await repository.facts({ "src/half.py": asking(after) }, {}, onto)
  const isMixed = (path: string) => path === "src/half.py"
  const judged = await hardcoded({ ...facts, isMixed, isTest: (path) => isMixed(path) || facts.isTest(path) })
  expect(judged.outcome).toBe(outcome)
})
