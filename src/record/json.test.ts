import { expect, test } from "vitest"
import { toJson } from "./json.ts"

test.each([
  ["NUL in a test's name", { failing: ["a\0b"] }, { failing: ["a\uFFFDb"] }],
  ["half a surrogate in a summary", { summary: "a\uD800b" }, { summary: "a\uFFFDb" }],
  ["what people write", { title: "größer 😀\n", n: 1, none: null }, { title: "größer 😀\n", n: 1, none: null }],
])("P5: %s can be written into the ledger", (_, value, expected) => {
  const written = toJson(value)
  expect(JSON.parse(written)).toEqual(expected)
  expect(written).not.toMatch(/\\u0000|\\ud[89a-f]/i)
})
