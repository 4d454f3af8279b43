import { describe, expect, test } from "vitest"
import { type Change, foldChange } from "./change.ts"
import { decide } from "./decide.ts"
import type { Event, EventBody } from "./event.ts"
import type { Evidence, Verdict } from "./evidence.ts"
import { STANDING_CHECKS } from "./judge.ts"
import { Loop } from "./loop.ts"
import { NOTHING_SPENT } from "./spend.ts"

const loop: Loop = Loop.parse({
  name: "triage",
  source: { repo: "/repo", path: ".flyball/loops/triage.yaml" },
  hash: "h",
  trigger: [{ on: "manual" }],
  autonomy: "draft",
  isolation: "worktree",
  strict: false,
  agents: {},
  checks: {},
  skills: [],
  steps: {
    discover: { run: [] },
    act: { agent: "implementer", maxParallel: 1 },
    verify: { layers: [{ by: "check", expr: { check: "tests_pass" } }] },
    ship: { if: "verified", run: [], then: [] },
  },
  guardrails: {
    maxIterations: 3,
    budget: {},
    haltOn: { noProgress: 2, sameError: 3 },
    timeoutMs: 1000,
    silenceMs: 1000,
    reviewWip: 3,
    maxDiff: { files: 10, lines: 400 },
    maxFindings: 20,
    protect: [],
  },
  hooks: {},
})

const finding = {
  fingerprint: "f",
  source: "failing_tests",
  title: "t",
  body: "",
  severity: "high" as const,
  attemptable: true,
}

function changeOf(bodies: EventBody[], attemptable = true): Change {
  const found: EventBody = {
    type: "found",
    finding: { ...finding, attemptable, ...(attemptable ? {} : { reason: "a rule" }) },
    run: "r",
    loop: "triage",
    loopHash: "h",
  }
  return foldChange(
    [found, ...bodies].map(
      (body, index): Event => ({ seq: index, change: "c", at: "2026-01-01T00:00:00Z", key: String(index), body }),
    ),
  )
}

const isolated = (attempt: number, standing: "stands" | "gone" = "stands"): EventBody[] => [
  { type: "isolate.started", attempt },
  { type: "isolate.ended", attempt, base: "base", workspace: "/w", standing },
]
type Made = Extract<EventBody, { type: "make.ended" }>["made"]
const made = (attempt: number, what: Made, output?: string): EventBody[] => [
  { type: "make.started", attempt, agent: "implementer", use: "command", reserveUsd: 0 },
  {
    type: "make.ended",
    attempt,
    made: what,
    spend: NOTHING_SPENT,
    sandboxed: true,
    ms: 1,
    ...(output === undefined ? {} : { output }),
  },
]
const commit = (head: string, tree = head): Made => ({ is: "commit", head, tree, files: 1 })
const say = (check: string, head: string, outcome: Evidence["outcome"], failing: string[] = []): Evidence => ({
  check,
  head,
  tree: "tree",
  base: "base",
  outcome,
  ...(outcome === "pass" ? {} : { blame: "maker" as const }),
  ran: 1,
  summary: `${check} ${outcome}`,
  failing,
  preexisting: [],
  ms: 1,
  sandboxed: true,
  definition: "base",
  caveats: [],
})
const verified = (attempt: number, head: string, verdict: Verdict, evidence: Evidence[]): EventBody[] => [
  { type: "verify.started", attempt, head, reserveUsd: 0 },
  { type: "verify.ended", attempt, head, base: "base", evidence, verdict, spend: NOTHING_SPENT },
]
const green = (head: string) => [
  ...STANDING_CHECKS.map((check) => say(check, head, "pass")),
  say("tests_pass", head, "pass"),
]
const red = (head: string, failing = ["a"]) => [
  ...STANDING_CHECKS.map((check) => say(check, head, "pass")),
  say("tests_pass", head, "fail", failing),
]
const retry: Verdict = { is: "retry", feedback: "a fails" }
const failed = (attempt: number, head: string, tree: string, failing?: string[]) => [
  ...isolated(attempt),
  ...made(attempt, commit(head, tree)),
  ...verified(attempt, head, retry, red(head, failing)),
]
const accepted = [
  ...isolated(1),
  ...made(1, commit("h1")),
  ...verified(1, "h1", { is: "accept", head: "h1" }, green("h1")),
]
const proposed: EventBody[] = [
  ...accepted,
  { type: "ship.started", head: "h1", effect: "propose" },
  { type: "ship.ended", head: "h1", effect: "propose", commit: "c1", branch: "flyball/c", effects: [] },
]
const answered = (answer: Extract<EventBody, { type: "answered" }>["answer"]): EventBody => ({
  type: "answered",
  by: "alice",
  answer,
})

describe("what a change does next", () => {
  const cases: [string, EventBody[], object][] = [
    ["a new change is isolated", [], { do: "isolate", attempt: 1 }],
    ["a workspace that stands is worked in", isolated(1), { do: "make", attempt: 1 }],
    ["T7: what is fixed on the base is not attempted", isolated(1, "gone"), { do: "finish", outcome: "already_fixed" }],
    ["a commit is verified", [...isolated(1), ...made(1, commit("h1"))], { do: "verify", attempt: 1, head: "h1" }],
    ["an accepted head is proposed", accepted, { do: "ship", effect: "propose", accept: { head: "h1" } }],
    ["a proposal waits", proposed, { do: "finish", outcome: "proposed" }],
    [
      "a failed attempt is followed by another on its commit",
      failed(1, "h1", "t1"),
      { do: "isolate", attempt: 2, head: "h1" },
    ],
    [
      "the next attempt is told what failed",
      [...failed(1, "h1", "t1"), ...isolated(2)],
      { do: "make", attempt: 2, feedback: "a fails" },
    ],
    [
      "M4: the same tree and failures twice is no progress",
      [...failed(1, "h1", "t1"), ...failed(2, "h2", "t1")],
      { do: "stop", reason: "no_progress" },
    ],
    [
      "A→B→A is no progress",
      [...failed(1, "h1", "t1"), ...failed(2, "h2", "t2", ["b"]), ...failed(3, "h3", "t1")],
      { do: "stop", reason: "no_progress" },
    ],
    [
      "T8: another tree with the same failures goes on until same_error",
      [...failed(1, "h1", "t1"), ...failed(2, "h2", "t2"), ...failed(3, "h3", "t3")],
      { do: "stop", reason: "same_error" },
    ],
    [
      "other failures each time end at max_iterations",
      [...failed(1, "h1", "t1", ["a"]), ...failed(2, "h2", "t2", ["b"]), ...failed(3, "h3", "t3", ["c"])],
      { do: "stop", reason: "max_iterations" },
    ],
    [
      "a maker that changed nothing twice is stopped",
      [...isolated(1), ...made(1, { is: "nothing" }), ...isolated(2), ...made(2, { is: "nothing" })],
      { do: "stop", reason: "no_progress" },
    ],
    [
      "T15: a maker may stop, and a person decides",
      [...isolated(1), ...made(1, { is: "stop", stop: "impossible", reason: "no such API" })],
      { do: "ask", reason: "maker_impossible" },
    ],
    [
      "T12: a missing tool wakes no agent again",
      [...isolated(1), ...made(1, { is: "failed", code: "missing_agent", why: "not installed" })],
      { do: "ask", reason: "infrastructure" },
    ],
    [
      "M1: an exhausted budget stops",
      [...isolated(1), ...made(1, { is: "failed", code: "budget", why: "$5 reached" })],
      { do: "stop", reason: "budget" },
    ],
    [
      "a person's close ends it",
      [...proposed, answered({ is: "close", why: "no" })],
      { do: "finish", outcome: "closed" },
    ],
    [
      "a person's reject opens the next attempt",
      [...proposed, answered({ is: "retry", why: "too broad" })],
      { do: "isolate", attempt: 2, head: "h1" },
    ],
    [
      "the person's reason is what the attempt is told",
      [...proposed, answered({ is: "retry", why: "too broad" }), ...isolated(2)],
      { do: "make", attempt: 2, feedback: "A person rejected it: too broad" },
    ],
    [
      "an approval is verified again first",
      [...proposed, answered({ is: "approve", head: "h1" })],
      { do: "verify", attempt: 1, head: "h1" },
    ],
    [
      "an approved and verified head lands",
      [
        ...proposed,
        answered({ is: "approve", head: "h1" }),
        ...verified(1, "h1", { is: "accept", head: "h1" }, green("h1")),
      ],
      { do: "ship", effect: "merge", accept: { head: "h1" } },
    ],
    [
      "T9: an approval does not land what fails on the new base",
      [...proposed, answered({ is: "approve", head: "h1" }), ...verified(1, "h1", retry, red("h1"))],
      { do: "ask", reason: "gate_rejects" },
    ],
    [
      "T9: an approval of another commit is none",
      [...proposed, answered({ is: "approve", head: "other" })],
      { do: "ask", reason: "approval" },
    ],
    [
      "T1: a verdict that its evidence does not bear out ships nothing",
      [...isolated(1), ...made(1, commit("h1")), ...verified(1, "h1", { is: "accept", head: "h1" }, [])],
      { do: "ask", reason: "gate_asks" },
    ],
    [
      "D10: evidence for another commit is no evidence for this one",
      [...isolated(1), ...made(1, commit("h1")), ...verified(1, "h1", { is: "accept", head: "h1" }, green("h0"))],
      { do: "ask", reason: "gate_asks" },
    ],
  ]
  test.each(cases)("%s", (_, bodies, expected) => {
    expect(decide(changeOf(bodies), loop)).toMatchObject(expected)
  })

  test("a finding that a rule keeps back asks a person by that rule", () => {
    expect(decide(changeOf([], false), loop)).toEqual({ do: "ask", reason: "triage", question: "a rule" })
  })

  test("an infrastructure question is taken up again as the same attempt", () => {
    const waiting: EventBody[] = [
      ...isolated(1),
      ...made(1, { is: "failed", code: "missing_agent", why: "not installed" }),
      { type: "asked", reason: "infrastructure", question: "not installed" },
      { type: "finished", outcome: "asked" },
      { type: "resumed", run: "r2", loopHash: "h" },
    ]
    expect(decide(changeOf(waiting), loop)).toEqual({ do: "isolate", attempt: 1 })
  })

  test("M2: a reserve that a dead process left is charged in full when the attempt starts again", () => {
    const start: EventBody = { type: "make.started", attempt: 1, agent: "i", use: "claude", reserveUsd: 0.5 }
    const change = changeOf([...isolated(1), start, start])
    expect(change.attempts[0]).toMatchObject({ spend: { usd: 0.5, basis: "unknown" }, reservedUsd: 0.5 })
  })
})
