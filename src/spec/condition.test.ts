import { expect, test } from "vitest"
import { Failure } from "../core/failure.ts"
import { type ConditionFacts, type ConditionPlace, compileCondition, readCondition } from "./condition.ts"
import { Misread } from "./misread.ts"

const facts: ConditionFacts = {
  verified: true,
  finding: { severity: "high", source: "failing_tests", title: "adds wrong", confidence: 0.8, size: "small" },
  change: { paths: ["services/payments/api.ts", "README.md"], lines: 40, attempts: 2 },
  run: { trigger: "cron", findings: 3, usd: 1.25 },
}

test.each<[string, boolean]>([
  ["verified", true],
  ["!verified", false],
  ["finding.confidence >= 0.7 && finding.size != 'large'", true],
  ["finding.confidence >= 1", false],
  ["finding.severity in ['critical', 'high']", true],
  ["change.touches('services/payments/**')", true],
  ["change.touches('**/*.go') || change.files > 1", true],
  ["change.lines < 40", false],
  ["change.attempts == 2 && run.findings == 3", true],
  ["run.usd < 2.0 && run.trigger == 'cron'", true],
  ["finding.title.contains('adds') && finding.title.startsWith('adds')", true],
  ["finding.title == 'AND OR NOT'", false],
  ["verified\n  && !change.touches('docs/**')", true],
])("%s is %s", async (text, value) => {
  expect((await compileCondition(text, "if")).evaluate(facts)).toEqual({ is: "known", value })
})

test.each([
  ["finding.module == 'payments'", "if"],
  ["change.files > 1", "when"],
])("what nobody knows is unknown, never false: %s", async (text, place) => {
  const { finding } = facts
  const condition = await compileCondition(text, place === "if" ? "if" : "when")
  expect(condition.evaluate(finding === undefined ? {} : { finding }).is).toBe("unknown")
})

test("what is unknown doesn't matter where the rest decides", async () => {
  const condition = await compileCondition("finding.module == 'x' || finding.severity == 'high'", "attempt_if")
  expect(condition.evaluate({ finding: { severity: "high", source: "s", title: "t" } })).toEqual({
    is: "known",
    value: true,
  })
})

type Wrong = [text: string, place: ConditionPlace, marked: string, suggestion: string | undefined]

test.each<Wrong>([
  ["verified AND true", "if", "AND", "&&"],
  ["verified or true", "if", "or", "||"],
  ["NOT verified", "if", "NOT", "!"],
  ["verified = true", "if", "=", "=="],
  ["verifed", "if", "verifed", "verified"],
  ["finding.sevrity == 'high'", "attempt_if", "sevrity", "severity"],
  ["finding.severity == 'urgent'", "attempt_if", "'urgent'", undefined],
  ["finding.size in ['small', 'larg']", "attempt_if", "'larg'", "'large'"],
  ["finding.confidence", "attempt_if", "finding.confidence", undefined],
  ["finding.confidence > 'high'", "attempt_if", "finding.confidence > 'high'", undefined],
  ["verified", "attempt_if", "verified", undefined],
  ["change.files > 3", "attempt_if", "change", undefined],
  ["change.touches(3)", "when", "change.touches(3)", undefined],
  ["change.touched('x')", "when", "change.touched('x')", undefined],
  ["verified &&", "if", "&", undefined],
  ["'unclosed", "if", "'unclosed", undefined],
  ["", "if", "", undefined],
  ["process.exit(1)", "if", "process", undefined],
])("`%s` in %s is refused at `%s`", async (text, place, marked, suggestion) => {
  const wrong = await readCondition(text, place).catch((error: unknown) => error)
  expect(wrong).toBeInstanceOf(Misread)
  if (!(wrong instanceof Misread)) return
  expect(text.slice(wrong.offset, wrong.offset + wrong.length)).toBe(marked)
  expect(wrong.suggestion).toBe(suggestion)
})

test("a condition that validation would have refused is a Failure for the engine", async () => {
  const failure = await compileCondition("verifed", "if").catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect(failure).toMatchObject({ code: "CONDITION_INVALID", hint: "Did you mean `verified`?" })
})
