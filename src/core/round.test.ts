import { expect, test } from "vitest"
import type { Attempt } from "./change.ts"
import type { Evidence } from "./evidence.ts"
import { beforeRound, bestOf, choiceOf, roundNumber, roundsOf, startOf } from "./round.ts"
import { NOTHING_SPENT } from "./spend.ts"

const evidence = (more: Partial<Evidence>): Evidence => ({
  check: "tests_pass",
  head: "h",
  tree: "t",
  base: "b",
  outcome: "pass",
  ran: 1,
  summary: "",
  failing: [],
  preexisting: [],
  ms: 1,
  sandboxed: true,
  definition: "base",
  caveats: [],
  ...more,
})
type Facts = Partial<Attempt> & { lines?: number; usd?: number }
const attempt = (n: number, first: number, { lines = 1, usd = 0, ...more }: Facts = {}): Attempt => ({
  n,
  round: { first, of: 3 },
  agent: "implementer",
  made: { is: "commit", head: `h${n}`, tree: "t", files: 1 },
  diff: { files: 1, lines, outside: [] },
  verdict: { is: "accept", head: `h${n}` },
  evidence: [],
  reservedUsd: 0,
  spend: { ...NOTHING_SPENT, usd },
  ...more,
})
const retry = { is: "retry" as const, feedback: "" }
const alone = ({ round: _, ...rest }: Attempt): Attempt => rest

test.each<[string, [Attempt, ...Attempt[]], number, string]>([
  [
    "an accept",
    [attempt(1, 1, { verdict: retry }), attempt(2, 1), attempt(3, 1, { verdict: retry })],
    2,
    "the gate accepted no other",
  ],
  [
    "caveats",
    [
      attempt(1, 1, { evidence: [evidence({ caveats: ["a", "b"] })] }),
      attempt(2, 1, { evidence: [evidence({ caveats: ["a"] })] }),
      attempt(3, 1, { verdict: retry }),
    ],
    2,
    "fewer caveats (1, the next has 2)",
  ],
  [
    "the diff",
    [attempt(1, 1, { lines: 7 }), attempt(2, 1, { lines: 9 }), attempt(3, 1, { lines: 4 })],
    3,
    "a smaller diff (4 lines, the next has 7)",
  ],
  [
    "the cost",
    [attempt(1, 1, { usd: 3 }), attempt(2, 1, { usd: 1 }), attempt(3, 1, { usd: 2 })],
    2,
    "it was cheaper ($1.00, the next cost $2.00)",
  ],
  ["nothing", [attempt(1, 1), attempt(2, 1), attempt(3, 1)], 1, "it came first, and nothing else tells them apart"],
  [
    "how far it came",
    [
      attempt(1, 1, { verdict: retry }),
      attempt(2, 1, { verdict: retry, evidence: [evidence({}), evidence({ outcome: "fail" })] }),
      attempt(3, 1, { verdict: retry, evidence: [evidence({ outcome: "fail" })] }),
    ],
    2,
    "it passed more checks",
  ],
  [
    "how much fails",
    [
      attempt(1, 1, { verdict: retry, evidence: [evidence({ outcome: "fail", failing: ["a", "b"] })] }),
      attempt(2, 1, { verdict: retry, evidence: [evidence({ outcome: "fail", failing: ["a"] })] }),
      attempt(3, 1, { made: { is: "nothing" } }),
    ],
    2,
    "less fails with it",
  ],
])("what tells siblings apart: %s", (_, round, chosen, why) => {
  expect(bestOf(round).n).toBe(chosen)
  expect(choiceOf(round)).toEqual({ made: 3, of: 3, attempt: chosen, why })
})

test("there is nothing to choose of one that is a round by itself, while none is judged, and where nothing was made", () => {
  expect(choiceOf([alone(attempt(1, 1))])).toBeUndefined()
  const { verdict: _, ...unjudged } = attempt(1, 1)
  expect(choiceOf([unjudged])).toBeUndefined()
  expect(choiceOf([1, 2, 3].map((n) => attempt(n, 1, { made: { is: "nothing" } })) as [Attempt])).toBeUndefined()
})

test("rounds, what comes before them, and where they start", () => {
  const attempts = [
    alone(attempt(1, 1, { verdict: retry })),
    attempt(2, 2, { verdict: retry, lines: 9 }),
    attempt(3, 2, { verdict: retry, lines: 2 }),
    attempt(4, 2, { made: { is: "nothing" } }),
    attempt(5, 5, { made: { is: "nothing" } }),
  ]
  expect(roundsOf(attempts).map((round) => round.map(({ n }) => n))).toEqual([[1], [2, 3, 4], [5]])
  expect(beforeRound(attempts, 4).map(({ n }) => n)).toEqual([1])
  expect([1, 2, 4, 5, 6].map((n) => roundNumber(attempts, n))).toEqual([1, 2, 2, 3, 4])
  expect([1, 2, 4, 5, 6].map((n) => startOf(attempts, n))).toEqual([undefined, "h1", "h1", "h3", "h3"])
})
