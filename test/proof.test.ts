import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../src/core/finding.ts"
import { broken, finding, fixed, type GateProject, names, of, openGateProject, said, testText } from "./gate-project.ts"

/* The checks that judge by running, through the real gate: real git, checkouts, sandbox and node:test. */

let project: GateProject
beforeAll(async () => {
  project = await openGateProject()
})
afterAll(() => project[Symbol.asyncDispose]())

const { reproduce: _reproduce, ...prose } = finding
const issue: Finding = { ...prose, source: "open_issues" }
const proof = { layers: [names("tests_pass", "fix_is_proved")] }
const teeth = { layers: [names("tests_pass", "tests_have_teeth")] }

const head = `import assert from "node:assert/strict"\nimport test from "node:test"\nimport * as add from "../src/add.js"\n`
const newTest = (body: string, also = "") => `${head}${also}test("new", () => {\n  ${body}\n})\n`

describe("fix_is_proved", () => {
  test("the named test is red without the source of the fix, and green with it", async () => {
    const result = await project.judged({ "src/add.js": fixed }, proof)
    const evidence = of(result, "fix_is_proved")
    expect(result.verdict.is, said(result)).toBe("accept")
    expect(evidence).toMatchObject({ outcome: "pass", head: result.head, definition: "builtin" })
    expect(evidence?.summary).toContain("red without the source of the change, and green with it, 2 times")
    expect(evidence?.command).toContain("node --test")
    expect(evidence?.artifacts?.length).toBeGreaterThan(2)
    expect(evidence?.at).toBeDefined()
  })

  test.each<[string, Record<string, string>, string, RegExp]>([
    [
      "a new test that asserts what the fix does",
      { "src/add.js": fixed, "test/new.test.js": newTest("assert.equal(add.add(2, 2), 4)") },
      "pass",
      /red without the source/,
    ],
    [
      "a new test that passes without the fix as well",
      {
        "src/add.js": fixed.replace("a * 2", "2 * a").replace("a + b", "a - b"),
        "test/new.test.js": newTest("assert.ok(true)"),
      },
      "fail",
      /pass without it too/,
    ],
    [
      "no test at all",
      { "src/add.js": `${broken}\n// thought about it\n` },
      "fail",
      /no test fails without the change/,
    ],
    ["no source at all", { "README.md": "# better\n" }, "pass", /no source is changed/],
    [
      "T10: a new feature whose test can't run without it is proved by breaking it",
      {
        "src/add.js": `${broken}export const triple = (a) => a * 3\n`,
        "test/new.test.js": newTest("assert.equal(triple(2), 6)", `import { triple } from "../src/add.js"\n`),
      },
      "pass",
      /notice when the changed lines are broken/,
    ],
    [
      "T10: an import that is missing without the change, and a test that asserts nothing",
      {
        "src/add.js": `${broken}export const triple = (a) => a * 3\n`,
        "test/new.test.js": newTest("triple(2)", `import { triple } from "../src/add.js"\n`),
      },
      "error",
      /its tests can't run .*does not provide an export named 'triple'/,
    ],
  ])("without a named test: %s", async (_, files, outcome, summary) => {
    const result = await project.judged(files, { ...proof, finding: issue })
    const evidence = of(result, "fix_is_proved")
    expect(evidence?.summary).toMatch(summary)
    expect(evidence?.outcome).toBe(outcome)
    if (outcome === "error") expect(evidence?.blame).toBe("person")
  })

  test("T10: a red that is a crash, a port that is taken or a time-out proves nothing", async () => {
    const port = `import { createServer } from "node:net"\nexport const serve = () => new Promise((done, fail) => createServer().on("error", fail).listen(1, "192.0.2.1", done))\n`
    const base = await project.commit({
      "src/serve.js": port,
      "test/serve.test.js": `import test from "node:test"\nimport { serve } from "../src/serve.js"\ntest("serves", async () => { await serve() })\n`,
    })
    const fix = await project.commit({ "src/serve.js": "export const serve = async () => {}\n" }, base)
    const serves = { ...finding, reproduce: { check: "tests_pass", ids: ["test/serve.test.js > serves"] } }
    const { gate } = await import("../src/verify/gate.ts")
    const result = await gate(project.input(fix, { ...proof, base, finding: serves }))
    expect(of(result, "fix_is_proved")).toMatchObject({ outcome: "error", blame: "person" })
  })
})

describe("tests_have_teeth", () => {
  test("a test notices when the fix is broken", async () => {
    const result = await project.judged({ "src/add.js": fixed }, teeth)
    expect(result.verdict.is, said(result)).toBe("accept")
    expect(of(result, "tests_have_teeth")?.summary).toContain("broken on purpose, it is noticed: src/add.js:1")
  })

  test("T2: tests that notice none of the breaks prove nothing: a person is asked", async () => {
    const more = { "src/more.js": "export const more = (a) => {\n  if (a > 3) return a + 1\n  return a\n}\n" }
    const files = {
      ...more,
      "test/more.test.js": `${head}import { more } from "../src/more.js"\ntest("more", () => { more(1) })\n`,
    }
    const result = await project.judged(files, { ...teeth, finding: issue })
    expect(of(result, "tests_have_teeth")).toMatchObject({ outcome: "error", blame: "person" })
    expect(result.verdict.is).toBe("ask")
  })

  test("lines that can't be broken pass, and it is said", async () => {
    const result = await project.judged({ "README.md": "# more\n" }, { ...teeth, finding: issue })
    expect(of(result, "tests_have_teeth")).toMatchObject({
      outcome: "pass",
      caveats: [expect.stringContaining("nothing was tried")],
    })
  })
})

test("the evidence of a failure says that it is the change's own", async () => {
  const files = { "src/add.js": broken.replace("a * 2", "a * 3"), "test/add.test.js": testText }
  const result = await project.judged(files, {})
  expect(of(result, "tests_pass")).toMatchObject({ outcome: "fail", class: "code" })
  expect(result.verdict.is).toBe("retry")
})
