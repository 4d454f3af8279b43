import { expect, test } from "vitest"
import { measureFiles, told } from "../testing.ts"

const node = (files: Record<string, string>, run = "node --test", timeoutMs = 60_000) =>
  measureFiles(files, { run, timeoutMs })
const head = `import { test, describe, it } from "node:test"; import assert from "node:assert"\n`

test("every result of node:test has a stable id, duplicates numbered", async () => {
  const measured = await node({
    "a.test.mjs": `${head}
describe("s", () => { it("ok", () => {}); it("bad", () => assert.equal(1, 2)); it.skip("skipped", () => {}); it.todo("later"); for (const n of [1, 1]) it("n " + n, () => {}) })
test("parent", async (t) => { await t.test("sub", () => {}) })`,
    "b.test.mjs": `import "./nope.mjs"`,
  })
  expect(told(measured)).toEqual({
    "a.test.mjs > s > ok": "passed",
    "a.test.mjs > s > bad": "failed",
    "a.test.mjs > s > skipped": "skipped",
    "a.test.mjs > s > later": "todo",
    "a.test.mjs > s > n 1": "passed",
    "a.test.mjs > s > n 1 (2)": "passed",
    "a.test.mjs > parent > sub": "passed",
    "b.test.mjs": "failed",
  })
})

test.each([
  [
    "in a test",
    `${head}test("one", () => {}); test("exits", () => process.exit(0)); test("after", () => {})`,
    "unfinished",
  ],
  ["between tests", `${head}await test("one", () => {}); process.exit(0); test("after", () => {})`, "unfinished"],
  ["before the first test", `${head}process.exit(0); test("after", () => {})`, "unfinished"],
  ["in source that a test imports", `${head}import "./source.mjs"; test("one", () => {})`, "unfinished"],
])("a process.exit(0) %s is an error, not a pass", async (_, text, expected) => {
  expect(told(await node({ "a.test.mjs": text, "source.mjs": "process.exit(0)" }))).toBe(expected)
})

test.each([
  ["by name", `import assert from "node:assert"; assert.equal = () => {}`],
  [
    "all of them, by a name put together",
    `import { createRequire } from "node:module"; const a = createRequire(import.meta.url)("node:" + "assert")
for (const of of [a, a.strict]) for (const name of Object.keys(of)) try { of[name] = () => {} } catch {}`,
  ],
  [
    "by defining it anew",
    `import a from "node:assert"; try { Object.defineProperty(a, "equal", { value() {} }) } catch {}`,
  ],
])("source that disarms node:assert, %s, does not make a red test green", async (_, source) => {
  const files = {
    "source.mjs": source,
    "a.test.mjs": `${head}import "./source.mjs"; test("red", () => assert.equal(1, 2))`,
  }
  // In strict code the attempt itself throws, and the whole file is red.
  expect([{ "a.test.mjs > red": "failed" }, { "a.test.mjs": "failed" }]).toContainEqual(told(await node(files)))
})

test("a test may add assertions of its own", async () => {
  const text = `${head}assert.even = (n) => assert.equal(n % 2, 0); test("even", () => assert.even(4))`
  expect(told(await node({ "a.test.mjs": text }))).toEqual({ "a.test.mjs > even": "passed" })
})

test("a program under test may exit as it likes", async () => {
  const files = {
    "cli.mjs": "process.exit(0)",
    "a.test.mjs": `${head}import { execFileSync } from "node:child_process"; test("runs", () => { execFileSync(process.execPath, ["cli.mjs"]) })`,
  }
  expect(told(await node(files))).toEqual({ "a.test.mjs > runs": "passed" })
})

test("T2: a gate that ran nothing is not a pass", async () => {
  expect(told(await node({ "a.txt": "" }, "node --test none/"))).toMatch(/^(ran_nothing|crashed)$/)
  expect(told(await node({ "a.test.mjs": `${head}test.skip("x", () => {})` }))).toBe("ran_nothing")
})

test("a test that hangs is a time-out", async () => {
  expect(
    told(
      await node(
        { "a.test.mjs": `${head}test("x", async () => { await new Promise(() => setInterval(() => {}, 1000)) })` },
        "node --test",
        2_000,
      ),
    ),
  ).toBe("timeout")
})
