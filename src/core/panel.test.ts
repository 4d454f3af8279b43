import { expect, test } from "vitest"
import { type PanelOutcome, panelOutcome, type Vote, voteOf } from "./panel.ts"

const letters: Record<string, Vote> = { a: "accept", r: "reject", k: "ask", e: "error" }
const votesOf = (text: string): Vote[] => [...text].flatMap((letter) => letters[letter] ?? [])

/** a accepts, r rejects, k asks a person, e erred; each line is every order of its letters. */
const table: Record<string, readonly (PanelOutcome | null)[]> = {
  //    quorum:  1           2           3
  aa: ["accept", "accept", null],
  ar: ["disagree", "retry", null],
  ak: ["ask", "ask", null],
  ae: ["accept", "unheard", null],
  rr: ["retry", "retry", null],
  rk: ["ask", "retry", null],
  re: ["unheard", "retry", null],
  kk: ["ask", "ask", null],
  ke: ["ask", "ask", null],
  ee: ["unheard", "unheard", null],
  aaa: ["accept", "accept", "accept"],
  aar: ["disagree", "disagree", "retry"],
  aak: ["ask", "ask", "ask"],
  aae: ["accept", "accept", "unheard"],
  arr: ["disagree", "retry", "retry"],
  ark: ["disagree", "disagree", "retry"],
  are: ["disagree", "disagree", "retry"],
  akk: ["ask", "ask", "ask"],
  ake: ["ask", "ask", "ask"],
  aee: ["accept", "unheard", "unheard"],
  rrr: ["retry", "retry", "retry"],
  rrk: ["ask", "retry", "retry"],
  rre: ["unheard", "retry", "retry"],
  rkk: ["ask", "ask", "retry"],
  rke: ["ask", "ask", "retry"],
  ree: ["unheard", "unheard", "retry"],
  kkk: ["ask", "ask", "ask"],
  kke: ["ask", "ask", "ask"],
  kee: ["ask", "ask", "ask"],
  eee: ["unheard", "unheard", "unheard"],
}

const rows = Object.entries(table).flatMap(([votes, outcomes]) =>
  outcomes.flatMap((outcome, at) => (outcome === null ? [] : [[votes, at + 1, outcome] as const])),
)

test.each(rows)("a panel that votes %s with a quorum of %i: %s", (votes, quorum, outcome) => {
  for (const each of ordersOf(votes)) expect(panelOutcome(votesOf(each), quorum)).toBe(outcome)
})

test("the table is whole: every panel of two and three, under every quorum", () => {
  const all = [2, 3].map((n) => new Set(combinations(n).map((each) => [...each].sort().join(""))).size)
  expect(Object.keys(table)).toHaveLength(all.reduce((sum, count) => sum + count, 0))
})

test("T2: an error never counts as an accept, whatever the panel and its quorum", () => {
  for (let n = 1; n <= 5; n++)
    for (const votes of combinations(n))
      for (let quorum = 1; quorum <= n; quorum++)
        if (panelOutcome(votesOf(votes), quorum) === "accept") {
          expect([...votes].filter((letter) => letter === "a").length).toBeGreaterThanOrEqual(quorum)
          expect(votes).not.toMatch(/[rk]/)
        }
})

test("a single reviewer is a panel of one", () => {
  expect(["a", "r", "k", "e"].map((vote) => panelOutcome(votesOf(vote), 1))).toEqual([
    "accept",
    "retry",
    "ask",
    "unheard",
  ])
})

test("nobody's votes, and a quorum that is none, accept nothing", () => {
  expect(panelOutcome([], 0)).toBe("unheard")
  expect(panelOutcome([], 1)).toBe("unheard")
  expect(panelOutcome(["accept"], 0)).toBe("unheard")
  expect(panelOutcome(["accept"], 2)).toBe("unheard")
})

test.each([
  [{ outcome: "pass" }, "accept"],
  [{ outcome: "fail", blame: "maker" }, "reject"],
  [{ outcome: "fail", blame: "person" }, "ask"],
  [{ outcome: "fail" }, "error"],
  [{ outcome: "error", blame: "maker" }, "error"],
  [{ outcome: "skipped", blame: "person" }, "error"],
] as const)("T2: the vote of %j is %s", (evidence, vote) => {
  expect(voteOf(evidence)).toBe(vote)
})

function combinations(n: number): string[] {
  return n === 0 ? [""] : combinations(n - 1).flatMap((rest) => [..."arke"].map((letter) => `${rest}${letter}`))
}

function ordersOf(letters: string): string[] {
  if (letters.length <= 1) return [letters]
  return [...letters].flatMap((letter, at) =>
    ordersOf(letters.slice(0, at) + letters.slice(at + 1)).map((rest) => `${letter}${rest}`),
  )
}
