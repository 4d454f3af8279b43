import { describe, expect, expectTypeOf, test } from "vitest"
import { evaluate, type Known, obstacles } from "./check-expr.ts"
import type { Evidence } from "./evidence.ts"
import { type Accept, acceptFor, askedFor, type Case, judge, STANDING_CHECKS } from "./judge.ts"
import type { CheckExpr, Layer } from "./loop.ts"

const HEAD = "a".repeat(40)
const BASE = "b".repeat(40)

function evidence(check: string, outcome: Evidence["outcome"], facts: Partial<Evidence> = {}): Evidence {
  return {
    check,
    head: HEAD,
    base: BASE,
    tree: "tree",
    outcome,
    ran: 1,
    summary: `${check} says ${outcome}`,
    failing: [],
    preexisting: [],
    ms: 1,
    sandboxed: true,
    definition: "base",
    caveats: [],
    ...facts,
  }
}

const standing = STANDING_CHECKS.map((check) => evidence(check, "pass"))
const layer = (...names: string[]): Layer => ({ by: "check", expr: { and: names.map((check) => ({ check })) } })
const reviewer: Layer = { by: "agent", agent: "reviewer" }
const panel: Layer = { by: "panel", agents: ["a", "b"], quorum: 1 }
const goal: Layer = { by: "evaluator", agent: "judge" }
const approval: Layer = { by: "approve", who: "@payments" }

function of(layers: Layer[], ...found: Evidence[]): Case {
  return { head: HEAD, base: BASE, layers, evidence: [...standing, ...found] }
}

const maker = { blame: "maker", feedback: "mend it" } as const

const rows: [string, Case, string][] = [
  [
    "all layers passed",
    of([layer("a", "b"), reviewer], evidence("a", "pass"), evidence("b", "pass"), evidence("review:reviewer", "pass")),
    "accept",
  ],
  ["the maker's failure", of([layer("a")], evidence("a", "fail", maker)), "retry"],
  ["the maker's error", of([layer("a")], evidence("a", "error", maker)), "retry"],
  ["infrastructure", of([layer("a")], evidence("a", "error", { blame: "infrastructure" })), "ask"],
  ["a failure that nobody is blamed for", of([layer("a")], evidence("a", "fail")), "ask"],
  [
    "infrastructure weighs more than the maker's failure: no agent could mend it",
    of([layer("a", "b")], evidence("a", "fail", maker), evidence("b", "error", { blame: "infrastructure" })),
    "ask",
  ],
  ["a person's question", of([layer("a")], evidence("a", "fail", { blame: "person" })), "ask"],
  ["a panel accepts", of([panel], evidence("panel:a+b", "pass")), "accept"],
  [
    "a panel's members are not the panel",
    of([panel], evidence("review:a", "pass"), evidence("review:b", "pass")),
    "ask",
  ],
  ["a panel that spoke of another head", of([panel], evidence("panel:a+b", "pass", { head: BASE })), "ask"],
  [
    "a panel accepts, and one of it was not heard",
    of([panel], evidence("review:b", "error", { blame: "infrastructure" }), evidence("panel:a+b", "pass")),
    "accept",
  ],
  ["a panel rejects", of([panel], evidence("panel:a+b", "fail", maker)), "retry"],
  ["the goal is met", of([goal], evidence("goal:judge", "pass")), "accept"],
  ["the goal is not met", of([goal], evidence("goal:judge", "fail", maker)), "retry"],
  ["nobody said whether the goal is met", of([goal]), "ask"],
  ["skipped is never a pass", of([layer("a")], evidence("a", "skipped")), "ask"],
  [
    "the reviewer rejects",
    of([layer("a"), reviewer], evidence("a", "pass"), evidence("review:reviewer", "fail", maker)),
    "retry",
  ],
  [
    "the reviewer asks",
    of([layer("a"), reviewer], evidence("a", "pass"), evidence("review:reviewer", "fail", { blame: "person" })),
    "ask",
  ],
  ["no evidence of a layer", of([layer("a"), reviewer], evidence("a", "pass")), "ask"],
  ["no evidence at all", { head: HEAD, base: BASE, layers: [layer("a")], evidence: [] }, "ask"],
  ["no layers at all", of([]), "ask"],
  ["an empty expression", of([layer()]), "ask"],
  [
    "approval is missing",
    of([layer("a"), approval], evidence("a", "pass"), evidence("approval:@payments", "skipped")),
    "ask",
  ],
  [
    "a standing check is missing",
    { head: HEAD, base: BASE, layers: [layer("a")], evidence: [evidence("a", "pass")] },
    "ask",
  ],
  [
    "a standing check fails though every layer passed",
    of([layer("a")], evidence("a", "pass"), evidence("protected_paths", "fail", maker)),
    "retry",
  ],
  ["the later word of a check counts", of([layer("a")], evidence("a", "pass"), evidence("a", "fail", maker)), "retry"],
  [
    "NOT of a pass is the maker's",
    of([{ by: "check", expr: { not: { check: "a" } } }], evidence("a", "pass")),
    "retry",
  ],
  [
    "NOT of a failure is a pass",
    of([{ by: "check", expr: { not: { check: "a" } } }], evidence("a", "fail", maker)),
    "accept",
  ],
  [
    "NOT of an error is not a pass",
    of([{ by: "check", expr: { not: { check: "a" } } }], evidence("a", "error", { blame: "infrastructure" })),
    "ask",
  ],
  [
    "one side of an OR",
    of(
      [{ by: "check", expr: { or: [{ check: "a" }, { check: "b" }] } }],
      evidence("a", "fail", maker),
      evidence("b", "pass"),
    ),
    "accept",
  ],
  [
    "a conflict is told to the maker",
    { head: HEAD, base: BASE, layers: [layer("a")], evidence: [evidence("merge", "fail", maker)] },
    "retry",
  ],
]

test.each(rows)("judge: %s", (_name, matter, expected) => {
  expect(judge(matter).is).toBe(expected)
  expect(acceptFor(matter) !== undefined).toBe(expected === "accept")
})

describe("T9: shipping takes an accept for this very head", () => {
  const fine = of([layer("a")], evidence("a", "pass"))
  test("it names head, base and tree", () => {
    expect(acceptFor(fine)).toMatchObject({ head: HEAD, base: BASE, tree: "tree" })
  })
  test("evidence for another head is none", () => {
    expect(acceptFor({ ...fine, head: "c".repeat(40) })).toBeUndefined()
  })
  test("evidence on another base is none", () => {
    expect(acceptFor({ ...fine, base: "c".repeat(40) })).toBeUndefined()
  })
  test("nothing else can be taken for one", () => {
    expectTypeOf<{ head: string; base: string; tree: string }>().not.toExtend<Accept>()
    expect(JSON.parse(JSON.stringify(acceptFor(fine)))).toEqual({ head: HEAD, base: BASE, tree: "tree" })
  })
})

test.each([
  ["conflict", of([layer("a")], evidence("merge", "fail", { blame: "person" }))],
  ["infrastructure", of([layer("a")], evidence("a", "error", { blame: "infrastructure" }))],
  [
    "reviewers_disagree",
    of(
      [panel],
      evidence("review:a", "pass"),
      evidence("review:b", "fail", maker),
      evidence("panel:a+b", "fail", { blame: "person" }),
    ),
  ],
  [
    "reviewer_asks",
    of(
      [panel],
      evidence("review:a", "pass"),
      evidence("review:b", "fail", { blame: "person" }),
      evidence("panel:a+b", "fail", { blame: "person" }),
    ),
  ],
  ["infrastructure", of([panel], evidence("panel:a+b", "error", { blame: "infrastructure" }))],
  ["goal_impossible", of([goal], evidence("goal:judge", "fail", { blame: "person" }))],
  ["infrastructure", of([goal], evidence("goal:judge", "error", { blame: "infrastructure" }))],
  ["gate_asks", of([goal], evidence("goal:judge", "skipped"))],
  ["reviewer_asks", of([reviewer], evidence("review:reviewer", "fail", { blame: "person" }))],
  ["approval", of([approval], evidence("approval:@payments", "skipped"))],
  ["gate_asks", of([layer("a")], evidence("a", "skipped"))],
] as const)("an ask says by which rule: %s", (reason, matter) => {
  expect(askedFor(matter)).toBe(reason)
})

describe("expressions", () => {
  const a: CheckExpr = { check: "a" }
  const b: CheckExpr = { check: "b" }
  const values: Known[] = ["pass", "fail", "unknown"]
  const truth: Record<string, [Known, Known]> = {
    "pass pass": ["pass", "pass"],
    "pass fail": ["fail", "pass"],
    "pass unknown": ["unknown", "pass"],
    "fail pass": ["fail", "pass"],
    "fail fail": ["fail", "fail"],
    "fail unknown": ["fail", "unknown"],
    "unknown pass": ["unknown", "pass"],
    "unknown fail": ["fail", "unknown"],
    "unknown unknown": ["unknown", "unknown"],
  }
  test.each(values.flatMap((x) => values.map((y) => [x, y] as const)))("a is %s, b is %s", (x, y) => {
    const known = (check: string) => (check === "a" ? x : y)
    expect([evaluate({ and: [a, b] }, known), evaluate({ or: [a, b] }, known)]).toEqual(truth[`${x} ${y}`])
    // De Morgan holds in three values.
    expect(evaluate({ not: { and: [a, b] } }, known)).toBe(evaluate({ or: [{ not: a }, { not: b }] }, known))
    const stuck = obstacles({ and: [a, b] }, known).map((leaf) => leaf.check)
    expect(stuck).toEqual([x, y].flatMap((value, i) => (value === "pass" ? [] : ["ab".charAt(i)])))
  })
})
