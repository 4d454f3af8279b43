import { expect, test } from "vitest"
import { measureFiles, ownModules, told } from "../testing.ts"

test("vitest bench, for real", { timeout: 120_000 }, async () => {
  const bench = `import { bench, describe } from "vitest"
describe("sums", () => { bench("short", () => { let s = 0; for (let i = 0; i < 100; i++) s += i }, { time: 20, warmupTime: 0 }) })`
  const measured = await measureFiles(
    { "package.json": '{"type":"module","scripts":{"bench":"vitest bench"}}', "a.bench.js": bench },
    { run: "npm run bench", kind: "numbers", modules: ownModules },
  )
  expect(told(measured)).toEqual({ "a.bench.js > sums > short": ["ms", "lower", 1] })
})

test.each<[string, string, unknown]>([
  ["the last number a command prints", "echo files 3; echo size 42", { "printed number": [undefined, "lower", 1] }],
  ["T2: a command that fails has no number", "echo 7; exit 3", "crashed"],
  ["T2: a command that prints none", "echo none", "unreadable"],
  ["T12: a program that is missing", "no-such-counter", "missing_tool"],
])("%s", async (_, run, expected) => {
  expect(told(await measureFiles({ "a.txt": "x" }, { run, kind: "numbers" }))).toEqual(expected)
})
