import { describe, expect, test } from "vitest"
import { decide } from "./decide.ts"
import type { EventBody } from "./event.ts"
import type { Verdict } from "./evidence.ts"
import { answered, changeOf, commit, green, loop, type Made, made, red, retry, verified } from "./fixtures/story.ts"
import type { Loop } from "./loop.ts"
import { NOTHING_SPENT } from "./spend.ts"

const isolatedIn = (attempt: number, first: number, of = 3): EventBody[] => [
  { type: "isolate.started", attempt, round: { first, of } },
  { type: "isolate.ended", attempt, base: "base", workspace: "/w", standing: "stands" },
]
type Tried = { head: string; verdict?: Verdict; caveats?: string[]; lines?: number; usd?: number; failing?: string[] }
/** A sibling that was made and judged. */
const sibling = (attempt: number, first: number, of: number, tried: Tried): EventBody[] => {
  const { head, verdict = { is: "accept", head }, caveats = [], lines = 1, usd = 0, failing } = tried
  const evidence = verdict.is === "accept" ? green(head) : red(head, failing)
  const spend = { ...NOTHING_SPENT, usd }
  const [started, ended] = made(attempt, commit(head))
  return [
    ...isolatedIn(attempt, first, of),
    ...(started === undefined || ended?.type !== "make.ended"
      ? []
      : [started, { ...ended, spend, diff: { files: 1, lines, outside: [] } }]),
    ...verified(
      attempt,
      head,
      verdict,
      evidence.map((each, n) => (n === 0 ? { ...each, caveats } : each)),
    ),
  ]
}
const began = (attempt: number, first: number, what: Made): EventBody[] => [
  ...isolatedIn(attempt, first),
  ...made(attempt, what),
]
const notBegun = (attempt: number, first: number): EventBody[] => [
  ...isolatedIn(attempt, first),
  ...made(attempt, { is: "failed", code: "budget", why: "$1 reached" }).slice(1),
]
const stop = (stop: "impossible" | "ambiguous"): Made => ({ is: "stop", stop, reason: `it is ${stop}` })
const ask: Verdict = { is: "ask", reason: "is that meant?" }
const three: Loop = { ...loop, steps: { ...loop.steps, act: { agent: "implementer", maxParallel: 1, bestOf: 3 } } }
const round = { first: 1, of: 3 }

describe("best_of: the gate chooses among siblings", () => {
  const proposes = (head: string) => ({ do: "ship", effect: "propose", accept: { head } })
  const cases: [string, EventBody[], object][] = [
    ["the first of a round begins it", [], { do: "isolate", attempt: 1, round }],
    [
      "an accepted one is followed by its sibling, from the same base and not from its head",
      sibling(1, 1, 3, { head: "h1" }),
      { do: "isolate", attempt: 2, round, base: "base" },
    ],
    [
      "a sibling is told nothing of its siblings",
      [...sibling(1, 1, 3, { head: "h1", verdict: retry }), ...isolatedIn(2, 1)],
      { do: "make", attempt: 2 },
    ],
    [
      "an accept beats an ask and a retry",
      [
        ...sibling(1, 1, 3, { head: "h1", verdict: ask }),
        ...sibling(2, 1, 3, { head: "h2", verdict: retry }),
        ...sibling(3, 1, 3, { head: "h3", caveats: ["a", "b"], lines: 99, usd: 9 }),
      ],
      proposes("h3"),
    ],
    [
      "among accepts the one with the fewest caveats",
      [
        ...sibling(1, 1, 3, { head: "h1", caveats: ["a", "b"] }),
        ...sibling(2, 1, 3, { head: "h2", caveats: ["a"], lines: 99 }),
        ...sibling(3, 1, 3, { head: "h3", caveats: ["a", "c"] }),
      ],
      proposes("h2"),
    ],
    [
      "then the smaller diff",
      [
        ...sibling(1, 1, 3, { head: "h1", lines: 9 }),
        ...sibling(2, 1, 3, { head: "h2", lines: 8, usd: 3 }),
        ...sibling(3, 1, 3, { head: "h3", lines: 10 }),
      ],
      proposes("h2"),
    ],
    [
      "then the cheaper",
      [
        ...sibling(1, 1, 3, { head: "h1", usd: 3 }),
        ...sibling(2, 1, 3, { head: "h2", usd: 2 }),
        ...sibling(3, 1, 3, { head: "h3", usd: 1 }),
      ],
      proposes("h3"),
    ],
    [
      "and the earlier, where nothing tells them apart",
      [1, 2, 3].flatMap((n) => sibling(n, 1, 3, { head: `h${n}` })),
      proposes("h1"),
    ],
    [
      "an ask beats a retry, and is a person's question",
      [
        ...sibling(1, 1, 3, { head: "h1", verdict: retry }),
        ...sibling(2, 1, 3, { head: "h2", verdict: ask }),
        ...sibling(3, 1, 3, { head: "h3", verdict: retry }),
      ],
      { do: "ask", question: "is that meant?", head: "h2" },
    ],
    [
      "where all fail, the next round starts from the best of them",
      [
        ...sibling(1, 1, 3, { head: "h1", verdict: retry, failing: ["a", "b"] }),
        ...sibling(2, 1, 3, { head: "h2", verdict: { is: "retry", feedback: "b fails" }, failing: ["b"] }),
        ...sibling(3, 1, 3, { head: "h3", verdict: retry, failing: ["a", "c"] }),
      ],
      { do: "isolate", attempt: 4, head: "h2", round: { first: 4, of: 3 } },
    ],
    [
      "and is told of that one alone",
      [
        ...sibling(1, 1, 3, { head: "h1", verdict: retry, failing: ["a", "b"] }),
        ...sibling(2, 1, 3, { head: "h2", verdict: { is: "retry", feedback: "b fails" }, failing: ["b"] }),
        ...sibling(3, 1, 3, { head: "h3", verdict: retry, failing: ["a", "c"] }),
        ...began(4, 4, { is: "nothing" }),
        ...isolatedIn(5, 4),
      ],
      { do: "make", attempt: 5, feedback: "b fails" },
    ],
    [
      "M3: one that keeps dying beside an accepted one is left out on a person's word",
      [
        ...sibling(1, 1, 2, { head: "h1" }),
        ...isolatedIn(2, 1, 2),
        { type: "make.started", attempt: 2, agent: "implementer", use: "command", reserveUsd: 0 },
        { type: "asked", reason: "keeps_dying", question: "died 3 times" },
        { type: "finished", outcome: "asked" },
        answered({ is: "answer", text: "go on" }),
      ],
      proposes("h1"),
    ],
    [
      "T15: one that says impossible does not end the round",
      began(1, 1, stop("impossible")),
      { do: "isolate", attempt: 2 },
    ],
    [
      "T15: all that say so end it, each with its reason",
      [...began(1, 1, stop("ambiguous")), ...began(2, 1, stop("impossible")), ...began(3, 1, stop("impossible"))],
      {
        do: "ask",
        reason: "maker_ambiguous",
        question: expect.stringContaining("attempt 3 (impossible): it is impossible"),
      },
    ],
    [
      "T15: work that failed goes before a word that it can't be done",
      [
        ...began(1, 1, stop("impossible")),
        ...sibling(2, 1, 3, { head: "h2", verdict: retry }),
        ...began(3, 1, stop("impossible")),
      ],
      { do: "isolate", attempt: 4, head: "h2" },
    ],
    [
      "M8: when the money ends, the best so far counts",
      [...sibling(1, 1, 3, { head: "h1" }), ...notBegun(2, 1)],
      proposes("h1"),
    ],
    [
      "M8: and where that is nothing, it is the budget that stops it",
      [...sibling(1, 1, 3, { head: "h1", verdict: retry }), ...notBegun(2, 1)],
      { do: "stop", reason: "budget" },
    ],
    [
      "M1: a sibling that reached its own ceiling does not end the round",
      began(1, 1, { is: "failed", code: "budget", why: "its own" }),
      { do: "isolate", attempt: 2 },
    ],
    [
      "T12: what this machine lacks, its siblings lack too",
      began(1, 1, { is: "failed", code: "missing_agent", why: "not installed" }),
      { do: "ask", reason: "infrastructure" },
    ],
    [
      "T12: and what was accepted needs no more",
      [...sibling(1, 1, 3, { head: "h1" }), ...began(2, 1, { is: "failed", code: "quota", why: "429" })],
      proposes("h1"),
    ],
    [
      "a round that was begun is ended as it was begun, whatever the loop says by now",
      sibling(1, 1, 2, { head: "h1" }),
      { do: "isolate", attempt: 2, round: { first: 1, of: 2 } },
    ],
    [
      "M4: guards compare rounds: siblings that fail alike are no repetition",
      [1, 2, 3].flatMap((n) => sibling(n, 1, 3, { head: "h1", verdict: retry })),
      { do: "isolate", attempt: 4, head: "h1" },
    ],
    [
      "M4: the best of two rounds in the same state is no progress",
      [1, 2, 3, 4, 5, 6].flatMap((n) => sibling(n, n < 4 ? 1 : 4, 3, { head: "h1", verdict: retry })),
      { do: "stop", reason: "no_progress" },
    ],
    [
      "max_iterations counts rounds",
      [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => {
        const first = 1 + 3 * Math.floor((n - 1) / 3)
        return sibling(n, first, 3, { head: `h${n}`, verdict: retry, failing: [`${first}`] })
      }),
      { do: "stop", reason: "max_iterations", detail: expect.stringContaining("3 of 3 rounds made") },
    ],
    [
      "an approval is of the chosen one",
      [
        ...[1, 2, 3].flatMap((n) => sibling(n, 1, 3, { head: `h${n}`, lines: n === 2 ? 1 : 5 })),
        { type: "ship.ended", head: "h2", effect: "propose", commit: "c", branch: "b", effects: [] },
        answered({ is: "approve", head: "h2" }),
      ],
      { do: "verify", attempt: 2, head: "h2" },
    ],
    [
      "a person's reject opens a round on the chosen one",
      [
        ...[1, 2, 3].flatMap((n) => sibling(n, 1, 3, { head: `h${n}`, lines: n === 2 ? 1 : 5 })),
        { type: "ship.ended", head: "h2", effect: "propose", commit: "c", branch: "b", effects: [] },
        answered({ is: "retry", why: "too broad" }),
      ],
      { do: "isolate", attempt: 4, head: "h2", round: { first: 4, of: 3 } },
    ],
  ]
  test.each(cases)("%s", (_, bodies, expected) => {
    const command = decide(changeOf(bodies), three)
    expect(command).toMatchObject(expected)
    if (command.do === "isolate" && !("head" in expected)) expect(command.head).toBeUndefined()
    if (command.do === "make" && !("feedback" in expected)) expect(command.feedback).toBeUndefined()
  })

  test("D5: what the machine kept from one sibling is taken up as that sibling, and nothing else again", () => {
    const waiting: EventBody[] = [
      ...sibling(1, 1, 3, { head: "h1", verdict: retry }),
      ...began(2, 1, { is: "failed", code: "missing_agent", why: "not installed" }),
      { type: "asked", reason: "infrastructure", question: "not installed" },
      { type: "finished", outcome: "asked" },
      { type: "resumed", run: "r2", loopHash: "h" },
    ]
    expect(decide(changeOf(waiting), three)).toEqual({ do: "isolate", attempt: 2, round, base: "base" })
  })

  test("the ladder climbs by rounds", () => {
    const spec = (model: string) => ({ name: "implementer", use: "claude" as const, model, skills: [], from: "loop" })
    const agents = { implementer: { ...spec("cheap"), then: spec("dear") } }
    const quota: Made = { is: "failed", code: "quota", why: "429" }
    const first = [...sibling(1, 1, 3, { head: "h1", verdict: retry }), ...began(2, 1, quota)]
    expect(decide(changeOf(first), { ...three, agents })).toMatchObject({ do: "isolate", attempt: 3, head: "h1" })
    const second = [...first, ...began(3, 3, quota)]
    expect(decide(changeOf(second), { ...three, agents })).toMatchObject({ do: "ask", reason: "infrastructure" })
  })
})
