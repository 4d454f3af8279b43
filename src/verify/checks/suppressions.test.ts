import { expect, test } from "vitest"
import { changedText } from "../fixtures/changed-text.ts"
import { evasionsIn, loosenedTypes, suppressionsIn } from "./suppressions.ts"

test("a comment that silences a check is told, one that was on the line before is not", () => {
  const old = "x = f()  # type: ignore\ny = 1\n"
  expect(suppressionsIn([changedText("a.py", old, "x = g()  # type: ignore\ny = 1\n")])).toEqual([])
  const more = "x = f()  # type: ignore\ny = 1  # noqa: E501\n"
  expect(suppressionsIn([changedText("a.py", old, more)])).toEqual(["a.py:2 silences a check: `y = 1  # noqa: E501`"])
})

const typed = "def area(text: str) -> float:\n    length = side(text)\n    return length * length\n"

test.each([
  ["any type", "length = side(text)", "length: Any = side(text)", 1],
  ["a cast", "side(text)", "cast(float, side(text))", 1],
  ["annotations taken away", "text: str) -> float", "text)", 1],
  ["a branch that no checker reads", "    return", "    if not TYPE_CHECKING:\n        return", 1],
  ["a decorator", "def", "@no_type_check\ndef", 1],
  ["a check of its own", "    return", "    if length is None:\n        raise ValueError(text)\n    return", 0],
  ["values of any type in a table", "length = side(text)", "length: float = dict[str, Any]()", 0],
  ["one more that is given", "text: str", "text: str, unit: str", 0],
])("a mend of types by %s", (_, from, to, found) => {
  const file = changedText("a.py", typed, typed.replace(from, to))
  const gone = typed.split("\n").filter((text) => !typed.replace(from, to).split("\n").includes(text))
  const lines = new Map([["a.py", { added: [...file.added], deleted: gone.map((text) => ({ n: 1, text })) }]])
  expect(evasionsIn([file], { entries: [], lines })).toHaveLength(found)
})

test("a stub that is new is read in its module's place", () => {
  const entry = { path: "a.pyi", status: "added" as const }
  expect(evasionsIn([], { entries: [entry], lines: new Map() })).toEqual([
    "a.pyi:1 is what type checkers read in a module's place: `a.pyi`",
  ])
})

test.each([
  ["an inline configuration", "/* eslint no-unused-vars: 0, eqeqeq: 'off' */"],
  ["an environment", "/* eslint-env node */"],
  ["another linter's", "// tslint:disable"],
])("%s of a linter silences it", (_, line) => {
  expect(suppressionsIn([changedText("a.js", "f()\n", `${line}\nf()\n`)])).toHaveLength(1)
})

test.each([
  ["any", "return row as  any", 1],
  ["by way of unknown", "return row as unknown  as Person", 1],
  ["a result", "function read(line: string): any {", 1],
  ["a parameter of a type", "const rows = new Map<string, any>()", 1],
  ["a language's own type", "interface Array<T> { first(): T }", 1],
  ["a comment", "// takes any row: any of them", 0],
  ["a text", 'throw new TypeError("not: any")', 0],
  ["a name", "const anyRow: Person = rows[0] ?? nobody", 0],
  ["a proper type", "return { name: name ?? '', age: Number(age) }", 0],
  ["a property", "type Rules = { any: boolean }", 0],
])("a mend of TypeScript's types by %s", (_, line, found) => {
  expect(loosenedTypes([changedText("a.ts", "f()\n", `${line}\nf()\n`)])).toHaveLength(found)
})
