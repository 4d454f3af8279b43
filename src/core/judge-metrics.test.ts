import { expect, test } from "vitest"
import { judgeMetrics, lastNumber, readTarget } from "./judge-metrics.ts"
import type { Metric } from "./loop.ts"

const reading = (metric: Partial<Metric>, base: number | string, head: number | string) => {
  const side = (value: number | string) =>
    typeof value === "number" ? ({ is: "number", value } as const) : ({ is: "error", why: value } as const)
  return { metric: { name: "m", run: "x", target: 0, ...metric }, base: side(base), head: side(head) }
}

test.each<[string, ReturnType<typeof reading>[], object]>([
  ["met", [reading({}, 3, 0)], { outcome: "pass", summary: expect.stringContaining("m 3 → 0 (target 0)") }],
  ["met already, and still", [reading({}, 0, 0)], { outcome: "pass" }],
  ["nearer", [reading({}, 3, 2)], { outcome: "pass" }],
  ["no nearer", [reading({}, 3, 3)], { outcome: "fail", blame: "maker", failing: ["metric: none nearer"] }],
  ["away", [reading({}, 3, 4)], { outcome: "fail", blame: "maker", failing: ["metric: m"] }],
  ["met before, and not any more", [reading({}, 0, 1)], { outcome: "fail", failing: ["metric: m"] }],
  ["up: more is better", [reading({ target: 80, direction: "up" }, 70, 75)], { outcome: "pass" }],
  ["up: beyond the target is met", [reading({ target: 80, direction: "up" }, 70, 95)], { outcome: "pass" }],
  ["up: less is away", [reading({ target: 80, direction: "up" }, 70, 60)], { outcome: "fail" }],
  ["a comparison says the way", [reading({ target: "<= 200ms" }, 260, 190)], { outcome: "pass" }],
  ["one nearer, another as it was", [reading({}, 3, 2), reading({ name: "n" }, 5, 5)], { outcome: "pass" }],
  [
    "one nearer, another away",
    [reading({}, 3, 2), reading({ name: "n" }, 5, 6)],
    { outcome: "fail", failing: ["metric: n"] },
  ],
  ["T12: unreadable on both sides", [reading({}, "gone", "gone")], { outcome: "error", blame: "infrastructure" }],
  ["unreadable on the head alone", [reading({}, 3, "crashed")], { outcome: "error", blame: "maker" }],
  ["a target nobody can read", [reading({ target: "low" }, 3, 2)], { outcome: "error", blame: "person" }],
  ["T2: no metrics are no pass", [], { outcome: "skipped" }],
])("%s", (_, readings, expected) => {
  expect(judgeMetrics(readings)).toMatchObject(expected)
})

test.each<[Metric["target"], number | undefined]>([
  [0, 0],
  ["80%", 80],
  [">= 1,000", 1000],
  ["≤ 0.5 s", 0.5],
  ["fast", undefined],
  ["", undefined],
])("the target %j", (target, value) => {
  expect(readTarget({ target })?.value).toBe(value)
})

test.each<[string, number | undefined]>([
  ["42\n", 42],
  ["files 3\nfailed 7\n", 7],
  ["1,234 bytes", 1234],
  ["took -0.5", -0.5],
  ["v1.2.x", undefined],
  ["none", undefined],
])("the last number of %j", (text, value) => {
  expect(lastNumber(text)).toBe(value)
})
