import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { measureFiles, told, toolModules } from "../../src/verify/testing.ts"

/*
 * What prints TAP, for real: tape, ava and bats from test/tools, prove where Perl is. node-tap is 140 MB with its dependencies, and is
 * tested on what was recorded of it (src/verify/runners/tap.test.ts).
 */

type Files = Record<string, string>
const TIMEOUT_MS = 180_000
const there = (name: string) => existsSync(join(toolModules, name))
const titled = (name: string, has: boolean) => (has ? name : `${name} (skipped: run \`npm ci\` in test/tools)`)
const failures = (measured: Awaited<ReturnType<typeof measureFiles>>) =>
  measured.result.is === "report" && measured.result.report.kind === "tests"
    ? Object.fromEntries(
        measured.result.report.tests.flatMap(({ id, failure }) => (failure === undefined ? [] : [[id, failure]])),
      )
    : measured.result

const source = { "package.json": "{}", "src.js": "module.exports = () => { throw new TypeError('boom') }" }
const tape = `const test = require("tape"); const bad = require("../src");`

describe.skipIf(!there("tape"))(titled("tape", there("tape")), () => {
  const run = (files: Files, command = "tape 'test/*.js'") =>
    measureFiles({ ...source, ...files }, { run: command, modules: toolModules })

  test("files, tests and how they failed", { timeout: TIMEOUT_MS }, async () => {
    const measured = await run({
      "test/a.js": `${tape}
test("ok", (t) => { t.equal(1, 1, "one"); t.equal(2, 2, "two"); t.end() })
test("bad", (t) => { t.equal(1, 1); t.equal(1, 2); t.end() })
test("todo", { todo: true }, (t) => { t.equal(1, 2); t.end() })
test("outer", (t) => { t.test("inner", (s) => { s.comment("took 5"); s.ok(true); s.end() }); t.end() })
test("rejects", async () => { await null; bad() })
test("planned", (t) => { t.plan(2); t.ok(true) })`,
      "test/b.js": `${tape} test("throws", (t) => { bad(); t.end() }); test("after", (t) => { t.ok(true); t.end() })`,
      "test/helper.js": "",
      "test/load.js": `require("./nope")`,
    })
    expect(told(measured)).toEqual({
      "test/a.js > ok": "passed",
      "test/a.js > bad": "failed",
      "test/a.js > todo": "todo",
      "test/a.js > inner": "passed",
      "test/a.js > rejects": "failed",
      "test/a.js > planned": "failed",
      "test/b.js > throws": "failed",
      "test/load.js": "failed",
    })
    expect(failures(measured)).toEqual({
      "test/a.js > bad": "assertion",
      "test/a.js > rejects": "thrown",
      "test/a.js > planned": "assertion",
      "test/b.js > throws": "thrown",
      "test/load.js": "error",
    })
  })

  const green = `${tape} test("one", (t) => { t.ok(true); t.end() }); test("two", (t) => { t.ok(true); t.end() })`
  test.each<[string, Files, string, unknown]>([
    [
      "node and an index that brings the others in",
      {
        "test/index.js": `require("./a"); require("./b")`,
        "test/a.js": green,
        "test/b.js": green.replace('"two"', '"three"'),
      },
      "node test | tap-spec",
      {
        "test/index.js > one": "passed",
        "test/index.js > one (2)": "passed",
        "test/a.js > two": "passed",
        "test/b.js > three": "passed",
      },
    ],
    [
      "coverage around it",
      { "test/a.js": green },
      "nyc node test/a.js",
      { "test/a.js > one": "passed", "test/a.js > two": "passed" },
    ],
    [
      "process.exit(0) between tests",
      { "test/a.js": `${green}; test("three", () => process.exit(0))` },
      "tape test/a.js",
      { "test/a.js > one": "passed", "test/a.js > two": "passed", "test/a.js > three": "failed" },
    ],
    [
      "process.exit(0) in the source",
      { "test/a.js": green, "src.js": "process.exit(0)" },
      "tape test/a.js",
      "ran_nothing",
    ],
    ["T2: no tests", { "test/a.js": "" }, "tape 'test/*.js'", "ran_nothing"],
    ["T2: no files", {}, "tape 'test/*.js'", "ran_nothing"],
    [
      "only",
      { "test/a.js": `${tape} test.only("one", (t) => { t.ok(true); t.end() }); test("two", (t) => t.end())` },
      "tape test/a.js",
      { "test/a.js > one": "passed" },
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, command, expected) => {
    expect(told(await run(files, command))).toEqual(expected)
  })
})

describe.skipIf(!there("ava"))(titled("ava", there("ava")), () => {
  const run = (files: Files) => measureFiles({ ...source, ...files }, { run: "ava", modules: toolModules })
  const ava = `const test = require("ava"); const bad = require("../src");`

  test("files, tests and how they failed", { timeout: TIMEOUT_MS }, async () => {
    const measured = await run({
      "test/a.js": `${ava}
test("ok", (t) => t.is(1, 1))
test("bad", (t) => t.deepEqual({ a: 1 }, { a: 2 }))
test.skip("skipped", (t) => t.pass())
test.todo("later")
test("throws", () => bad())
test("rejects", async () => { await null; bad() })
test("asserts nothing", () => {})`,
      "test/__tests__/b.js": `${ava.replace("../src", "../../src")} test("ok", (t) => t.pass())`,
      "test/load.js": `require("ava"); require("./nope")`,
    })
    expect(told(measured)).toEqual({
      "test/a.js > ok": "passed",
      "test/a.js > bad": "failed",
      "test/a.js > skipped": "skipped",
      "test/a.js > later": "todo",
      "test/a.js > throws": "failed",
      "test/a.js > rejects": "failed",
      "test/a.js > asserts nothing": "failed",
      "test/__tests__/b.js > ok": "passed",
      "test/load.js": "failed",
    })
    expect(failures(measured)).toEqual({
      "test/a.js > bad": "assertion",
      "test/a.js > throws": "thrown",
      "test/a.js > rejects": "thrown",
      "test/a.js > asserts nothing": "error",
      "test/load.js": "error",
    })
  })

  test.each<[string, Files, unknown]>([
    ["one file alone", { "test.js": `require("ava")("ok", (t) => t.pass())` }, { "test.js > ok": "passed" }],
    ["T2: no tests", { "test.js": `require("ava")` }, { "test.js": "failed" }],
    ["T2: no files", {}, "ran_nothing"],
    [
      "process.exit(0) in a test",
      {
        "test.js": `const test = require("ava"); test("one", (t) => { t.pass(); process.exit(0) }); test("two", (t) => t.pass())`,
      },
      expect.not.objectContaining({ "test.js > two": "passed" }),
    ],
  ])("%s", { timeout: TIMEOUT_MS }, async (_, files, expected) => {
    expect(told(await run(files))).toEqual(expected)
  })
})

describe.skipIf(!there("bats"))(titled("bats", there("bats")), () => {
  test("files, tests and how they failed", { timeout: TIMEOUT_MS }, async () => {
    const measured = await measureFiles(
      {
        "test/a.bats": `setup() { true; }
@test "ok" { [ 1 -eq 1 ]; }
@test "bad" { run echo hi; [ "$output" = ho ]; }
@test "missing" { nosuchcommand; }
@test "skipped" { skip "later"; }`,
        "test/b.bats": `setup() { false; }\n@test "ok" { true; }`,
      },
      { run: "node_modules/bats/bin/bats test", modules: toolModules },
    )
    expect(told(measured)).toEqual({
      "test/a.bats > ok": "passed",
      "test/a.bats > bad": "failed",
      "test/a.bats > missing": "failed",
      "test/a.bats > skipped": "skipped",
      "test/b.bats > ok": "failed",
    })
    expect(failures(measured)).toEqual({
      "test/a.bats > bad": "assertion",
      "test/a.bats > missing": "error",
      "test/b.bats > ok": "error",
    })
  })
})

const hasProve = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "prove")))
describe.skipIf(!hasProve)(hasProve ? "prove" : "prove (skipped: it is not on the PATH)", () => {
  const files = {
    "lib/X.pm": `package X; sub f { die "boom" } 1;`,
    "t/a.t": `use Test::More; use X;
ok(1, 'fine'); is(1, 2, 'bad');
subtest 'sub' => sub { plan tests => 1; is(1, 1, 'inner') };
TODO: { local $TODO = 'later'; is(1, 2, 'todo') }
SKIP: { skip 'no', 1; ok(1) }
done_testing;`,
    "t/b.t": `use Test::More tests => 3; use X;\nok(1, 'fine'); X::f(); ok(1)`,
    "t/deep/c.t": `use Test::More tests => 1; ok(1, 'deep')`,
  }
  test.each([
    ["prove -lv", []],
    ["prove -lr t", ["t/deep/c.t > deep"]],
  ])("%s: files, tests and how they failed", { timeout: TIMEOUT_MS }, async (run, more) => {
    const measured = await measureFiles(files, { run })
    expect(told(measured)).toEqual({
      "t/a.t > fine": "passed",
      "t/a.t > bad": "failed",
      "t/a.t > sub > inner": "passed",
      "t/a.t > todo": "todo",
      "t/a.t > 5": "skipped",
      "t/b.t > fine": "passed",
      "t/b.t": "failed",
      ...Object.fromEntries(more.map((id) => [id, "passed"])),
    })
    expect(failures(measured)).toEqual({ "t/a.t > bad": "assertion", "t/b.t": "thrown" })
  })

  test("T2: a file that exits 0 before its end", { timeout: TIMEOUT_MS }, async () => {
    const text = `use Test::More tests => 2; use POSIX; ok(1, 'one'); POSIX::_exit(0)`
    expect(told(await measureFiles({ "t/a.t": text }, { run: "prove" }))).toEqual({
      "t/a.t": "failed",
      "t/a.t > one": "passed",
    })
  })
})
