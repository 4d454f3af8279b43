import { describe, expect, test } from "vitest"
import type { Issue, Measurement, TestResult } from "./evidence.ts"
import { type Judgement, judgeMeasured, type Named } from "./judge-measured.ts"

const status = { p: "passed", f: "failed", s: "skipped", t: "todo" } as const

/** `a:p b:f` → a report of two tests. */
function tests(text: string, exitCode?: number): Measurement {
  const list = text
    .split(" ")
    .filter((word) => word !== "")
    .map((word): TestResult => {
      const [id = "", letter = "p"] = word.split(":")
      return {
        id,
        name: id,
        status: status[letter as keyof typeof status],
        ...(letter === "f" ? { message: `${id} broke` } : {}),
      }
    })
  const exits = exitCode ?? (list.some((each) => each.status === "failed") ? 1 : 0)
  return measured({ is: "report", report: { kind: "tests", tests: list } }, exits)
}

function issues(text: string): Measurement {
  const list = text
    .split(" ")
    .filter((word) => word !== "")
    .map(
      (fingerprint): Issue => ({ fingerprint, rule: "no-x", file: "a.ts", line: 3, message: "x", severity: "error" }),
    )
  return measured({ is: "report", report: { kind: "issues", issues: list } }, list.length > 0 ? 1 : 0)
}

const exit = (exitCode: number) => measured({ is: "report", report: { kind: "exit", exitCode } }, exitCode)
const error = (code: "missing_tool" | "unfinished" | "timeout" | "stopped" | "ran_nothing") =>
  measured({ is: "error", code, why: `because ${code}` }, 1)

function measured(result: Measurement["result"], exitCode: number): Measurement {
  return {
    check: "check",
    tree: "t",
    command: "run it",
    result,
    exitCode,
    ms: 1,
    sandboxed: true,
    definition: "base",
    cached: false,
  }
}

const none: Named = { is: "nothing" }
const whole: Named = { is: "whole" }
const ids = (...list: string[]): Named => ({ is: "ids", ids: list })

type Row = [string, Measurement, Measurement, Named, Partial<Judgement>]

function check(rows: Row[]) {
  test.each(rows)("%s", (_name, base, head, named, expected) => {
    expect(judgeMeasured(base, head, named)).toMatchObject(expected)
  })
}

describe("tests", () => {
  check([
    ["everything passes", tests("a b"), tests("a b"), none, { outcome: "pass", ran: 2, failing: [] }],
    [
      "the named one is fixed",
      tests("a b:f"),
      tests("a b"),
      ids("b"),
      { outcome: "pass", failing: [], preexisting: [] },
    ],
    [
      "the named one still fails",
      tests("a b:f"),
      tests("a b:f"),
      ids("b"),
      { outcome: "fail", blame: "maker", failing: ["b"], preexisting: [] },
    ],
    [
      "the named one vanished",
      tests("a b:f"),
      tests("a"),
      ids("b"),
      { outcome: "fail", blame: "maker", failing: ["b"] },
    ],
    [
      "the named one is skipped",
      tests("a b:f"),
      tests("a b:s"),
      ids("b"),
      { outcome: "fail", blame: "maker", failing: ["b"] },
    ],
    ["the named one is a todo", tests("a b:f"), tests("a b:t"), ids("b"), { outcome: "fail", failing: ["b"] }],
    [
      "a named id that neither side knows is not seen to pass",
      tests("a"),
      tests("a"),
      ids("zzz"),
      { outcome: "fail", failing: ["zzz"] },
    ],
    [
      "red on both is pre-existing and blocks nothing",
      tests("a b:f c:f"),
      tests("a b c:f"),
      ids("b"),
      { outcome: "pass", preexisting: ["c"] },
    ],
    [
      "a test that passed on the base fails",
      tests("a b:f"),
      tests("a:f b"),
      ids("b"),
      { outcome: "fail", blame: "maker", failing: ["a"] },
    ],
    ["a test that passed on the base vanished", tests("a b"), tests("b"), none, { outcome: "fail", failing: ["a"] }],
    [
      "a test that passed on the base is skipped",
      tests("a b"),
      tests("a:s b"),
      none,
      { outcome: "fail", failing: ["a"] },
    ],
    [
      "a test that passed on the base is a todo",
      tests("a b"),
      tests("a:t b"),
      none,
      { outcome: "fail", failing: ["a"] },
    ],
    ["a new test passes", tests("a"), tests("a n"), none, { outcome: "pass", ran: 2 }],
    [
      "a new test fails: the maker's",
      tests("a"),
      tests("a n:f"),
      none,
      { outcome: "fail", blame: "maker", failing: ["n"] },
    ],
    ["a new test is skipped", tests("a"), tests("a n:s"), none, { outcome: "pass", ran: 1 }],
    ["a skipped one of the base fails now", tests("a b:s"), tests("a b:f"), none, { outcome: "fail", failing: ["b"] }],
    ["of two with one id, one vanished", tests("a a"), tests("a"), none, { outcome: "fail", failing: ["a"] }],
    ["of two with one id, one fails", tests("a a"), tests("a a:f"), none, { outcome: "fail", failing: ["a"] }],
    ["of two with one id, the red one is fixed", tests("a a:f"), tests("a a"), ids("a"), { outcome: "pass" }],
    [
      "the whole check is named, and one is left",
      tests("a:f b:f"),
      tests("a b:f"),
      whole,
      { outcome: "fail", failing: ["b"], preexisting: [] },
    ],
    [
      "the whole check is named, and green",
      tests("a:f b:f c"),
      tests("a b c"),
      whole,
      {
        outcome: "pass",
        summary: "3 tests ran, 2 tests that failed on the base pass now; nothing that passed is lost",
      },
    ],
    [
      "all pass and yet it exits 1",
      tests("a"),
      tests("a", 1),
      none,
      { outcome: "fail", blame: "maker", failing: ["check exits 1"] },
    ],
    ["all pass and it exits 1, as on the base", tests("a", 1), tests("a", 1), none, { outcome: "pass" }],
    ["no baseline, all pass", error("unfinished"), tests("a"), ids("a"), { outcome: "pass" }],
    [
      "no baseline, one fails",
      error("unfinished"),
      tests("a b:f"),
      ids("a"),
      { outcome: "fail", blame: "maker", failing: ["b"] },
    ],
  ])

  check([
    ["T2: a gate that ran nothing is not a pass", tests("a"), tests(""), none, { outcome: "error", blame: "maker" }],
    [
      "T2: a gate in which all is skipped is not a pass",
      tests("a"),
      tests("a:s"),
      none,
      { outcome: "error", blame: "maker" },
    ],
    [
      "T2: a gate that runs nothing on either side is nobody's fault and no pass",
      tests(""),
      tests(""),
      none,
      { outcome: "error", blame: "infrastructure" },
    ],
    [
      "T2: an error on the head alone is the maker's",
      tests("a"),
      error("unfinished"),
      none,
      { outcome: "error", blame: "maker" },
    ],
    [
      "T12: an error on both wakes nobody",
      error("missing_tool"),
      error("missing_tool"),
      none,
      { outcome: "error", blame: "infrastructure" },
    ],
    [
      "T12: an error on both stays infrastructure when it differs",
      error("missing_tool"),
      error("timeout"),
      ids("a"),
      { outcome: "error", blame: "infrastructure" },
    ],
    [
      "a measurement that was stopped is not the maker's",
      tests("a"),
      error("stopped"),
      none,
      { outcome: "error", blame: "infrastructure" },
    ],
    ["a report of another kind can't be compared", tests("a"), exit(0), none, { outcome: "error", blame: "maker" }],
  ])

  test("feedback names what failed, with its message, and stays small", () => {
    const many = Array.from({ length: 500 }, (_, n) => `t${n}`)
    const judged = judgeMeasured(tests(many.join(" ")), tests(many.map((id) => `${id}:f`).join(" ")), none)
    expect(judged.failing).toHaveLength(500)
    expect(judged.feedback).toContain("t0 fails now, and did not on the base: t0 broke")
    expect(judged.feedback?.length).toBeLessThan(13_000)
  })
})

describe("issues", () => {
  check([
    ["nothing new", issues("a b"), issues("a b"), none, { outcome: "pass", preexisting: ["a", "b"] }],
    ["the named one is gone", issues("a b"), issues("a"), ids("b"), { outcome: "pass", preexisting: ["a"] }],
    [
      "the named one is still there",
      issues("a b"),
      issues("a b"),
      ids("b"),
      { outcome: "fail", blame: "maker", failing: ["b"] },
    ],
    ["a new one", issues("a"), issues("a n"), none, { outcome: "fail", failing: ["n"] }],
    ["one more of a kind that is there is new", issues("a"), issues("a a"), none, { outcome: "fail", failing: ["a"] }],
    ["one fewer of a kind is no trouble", issues("a a"), issues("a"), none, { outcome: "pass" }],
    ["the whole check is named", issues("a b"), issues("a"), whole, { outcome: "fail", failing: ["a"] }],
    ["clean on both", issues(""), issues(""), none, { outcome: "pass", ran: 0 }],
    [
      "T2: a linter that crashed is not clean",
      issues("a"),
      error("timeout"),
      none,
      { outcome: "error", blame: "maker" },
    ],
    ["no baseline: all are new", error("missing_tool"), issues("a"), none, { outcome: "fail", failing: ["a"] }],
  ])
})

describe("exit codes", () => {
  check([
    ["0 and 0", exit(0), exit(0), none, { outcome: "pass" }],
    ["it broke", exit(0), exit(2), none, { outcome: "fail", blame: "maker", failing: ["check"] }],
    ["red on both", exit(1), exit(1), none, { outcome: "pass", preexisting: ["check"] }],
    ["red on both, and the finding names it", exit(1), exit(1), whole, { outcome: "fail", failing: ["check"] }],
    ["mended", exit(1), exit(0), whole, { outcome: "pass" }],
    ["no baseline", error("timeout"), exit(1), none, { outcome: "fail" }],
  ])
})
