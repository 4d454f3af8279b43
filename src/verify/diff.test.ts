import { afterAll, beforeAll, expect, test } from "vitest"
import { readDiff } from "./diff.ts"
import { type Files, type TestRepository, testRepository } from "./fixtures/repository.ts"

const { signal } = new AbortController()
let repository: TestRepository
beforeAll(async () => {
  repository = await testRepository()
})
afterAll(() => repository[Symbol.asyncDispose]())

async function diff(before: Files, after: Files) {
  const base = await repository.commit({ "keep.txt": "kept\n", ...before })
  const head = await repository.commit(after, base)
  const { entries, lines } = await readDiff(repository.repo, base, head, signal)
  return {
    entries: entries.map(({ path, status, added, deleted, binary }) => [path, status, added, deleted, binary]),
    lines: [...lines].map(([path, { added, deleted }]) => [
      path,
      added.map(({ n, text }) => `${n} ${text}`),
      deleted.map(({ n, text }) => `${n} ${text}`),
    ]),
  }
}

test.each<[string, Files, Files, unknown, unknown]>([
  [
    "a change",
    { a: "1\n2\n3\n" },
    { a: "1\nx\ny\n3\n" },
    [["a", "modified", 2, 1, false]],
    [["a", ["2 x", "3 y"], ["2 2"]]],
  ],
  [
    "a rename is a deletion and an addition",
    { a: "1\n" },
    { a: null, b: "1\n" },
    [
      ["a", "deleted", 0, 1, false],
      ["b", "added", 1, 0, false],
    ],
    [
      ["a", [], ["1 1"]],
      ["b", ["1 1"], []],
    ],
  ],
  ["no newline at the end", { a: "1" }, { a: "2" }, [["a", "modified", 1, 1, false]], [["a", ["1 2"], ["1 1"]]]],
  [
    "lines that look like headers",
    { a: "-- b/x\n" },
    { a: "++ b/y\n@@ -1 +1 @@\ndiff --git a/z b/z\n" },
    [["a", "modified", 3, 1, false]],
    [["a", ["1 ++ b/y", "2 @@ -1 +1 @@", "3 diff --git a/z b/z"], ["1 -- b/x"]]],
  ],
  [
    "a name that looks like a header",
    { a: "1\n" },
    { "x\n+++ b/a": "2\n" },
    [["x\n+++ b/a", "added", 1, 0, false]],
    [["x\n+++ b/a", ["1 2"], []]],
  ],
  [
    "a name with quotes, tabs and letters of any script",
    { a: "1\n" },
    { 'ä "q"\t☃': "2\n" },
    [['ä "q"\t☃', "added", 1, 0, false]],
    [['ä "q"\t☃', ["1 2"], []]],
  ],
  [
    "a name with a space at its end",
    { a: "1\n" },
    { "b ": "2\n" },
    [["b ", "added", 1, 0, false]],
    [["b ", ["1 2"], []]],
  ],
  [
    "what a binary says is read as text",
    { a: "1\n" },
    { b: Buffer.from("\0\nsecret\n") },
    [["b", "added", 0, 0, true]],
    [["b", ["1 \0", "2 secret"], []]],
  ],
  [
    "attributes hide nothing",
    { ".gitattributes": "*.js -diff binary\n" },
    { "a.js": "1\n" },
    [["a.js", "added", 1, 0, false]],
    [["a.js", ["1 1"], []]],
  ],
  ["an empty file", { a: "1\n" }, { b: "" }, [["b", "added", 0, 0, false]], []],
  ["nothing", { a: "1\n" }, {}, [], []],
])("reads %s", async (_name, before, after, entries, lines) => {
  const read = await diff(before, after)
  expect(read.entries).toEqual(entries)
  expect(read.lines).toEqual(lines)
})
