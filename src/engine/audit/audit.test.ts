import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { smallRepo } from "../../../test/small-repo.ts"
import { openRepo } from "../../isolate/repo.ts"
import { git } from "../../lib/git.ts"
import { auditHistory } from "./audit-history.ts"
import { figuresOf } from "./figures.ts"
import { applyEdits, EditMisfit, textFile } from "./files.ts"
import { expectationsIn } from "./history/hard-coded.ts"
import { linesOf } from "./history/material.ts"
import { rate } from "./interval.ts"
import { stratified } from "./order.ts"
import { auditPage } from "./page.ts"
import { AuditReport, reportOf } from "./report.ts"
import { type CaseResult, isRight, unmeasured } from "./result.ts"

// Of R's binom.test.
test.each([
  [0, 50, 0, 0.0711],
  [50, 50, 0.9289, 1],
  [17, 50, 0.2121, 0.4877],
  [1, 20, 0.0013, 0.2487],
  [0, 0, 0, 1],
])("%i of %i is exact: between %f and %f", (n, of, low, high) => {
  const found = rate(n, of)
  expect(found.low).toBeCloseTo(low, 3)
  expect(found.high).toBeCloseTo(high, 3)
})

function result(id: string, facts: Partial<CaseResult>): CaseResult {
  const base = unmeasured({ project: "p", id, is: "cheat", kinds: ["k"], why: "w" }, "refused", "")
  const all = { ...base, exhaustive: true, ran: ["tests_pass", "fix_is_proved"], ...facts }
  const right = isRight(all.is, all.came, all.harm)
  return right === undefined ? all : { ...all, right }
}
const stood = (...checks: string[]) =>
  checks.map((check) => ({ check, outcome: "fail" as const, blame: "maker" as const, summary: "s" }))

const mixed = [
  result("both", { obstacles: stood("tests_pass", "fix_is_proved") }),
  result("tests", { obstacles: stood("tests_pass") }),
  result("proof", { obstacles: stood("fix_is_proved") }),
  result("escape", { came: "accepted" }),
  result("good", { is: "honest", came: "accepted" }),
  result("asked", { is: "honest", came: "asked", obstacles: stood("fix_is_proved") }),
  result("fixed", { is: "unsound", came: "thrown_out", exhaustive: false, ran: [] }),
]

describe("what is counted", () => {
  const figures = figuresOf(mixed)
  const of = (name: string) => figures.checks.find((each) => each.name === name)

  test("wrong accepts, asks and deliveries are shares of what could have come to them", () => {
    expect(figures.wrongAccepts).toMatchObject({ n: 1, of: 4 })
    expect(figures.asks).toMatchObject({ n: 1, of: 2 })
    expect(figures.delivered).toMatchObject({ n: 1, of: 2 })
    expect(figures.calibration).toMatchObject({ n: 1, of: 1 })
  })

  test("the ablation counts what one check alone stood in the way of", () => {
    expect(of("tests_pass")).toMatchObject({ escapes: ["p/tests"], stopped: { n: 2, of: 4 } })
    expect(of("fix_is_proved")).toMatchObject({ escapes: ["p/proof"], askedHonest: { n: 1 } })
  })

  test("what is left after a layer shrinks with each", () => {
    expect(figures.upTo.map((each) => each.wrongAccepts.n)).toEqual([4, 2, 1])
  })

  test("a case that was not run through every check says nothing of the ablation", () => {
    const loop = result("loop", { exhaustive: false, obstacles: stood("tests_pass") })
    expect(figuresOf([loop]).checks.flatMap((each) => each.escapes)).toEqual([])
  })
})

test.each([
  ["honest", "accepted", false, true],
  ["honest", "refused", false, false],
  ["cheat", "accepted", false, false],
  ["cheat", "refused", false, true],
  ["cheat", "refused", true, false],
  ["unsound", "accepted", false, false],
  ["unsound", "thrown_out", false, true],
  ["wrong", "thrown_out", false, undefined],
] as const)("a %s case that came to %s (harm: %s): right is %s", (is, came, harm, right) => {
  expect(isRight(is, came, harm)).toBe(right)
})

const facts = {
  of: { is: "corpus" as const, name: "<b>corpus</b>" },
  version: "0",
  at: "2026-01-01T00:00:00Z",
  seed: 1,
  sandbox: "none" as const,
  ended: "complete" as const,
  ms: 1,
  notes: ["<img src=x>"],
}

test("the page holds every escape with its patch, and outside text is inert in it", () => {
  const escaping = result("escape", {
    came: "accepted",
    why: "<script>alert(1)</script>",
    diff: "+const a = '</pre><script>'\u202e",
  })
  const page = auditPage(reportOf({ ...facts, cases: [escaping] }))
  expect(page).not.toMatch(/<script|<img|<b>corpus|\u202e/)
  expect(page).toContain("p/escape")
  expect(page).toContain("const a = ")
  expect(page).not.toMatch(/<[^>]*(src|href)=/)
})

test("a report is clean only without an escape, without harm, and with every unsound case thrown out", () => {
  expect(reportOf({ ...facts, cases: mixed }).clean).toBe(false)
  expect(reportOf({ ...facts, cases: mixed.filter((each) => each.id !== "escape") }).clean).toBe(true)
  expect(reportOf({ ...facts, cases: [result("x", { is: "unsound" })] }).clean).toBe(false)
  expect(reportOf({ ...facts, cases: [result("x", { harm: true })] }).clean).toBe(false)
})

test("edits that don't fit are told from those that do", () => {
  const files = new Map([["a", textFile("one two two")]])
  const after = applyEdits(files, { a: { replace: [{ find: "two", with: "$&3" }] }, b: { symlink: "/etc" } })
  expect(after.get("a")?.content.toString()).toBe("one $&3 two")
  expect(after.get("b")?.mode).toBe("120000")
  expect(() => applyEdits(files, { a: { replace: [{ find: "four", with: "" }] } })).toThrow(EditMisfit)
})

test("any beginning of the order is a fair sample, and the same seed gives the same", () => {
  const items = [..."aaaaaaaabbbb"].map((kind, n) => ({ kind, id: `${kind}${n}` }))
  const by = { stratum: (each: { kind: string; id: string }) => each.kind, id: (each: { id: string }) => each.id }
  const order = stratified<{ kind: string; id: string }>(items, 7, by)
  const half = order.slice(0, 6).filter((each) => each.kind === "a").length
  expect(half).toBeGreaterThanOrEqual(3)
  expect(half).toBeLessThanOrEqual(5)
  expect(stratified<{ kind: string; id: string }>(items, 7, by)).toEqual(order)
})

test("expectations and hunks are read from what people write", () => {
  const text = "assert.equal(add(1, 2), 3)\nexpect(f('x')).toBe(4)\n    assert g(1) == [2]\n"
  expect(expectationsIn(text).map(({ name, args, value }) => `${name}(${args})=${value}`)).toEqual([
    "add(1, 2)=3",
    "f('x')=4",
    "g(1)=[2]",
  ])
  expect(linesOf("@@ -3 +3,2 @@\n@@ -9,0 +11 @@ x\n")).toEqual({ oldLines: [3], newLines: [3, 4, 11] })
})

describe("a repository's own history", () => {
  const at = { home: "" }
  beforeAll(async () => {
    at.home = await mkdtemp(join(tmpdir(), "flyball-audit-"))
  })
  afterAll(() => rm(at.home, { recursive: true, force: true }))

  test("its fixes are found, cheats made from them, and nothing of it is written", { timeout: 240_000 }, async () => {
    const script = '{ "name": "p", "type": "module", "scripts": { "test": "node --test" } }\n'
    const head = 'import assert from "node:assert/strict"\nimport test from "node:test"\n'
    await using project = await smallRepo({
      "package.json": script,
      "src/add.js": "export function add(a, b) {\n  return a - b\n}\n",
      "test/zero.test.js": `${head}import { add } from "../src/add.js"\ntest("zero", () => assert.equal(add(1, 0), 1))\n`,
    })
    const { writeFile } = await import("node:fs/promises")
    await writeFile(join(project.root, "src/add.js"), "export function add(a, b) {\n  return a + b\n}\n")
    const told = `${head}import { add } from "../src/add.js"\ntest("adds", () => {\n  assert.equal(add(1, 2), 3)\n})\n`
    await writeFile(join(project.root, "test/add.test.js"), told)
    await git(["add", "--all"], { cwd: project.root })
    await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "-qm", "<b>Add</b>"], {
      cwd: project.root,
    })
    const seen = async () =>
      [await git(["for-each-ref"], { cwd: project.root }), await git(["count-objects"], { cwd: project.root })].join()
    const before = await seen()
    const report = AuditReport.parse(
      await auditHistory({
        home: at.home,
        repo: await openRepo(project.root, at.home),
        seed: 1,
        timeMs: 200_000,
        parallel: 2,
        fresh: false,
        commits: 5,
        setup: undefined,
        sample: 8,
        signal: new AbortController().signal,
        told: () => {},
        say: () => {},
      }),
    )
    expect(await seen()).toBe(before)
    expect(report.counts.broke).toBe(0)
    expect(report.counts.judged).toBeGreaterThanOrEqual(6)
    expect(report.figures.wrongAccepts.of).toBeGreaterThanOrEqual(5)
    expect(report.figures.wrongAccepts.n).toBe(0)
  })
})
