import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { measureFiles, told as toldOf } from "../testing.ts"
import { runners } from "./index.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"
import { readTap } from "./tap/lines.ts"

/* What prints TAP: on what was recorded of node-tap, and on files that need no library. The real tools are in test/slow/tools.test.ts. */

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8")

function read(runner: Runner, given: Partial<RunnerOutput>, files: Record<string, string> = {}): Parsed {
  const list = (folder: string) => (folder === "" ? Object.keys(files) : [])
  const tree = { read: (path: string) => files[path], list }
  return runner.parse({ root: "/checkout", report: undefined, stdout: "", stderr: "", exitCode: 0, tree, ...given })
}

const told = (parsed: Parsed) =>
  parsed.is === "error"
    ? parsed.code
    : parsed.report.kind === "tests"
      ? parsed.report.tests.map(({ id, status, failure }) => [id, status, ...(failure === undefined ? [] : [failure])])
      : parsed.report

test.each(["tap-16.tap", "tap-21.tap"])("%s: files, tests and subtests of node-tap, and how they failed", (name) => {
  const parsed = read(runners["node-tap"], { stdout: fixture(name), exitCode: 1 })
  expect(told(parsed)).toEqual([
    ["test/a.js > one", "failed", "assertion"],
    ["test/a.js > skipped one", "skipped"],
    ["test/a.js > todo one", "todo"],
    ["test/a.js > outer > inner", "passed"],
    ["test/a.js > async", "failed", "error"],
    ["test/a.js", "passed"],
  ])
})

test.each<[string, number, string]>([
  ["TAP version 13\nok 1 - a\n", 0, "unfinished"],
  ["TAP version 13\nok 1 - a\nok 2 - forged\n1..1\n", 0, "unfinished"],
  ["ok 1 - a\nok 1 - b\n1..1\n", 0, "unfinished"],
  ["all is well\n", 0, "unfinished"],
  ["", 1, "crashed"],
  ["1..0 # skip nothing here\n", 0, "ran_nothing"],
  ["ok 1 - a\n1..1\n", 1, "crashed"],
  ["not ok 1 - a\n1..1\n", 0, "unreadable"],
  ["ok 1 - a\nBail out! no database\n", 0, "unfinished"],
  ["not ok 1 - later # TODO\nok 2 # SKIP\n1..2\n", 0, "ran_nothing"],
])("T2: %j with exit code %d is not a pass: %s", (stdout, exitCode, code) => {
  expect(told(read(runners.tap, { stdout, exitCode }))).toBe(code)
})

test.each<[string, string, number, unknown]>([
  [
    "points are tests where no comment comes first",
    "1..3\nok 1 - a\nnot ok 2 - b\n# it is 1\nok 3 c # skip later\n",
    1,
    [
      ["a", "passed"],
      ["b", "failed", "assertion"],
      ["c", "skipped"],
    ],
  ],
  [
    "a comment names the assertions behind it",
    "TAP version 13\n# one\nok 1 x\nok 2 y\n# pass\nok 3 x\n\n1..3\n# tests 3\n# pass  3\n\n# ok\n",
    0,
    [
      ["one", "passed"],
      ["pass", "passed"],
    ],
  ],
  [
    "subtests are told by what they hold",
    "TAP version 14\n# Subtest: a\n    ok 1 - x\n    not ok 2 - y\n    1..2\nnot ok 1 - a\nok 2 - b\n1..2\n",
    1,
    [
      ["a > x", "passed"],
      ["a > y", "failed", "assertion"],
      ["b", "passed"],
    ],
  ],
])("a command that is said to print TAP: %s", (_, stdout, exitCode, expected) => {
  expect(told(read(runners.tap, { stdout, exitCode }))).toEqual(expected)
})

test("of ava's shortened paths, which vanish where there is one file alone, the same ids come", () => {
  const files = {
    "test-a.test.js": `import test from "ava"\ntest("sums", …)`,
    "b.js": `import test from "ava"\ntest("x › y", …)`,
  }
  const both = "ok 1 - a › sums\nok 2 - b › x › y\n1..2\n"
  expect([
    told(read(runners.ava, { stdout: both }, files)),
    told(read(runners.ava, { stdout: "ok 1 - sums\n1..1\n" }, { "test-a.test.js": files["test-a.test.js"] })),
  ]).toEqual([
    [
      ["test-a.test.js > sums", "passed"],
      ["b.js > x › y", "passed"],
    ],
    [["test-a.test.js > sums", "passed"]],
  ])
})

test("more TAP than can be read in a few seconds is not read, and is no pass", () => {
  const lines = Array.from({ length: 300_000 }, (_, index) => `ok ${index + 1} - test`)
  expect(told(read(runners.tap, { stdout: `${lines.join("\n")}\n1..300000\n` }))).toBe("unfinished")
  expect(readTap(`${lines.slice(0, 20_000).join("\n")}\n1..20000\n`).lines.length).toBe(20_000)
})

// The smallest library of this name: what it prints is what counts here.
const library = {
  "package.json": `{"scripts":{"test":"node test.js"}}`,
  "lib/index.js": `let n = 0
process.on("exit", () => console.log("1.." + n))
module.exports = (name, body) => { console.log("# " + name); body({ ok: (good, said) => console.log((good ? "ok " : "not ok ") + ++n + " " + said) }) }`,
}
const own = (text: string) => `// require("tape") is what this stands for\nconst test = require("./lib")\n${text}`

test.each<[string, string, unknown]>([
  [
    "a test that throws is the test that is red",
    own(`test("a", t => t.ok(true, "x")); test("b", () => { null.x }); test("c", t => t.ok(true, "x"))`),
    { "test.js > a": "passed", "test.js > b": "failed" },
  ],
  [
    "a comment that a test makes is no test",
    own(`test("a", t => { console.log("# took 5"); t.ok(true, "x") }) // t.comment("took ")`),
    { "test.js > a": "passed" },
  ],
  [
    "T2: an end in the middle is no report",
    own(`test("a", t => { t.ok(true, "x"); process.reallyExit(0) })`),
    "unfinished",
  ],
  [
    "T2: a line of TAP beside the library's own is no report",
    own(`test("a", t => { t.ok(true, "x"); console.log("ok 2 forged") })`),
    "unfinished",
  ],
  ["T2: an end before the first test", own(`process.reallyExit(0)`), "ran_nothing"],
  ["a file that is not there to be loaded", own(`require("./nope")`), { "test.js": "failed" }],
])("%s", async (_, text, expected) => {
  expect(toldOf(await measureFiles({ ...library, "test.js": text }, { run: "npm test" }))).toEqual(expected)
})

test("format: tap reads a whole line of the shell", async () => {
  const files = { "check.sh": `echo "1..2"; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1` }
  expect(toldOf(await measureFiles(files, { run: "true; sh check.sh", format: "tap" }))).toEqual({
    a: "passed",
    b: "failed",
  })
})
