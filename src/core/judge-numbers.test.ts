import { expect, test } from "vitest"
import type { Measurement, NumberSeries } from "./evidence.ts"
import { judgeMeasured } from "./judge-measured.ts"
import { judgeNumbers } from "./judge-numbers.ts"

const measured = (numbers: NumberSeries[]): Measurement => ({
  check: "performance",
  tree: "t",
  command: "npm run bench",
  result: { is: "report", report: { kind: "numbers", numbers } },
  exitCode: 0,
  ms: 1,
  sandboxed: true,
  definition: "base",
  cached: false,
})
const rounds = (values: number[], better: NumberSeries["better"] = "lower", id = "parse") =>
  values.map((value) => measured([{ id, unit: "ms", better, samples: [value] }]))

const steady = [100, 101, 99, 100, 102]
type Case = [name: string, base: Measurement[], head: Measurement[], expected: object]
test.each<Case>([
  ["the same", rounds(steady), rounds([101, 100, 100, 99, 101]), { outcome: "pass", failing: [], ran: 1 }],
  [
    "a fifth slower, steadily",
    rounds(steady),
    rounds([121, 119, 120, 122, 120]),
    { outcome: "fail", blame: "maker", failing: ["parse"] },
  ],
  ["a fifth faster", rounds(steady), rounds([80, 81, 79, 80, 82]), { outcome: "pass" }],
  ["three per cent slower is nothing", rounds(steady), rounds([103, 104, 103, 102, 104]), { outcome: "pass" }],
  [
    "fewer a second are worse",
    rounds(steady, "higher"),
    rounds([80, 81, 79, 80, 82], "higher"),
    { outcome: "fail", failing: ["parse"] },
  ],
  [
    "more a second are better",
    rounds(steady, "higher"),
    rounds([130, 131, 129, 130, 132], "higher"),
    { outcome: "pass" },
  ],
  ["one wild run is not a regression", rounds(steady), rounds([100, 340, 99, 101, 100]), { outcome: "pass" }],
  [
    "too noisy to tell is never a pass",
    rounds([100, 180, 60, 140, 90]),
    rounds([110, 200, 70, 150, 95]),
    { outcome: "error", blame: "person", failing: [] },
  ],
  [
    "noisy, and yet faster in every run",
    rounds([100, 180, 160, 140, 190]),
    rounds([10, 20, 15, 12, 9]),
    { outcome: "pass" },
  ],
  [
    "a benchmark that is gone",
    rounds(steady),
    rounds(steady, "lower", "other"),
    { outcome: "fail", failing: ["parse"] },
  ],
  ["from nothing to something", rounds([0, 0, 0, 0, 0]), rounds([3, 3, 3, 3, 3]), { outcome: "fail" }],
])("%s", (_, base, head, expected) => {
  expect(judgeNumbers(base, head)).toMatchObject(expected)
})

test("what would not be seen is said, and so is what has no counterpart", () => {
  const both = (values: number[]) =>
    values.map((value) =>
      measured([
        { id: "a", better: "lower", samples: [value] },
        { id: "new", better: "lower", samples: [1] },
      ]),
    )
  const judged = judgeNumbers(rounds(steady, "lower", "a"), both(steady))
  expect(judged.caveats.join(" ")).toMatch(/Not on the base.*new.*worse by less than 5 %/)
})

test("T2: numbers that the base can't give are no pass", () => {
  const broken: Measurement = { ...measured([]), result: { is: "error", code: "missing_tool", why: "no hyperfine" } }
  const [head] = rounds([1])
  expect(head && judgeMeasured(broken, head, { is: "nothing" })).toMatchObject({
    outcome: "error",
    blame: "infrastructure",
  })
})
