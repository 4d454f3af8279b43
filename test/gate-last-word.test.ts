import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Files } from "../src/verify/fixtures/repository.ts"
import { type GateResult, gate } from "../src/verify/gate.ts"
import { broken, type GateProject, type Given, names, of, openGateProject, said, testText } from "./gate-project.ts"

/*
 * The gate by hand, and on what people committed: there is no maker who is told, and no next attempt. What changes another
 * behaviour on purpose is asked about, what bends or breaks tests is refused as ever.
 */

let project: GateProject
beforeAll(async () => {
  project = await openGateProject()
}, 60_000)
afterAll(() => project[Symbol.asyncDispose]())

/** Judged without a finding, on a base that may have more files. */
async function byHand(files: Files, more: Given = {}, before: Files = {}): Promise<GateResult> {
  const base = Object.keys(before).length === 0 ? project.base : await project.commit(before)
  const { finding: _, ...input } = project.input(await project.commit(files, base), { lastWord: true, ...more, base })
  return gate(input)
}

const trebled = broken.replace("a * 2", "a * 3")
const wanted = testText.replace("double(2), 4", "double(2), 6")
const without = testText.replace(/test\("doubles"[\s\S]*?\n}\)\n/, "")
const another: Files = {
  "test/more.test.js": [
    'import assert from "node:assert/strict"',
    'import test from "node:test"',
    'import { double } from "../src/add.js"',
    'test("doubles too", () => assert.equal(double(5), 10))',
    "",
  ].join("\n"),
}

describe("T13: only expectations that are taken back go to a person", () => {
  test.each<[string, Files, "ask" | "retry", string, Files?]>([
    [
      "another behaviour, with what its test expects",
      { "src/add.js": trebled, "test/add.test.js": wanted },
      "ask",
      "loses `assert.equal(double(2), 4)`",
    ],
    [
      "a behaviour that goes, with its test",
      { "src/add.js": trebled, "test/add.test.js": without },
      "ask",
      "loses the test `doubles`",
    ],
    [
      "another behaviour that a test which stays does not want",
      { "src/add.js": trebled, "test/add.test.js": wanted },
      "retry",
      "test/more.test.js > doubles too fails now",
      another,
    ],
    [
      "another behaviour than its own test expects",
      { "src/add.js": trebled, "test/add.test.js": wanted.replace("6", "7") },
      "retry",
      "fails now",
    ],
    [
      "a test that is skipped",
      { "src/add.js": trebled, "test/add.test.js": testText.replace('test("doubles"', 'test.skip("doubles"') },
      "retry",
      "adds `skip`",
    ],
    [
      "source that asks whether it is tested, beside it",
      { "src/add.js": `${trebled}if (process.env.NODE_TEST_CONTEXT) add(1, 2)\n`, "test/add.test.js": wanted },
      "retry",
      "NODE_TEST_CONTEXT",
    ],
  ])("%s", async (_, files, verdict, told, before) => {
    const result = await byHand(files, {}, before)
    expect(said(result)).toContain(told)
    expect(result.verdict.is).toBe(verdict)
  })

  test("where there is a next attempt, the maker is told first", async () => {
    const result = await byHand({ "src/add.js": trebled, "test/add.test.js": wanted }, { lastWord: false })
    expect(result.verdict.is).toBe("retry")
  })

  test("the finding's own test is nobody's to take back", async () => {
    const head = await project.commit({ "test/add.test.js": testText.replace("add(1, 2), 3", "add(1, 2), -1") })
    const result = await gate(project.input(head, { lastWord: true }))
    expect(result.verdict.is).toBe("retry")
  })
})

describe("nothing claims that it is a fix", () => {
  const layers = [names("tests_pass", "diff_reasonable"), names("fix_is_proved")]
  const faster = broken.replace("a * 2", "2 * a")

  test("a refactoring beside an edit of a test file is accepted, and said to mend nothing", async () => {
    const files = { "src/add.js": faster, "test/add.test.js": `// measured elsewhere\n${testText}` }
    const result = await byHand(files, { layers })
    expect(result.verdict.is, said(result)).toBe("accept")
    expect(of(result, "fix_is_proved")?.caveats.join()).toContain("not to mend anything")
  })

  test("T10: new tests that pass without the change are a person's question", async () => {
    const files = { "src/add.js": faster, ...another }
    const result = await byHand(files, { layers })
    expect(result.verdict.is).toBe("ask")
    expect(said(result)).toContain("pass without it too: test/more.test.js > doubles too")
  })
})
