import { describe, expect, test } from "vitest"
import type { TestResult } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import type { Call } from "../core/loop.ts"
import { discover } from "./discover.ts"
import { dedupe, sameWork } from "./same-work.ts"
import { fixture } from "./testing.ts"

const call = (name: string, ...args: string[]): Call => ({ name, args, named: {} })
const failed = (name: string, message = "no"): TestResult => ({ id: name, name, status: "failed", message })
const tests = (...results: TestResult[]) => ({
  tests_pass: { kind: "tests" as const, result: { kind: "tests" as const, tests: results } },
})
const finding = (fingerprint: string, more: Partial<Finding> = {}): Finding => ({
  fingerprint,
  source: "sh",
  title: fingerprint,
  body: "",
  severity: "medium",
  attemptable: true,
  ...more,
})
const line = (title: string, more: Record<string, unknown> = {}) => `echo '${JSON.stringify({ title, ...more })}'`

test("M6: nothing found is nothing, without a note of an error", async () => {
  await using repo = await fixture({
    run: [call("failing_tests"), call("open_issues"), call("recent_commits")],
    measured: tests({ id: "a", name: "a", status: "passed" }),
  })
  expect(await discover(repo.context)).toMatchObject({ findings: [], context: [expect.stringContaining("first")] })
})

test("T7: what two sources see is one finding, with the higher severity and the stricter word", async () => {
  const issue =
    "---\nseverity: critical\nlabels: question\nreproduce: { check: tests_pass, ids: [adds] }\n---\n# Adding is off\n"
  await using repo = await fixture({
    files: { "issues/1.md": issue },
    run: [call("failing_tests"), call("scan_ci_failures"), call("open_issues")],
    measured: tests(failed("adds"), failed("subtracts")),
  })
  const { findings, notes } = await discover(repo.context)
  expect(findings).toMatchObject([
    {
      source: "failing_tests",
      severity: "critical",
      attemptable: false,
      reason: expect.stringContaining("needs-decision"),
      body: expect.stringContaining("Also seen by open_issues: Adding is off"),
    },
    { title: "subtracts", attemptable: true },
  ])
  expect(notes).toContain("3 findings seen twice; taken as one.")
})

describe("the same work", () => {
  const test1 = (message: string) => finding(message, { reproduce: { check: "tests_pass", ids: ["adds"] } })
  test.each<[string, Finding, Finding, boolean]>([
    ["T7: the same test with another message after half a fix", test1("expected 3"), test1("expected 5"), true],
    ["another test", test1("x"), finding("y", { reproduce: { check: "tests_pass", ids: ["subtracts"] } }), false],
    [
      "a group that shrank",
      finding("a", { reproduce: { check: "lint", ids: ["1", "2"] } }),
      finding("b", { reproduce: { check: "lint", ids: ["2"] } }),
      true,
    ],
    [
      "the same id of another check",
      finding("a", { reproduce: { check: "lint", ids: ["1"] } }),
      finding("b", { reproduce: { check: "types", ids: ["1"] } }),
      false,
    ],
    [
      "a whole check and one of its tests",
      finding("a", { reproduce: { check: "tests_pass", ids: [] } }),
      test1("x"),
      false,
    ],
    [
      "one command",
      finding("a", { reproduce: { check: "x", ids: [], command: "false" } }),
      finding("b", { reproduce: { check: "y", ids: [], command: "false" } }),
      true,
    ],
    ["one fingerprint", finding("a"), finding("a", { title: "other" }), true],
    ["nothing in common", finding("a"), finding("b"), false],
  ])("%s", (_name, a, b, same) => {
    expect([sameWork(a, b), sameWork(b, a)]).toEqual([same, same])
    expect(dedupe([a, b]).findings).toHaveLength(same ? 1 : 2)
  })
})

test("the gravest come first, equally grave ones in the order of the sources", async () => {
  const commands = [
    line("a", { severity: "low" }),
    line("b", { severity: "high" }),
    line("c"),
    line("d", { severity: "critical" }),
    line("e", { severity: "high" }),
  ]
  await using repo = await fixture({ run: [call("sh", commands.join(";"))] })
  expect((await discover(repo.context)).findings.map(({ title }) => title)).toEqual(["d", "b", "e", "c", "a"])
})

test("what is over the ceiling waits; what is under way already does not count, nor do those for people crowd out the others", async () => {
  const commands = ["a", "b", "c", "d"]
    .map((title) => line(title, { severity: "high" }))
    .concat(line("e", { size: "large", severity: "critical" }))
  await using repo = await fixture({ run: [call("sh", commands.join(";"))], maxFindings: 2 })
  const { findings, notes } = await discover(repo.context, { underWay: ({ title }) => title === "a" })
  expect(findings.map(({ title }) => title)).toEqual(["e", "a", "b", "c"])
  expect(notes.at(-1)).toContain("1 more finding over `max_findings` (2)")
})

test("what a person must see to is shown and not attempted, each with its rule", async () => {
  const commands = [
    line("sure", { confidence: 0.9 }),
    line("vague", { confidence: 0.1 }),
    line("huge", { size: "large" }),
    line("unsure", { confidence: 0.5 }),
  ]
  await using repo = await fixture({ run: [call("sh", commands.join(";"))], attemptIf: "finding.confidence >= 0.7" })
  const { findings: all } = await discover(repo.context)
  const sure = all.find(({ title }) => title === "sure")
  const { findings } = await discover(repo.context, {
    attemptIf: ({ confidence }) => (confidence ?? 0) >= 0.7,
    added: [finding("ticked"), finding("blocked")],
    wordOn: ({ title }) =>
      title === "ticked" ? { is: "ticked" } : title === "blocked" ? { is: "blocked", why: "after\nFriday" } : undefined,
  })
  expect(sure?.attemptable).toBe(true)
  expect(
    Object.fromEntries(findings.map(({ title, attemptable, reason }) => [title, attemptable ? true : reason])),
  ).toEqual({
    sure: true,
    vague: "low-confidence: too little is known of it (confidence 0.1)",
    huge: "too-large: it is too large for one change",
    unsure: "attempt-if: `finding.confidence >= 0.7` does not hold",
    ticked: "state-ticked: a person ticked it in the state file",
    blocked: "state-blocked: a person moved it to Blocked: after Friday",
  })
})

describe("what can't be looked at", () => {
  test("a source that lacks its check is left out, and said", async () => {
    await using repo = await fixture({ run: [call("failing_tests"), call("sh", line("a"))] })
    const { findings, notes } = await discover(repo.context)
    expect(findings).toHaveLength(1)
    expect(notes[0]).toContain("failing_tests was left out")
  })

  test("one that fails is a note; when none is left, it is a failure, not an empty list", async () => {
    await using repo = await fixture({ run: [call("checklist"), call("sh", line("a"))] })
    expect((await discover(repo.context)).notes[0]).toContain("checklist failed")
    await using none = await fixture({ run: [call("checklist")] })
    await expect(discover(none.context)).rejects.toMatchObject({ code: "SOURCE_ARGUMENT" })
  })

  test("T2: a source that is silent does not speak for one that failed", async () => {
    await using repo = await fixture({ run: [call("checklist"), call("open_issues")] })
    await expect(discover(repo.context)).rejects.toMatchObject({ code: "SOURCE_ARGUMENT" })
  })

  test("T2: a loop whose only source has nothing to look at does not find nothing, it fails", async () => {
    await using repo = await fixture({ run: [call("failing_tests")] })
    await expect(discover(repo.context)).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE", retry: "person" })
  })

  test("a source of a later version is left out, and said; alone, it is a failure", async () => {
    await using repo = await fixture({ run: [call("failing_checks", "github"), call("sh", line("a"))] })
    const { findings, notes } = await discover(repo.context)
    expect([findings.length, notes[0]]).toEqual([1, "failing_checks was left out: it is not available yet."])
    await using none = await fixture({ run: [call("toString")] })
    await expect(discover(none.context)).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" })
  })

  test("an aborted run stops", async () => {
    await using repo = await fixture({ run: [call("open_issues")] })
    await expect(discover({ ...repo.context, signal: AbortSignal.abort(new Error("halted")) })).rejects.toThrow(
      "halted",
    )
  })
})
