import { expect, test } from "vitest"
import { fingerprinted, numbered, repoPath, stableMessage, testId } from "./ids.ts"

test.each([
  ["in /checkout/src/a.ts:10:4", "in src/a.ts"],
  ["unused since line 12", "unused since <line>"],
  ["previous definition on line 12", "previous definition <line>"],
  ["Expected 3 arguments, but got 2.", "Expected 3 arguments, but got 2."],
  ["object at 0x7f3a2b1c", "object at <hex>"],
  ["wrote /tmp/abc-123/x.json twice", "wrote <tmp> twice"],
  ["cannot open /home/me/deep/file.h", "cannot open <path>/file.h"],
  ["Cannot find module './nope.js'", "Cannot find module './nope.js'"],
  ["\u001b[31mred\u001b[0m\n  and more", "red and more"],
])("the stable part of %j is %j", (message, expected) => {
  expect(stableMessage(message, "/checkout")).toBe(expected)
})

test("a fingerprint holds while lines move, and equal problems in one file are numbered", () => {
  const issue = (line: number) => ({ rule: "r", file: "a.js", line, message: "m", severity: "error" as const })
  const at = (...lines: number[]) => fingerprinted(lines.map(issue), "/checkout").map((found) => found.fingerprint)
  expect(at(9, 3)).toEqual(["r | a.js | m", "r | a.js | m (2)"])
  expect(at(19, 13)).toEqual(at(9, 3))
})

test("a number never makes two names one", () => {
  expect(numbered(["a", "a (2)", "a", "a"], (name) => name).map(({ id }) => id)).toEqual([
    "a",
    "a (2)",
    "a (3)",
    "a (4)",
  ])
})

test.each([
  ["/checkout/src/a.js", "src/a.js"],
  ["file:///checkout/a%20b.js", "a b.js"],
  ["./a.js", "a.js"],
])("%s is %s to the repository", (path, expected) => {
  expect(repoPath("/checkout", path)).toBe(expected)
})

test("a test's id is one line", () => {
  expect(testId(["a.js", "", undefined, "s\n x", "n"])).toBe("a.js > s x > n")
})
