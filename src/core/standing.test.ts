import { expect, test } from "vitest"
import type { Measurement, Report } from "./evidence.ts"
import type { Finding } from "./finding.ts"
import { standingOf } from "./standing.ts"

const finding = (ids: string[]): Finding => ({
  fingerprint: "f",
  source: "s",
  title: "t",
  body: "",
  severity: "low",
  attemptable: true,
  reproduce: { check: "c", ids },
})
const measured = (result: Measurement["result"]): Measurement => ({
  check: "c",
  tree: "t",
  command: "x",
  result,
  exitCode: 0,
  ms: 0,
  sandboxed: true,
  definition: "base",
  cached: false,
})
const report = (content: Report) => measured({ is: "report", report: content })
const tests = (...list: [string, "passed" | "failed" | "skipped"][]) =>
  report({ kind: "tests", tests: list.map(([id, status]) => ({ id, name: id, status })) })
const issues = (...list: string[]) =>
  report({
    kind: "issues",
    issues: list.map((fingerprint) => ({ fingerprint, rule: "r", file: "f", message: "m", severity: "error" })),
  })

test.each([
  ["its test fails", finding(["a"]), tests(["a", "failed"]), "stands"],
  ["its test passes", finding(["a"]), tests(["a", "passed"], ["b", "failed"]), "gone"],
  ["its test is not there", finding(["a"]), tests(["b", "passed"]), "unknown"],
  ["its test is skipped", finding(["a"]), tests(["a", "skipped"]), "unknown"],
  ["one of its two passes", finding(["a", "b"]), tests(["a", "passed"], ["b", "failed"]), "stands"],
  ["the whole check is green", finding([]), tests(["a", "passed"]), "gone"],
  ["the whole check ran nothing", finding([]), tests(), "unknown"],
  ["its issue is there", finding(["a"]), issues("a", "b"), "stands"],
  ["its issue is gone", finding(["a"]), issues("b"), "gone"],
  ["it exits 0", finding([]), report({ kind: "exit", exitCode: 0 }), "gone"],
  ["it exits 1", finding([]), report({ kind: "exit", exitCode: 1 }), "stands"],
  ["it can't be measured", finding(["a"]), measured({ is: "error", code: "timeout", why: "slow" }), "unknown"],
  ["it was not measured", finding(["a"]), undefined, "unknown"],
] as const)("T7: %s", (_name, about, measurement, expected) => {
  expect(standingOf(about, measurement).is).toBe(expected)
})

test("T7: a finding without a way to reproduce it is never claimed to be gone", () => {
  const { reproduce: _reproduce, ...bare } = finding([])
  expect(standingOf(bare, tests(["a", "passed"])).is).toBe("unknown")
})
