import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Judgement } from "../../core/judge-measured.ts"
import { baseFiles, type Changes, changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { noWeakenedTests } from "./no-weakened-tests.ts"

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

const test0 = String(baseFiles["test/add.test.js"])
describe("no_weakened_tests", () => {
  const own = { lost: [], repeated: false }
  const without = (text: string, line: string, instead = "") =>
    text
      .split("\n")
      .flatMap((each) => (each.includes(line) ? (instead === "" ? [] : [instead]) : [each]))
      .join("\n")

  test.each<[string, Files, string]>([
    [
      "a deleted assertion",
      { "test/add.test.js": without(test0, "add(1, 2), 3") },
      "test/add.test.js:6 loses `assert.equal(add(1, 2), 3)`",
    ],
    [
      "another expected value",
      { "test/add.test.js": without(test0, "add(1, 2), 3", "  assert.equal(add(1, 2), -1)") },
      "loses `assert.equal(add(1, 2), 3)`",
    ],
    [
      "a weaker assertion",
      { "test/add.test.js": without(test0, "add(1, 2), 3", "  assert.ok(add(1, 2))") },
      "loses `assert.equal(add(1, 2), 3)`",
    ],
    [
      "a skip",
      { "test/add.test.js": test0.replace('test("adds zero"', 'test.skip("adds zero"') },
      "test/add.test.js adds `skip`",
    ],
    ["an only", { "test/add.test.js": test0.replace('test("adds zero"', 'test.only("adds zero"') }, "adds `only`"],
    [
      "an option that skips",
      { "test/add.test.js": test0.replace('"adds zero", ', '"adds zero", { skip: true }, ') },
      "adds `skip`",
    ],
    ["a todo", { "test/add.test.js": test0.replace('test("adds zero"', 'test.todo("adds zero"') }, "adds `todo`"],
    ["a deleted test file", { "test/add.test.js": null }, "loses the test `adds`"],
    ["a deleted empty-handed test file", { "tests/test_add.py": null }, "loses the test `test_add`"],
    [
      "a rewritten snapshot",
      { "test/__snapshots__/add.test.js.snap": "exports[`adds 1`] = `-1`;\nexports[`adds 2`] = `4`;\n" },
      "add.test.js.snap is rewritten: 1 recorded line changed",
    ],
    [
      "an xfail",
      { "tests/test_add.py": "import pytest\n@pytest.mark.xfail\ndef test_add():\n    assert add(1, 2) == 3\n" },
      "tests/test_add.py adds `xfail`",
    ],
    [
      "a Python assertion",
      { "tests/test_add.py": "def test_add():\n    assert True\n" },
      "loses `assert add(1, 2) == 3`",
    ],
    [
      "a Go skip",
      { "add_test.go": String(baseFiles["add_test.go"]).replace("if Add", 't.Skip("later")\n\tif Add') },
      "add_test.go adds `skip`",
    ],
    [
      "a Go failure",
      { "add_test.go": String(baseFiles["add_test.go"]).replace('t.Fatal("no")', "_ = 0") },
      't.Fatal("no")',
    ],
    [
      "source that asks whether it is tested",
      { "src/add.js": "export const add = (a, b) => (process.env.NODE_TEST_CONTEXT ? a + b : a - b)\n" },
      "src/add.js:1 treats tests specially",
    ],
    [
      "source that disarms the assertions",
      { "src/add.js": 'import assert from "node:assert/strict"\nassert.equal = () => {}\n' },
      "src/add.js:2 changes what judges it: `assert.equal = () => {}`",
    ],
    [
      "source that hooks the runner",
      { "src/add.py": "def pytest_runtest_makereport(item, call):\n    pass\n" },
      "src/add.py:1 treats tests specially",
    ],
    ["an exit", { "test/add.test.js": `process.exit(0)\n${test0}` }, "adds `exit`"],
  ])("T13: shows %s to the maker", async (_name, files, said) => {
    const judged = await noWeakenedTests(await change.facts(files), own)
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker" })
    expect(judged.feedback).toContain(said)
  })

  test.each<[string, Files]>([
    [
      "an edited test alone",
      { "test/add.test.js": `${test0}\ntest("more", () => {\n  assert.equal(add(3, 3), 6)\n})\n` },
    ],
    ["a moved test", { "test/add.test.js": null, "test/sum.test.js": test0 }],
    [
      "another order",
      {
        "test/add.test.js": without(test0, "assert.ok").replace(
          "  assert.equal(add(1, 0), 1)",
          "  assert.equal(add(1, 0), 1)\n  assert.ok(add(2, 2))",
        ),
      },
    ],
    ["a stronger assertion", { "test/add.test.js": without(test0, "assert.ok", "  assert.equal(add(2, 2), 4)") }],
    [
      "an assertion made strict",
      { "test/add.test.js": without(test0, "add(1, 2), 3", "  assert.strictEqual(add(1, 2), 3)") },
    ],
    ["another layout", { "test/add.test.js": test0.replaceAll('"', "'").replaceAll("  assert", "    assert") }],
    ["a skip in a new test", { "test/new.test.js": 'test.skip("later", () => {})\n' }],
    [
      "more snapshots",
      {
        "test/__snapshots__/add.test.js.snap": `${String(baseFiles["test/__snapshots__/add.test.js.snap"])}exports[\`n\`] = \`1\`;\n`,
      },
    ],
    [
      "source that asserts",
      {
        "src/add.js":
          'import assert from "node:assert"\nassert.equal(1, 1)\nconst test = /x/.test("x")\nif (expect.length === 1) test\n',
      },
    ],
    ["documents that speak of tests", { "README.md": "Set NODE_ENV to 'test'; VITEST is set by vitest.\n" }],
    ["no test touched", { "src/add.js": "x\n" }],
  ])("T13: is no verdict on %s", async (_name, files) => {
    expect(await noWeakenedTests(await change.facts(files), own)).toMatchObject({ outcome: "pass" })
  })

  test("T13: an edit is shown in any case", async () => {
    const judged: Judgement = await noWeakenedTests(await change.facts({ "test/add.test.js": `${test0}// x\n` }), own)
    expect(judged.caveats).toEqual(["Edits existing tests: test/add.test.js."])
  })

  test("T13: told a second time, it is a person's question", async () => {
    const facts = await change.facts({ "test/add.test.js": without(test0, "add(1, 2), 3") })
    expect(await noWeakenedTests(facts, { lost: [], repeated: true })).toMatchObject({
      outcome: "fail",
      blame: "person",
    })
  })

  test("what the head's own copies no longer show counts too", async () => {
    const judged = await noWeakenedTests(await change.facts({ "test/add.test.js": `${test0}// x\n` }), {
      lost: [{ id: "adds", why: "is lost" }],
      repeated: false,
    })
    expect(judged.feedback).toContain("adds is lost")
  })
})
