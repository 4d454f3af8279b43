import { describe, expect, test } from "vitest"
import { spentOn } from "./change.ts"
import { decide } from "./decide.ts"
import type { EventBody, Planning } from "./event.ts"
import {
  accepted,
  answered,
  changeOf,
  commit,
  failed,
  green,
  isolated,
  loop,
  made,
  proposed,
  red,
  retry,
  verified,
} from "./fixtures/story.ts"
import type { Loop } from "./loop.ts"
import { NOTHING_SPENT } from "./spend.ts"

describe("a planner comes before the first maker", () => {
  const planner: Loop = { ...loop, steps: { ...loop.steps, plan: { agent: "planner" } } }
  const asked: EventBody = { type: "plan.started", attempt: 1, agent: "planner", use: "claude", reserveUsd: 0.5 }
  const ended = (planning: Planning): EventBody => ({
    type: "plan.ended",
    attempt: 1,
    planning,
    spend: { ...NOTHING_SPENT, usd: 0.2 },
    ms: 1,
  })
  const good: Planning = {
    is: "plan",
    plan: { approach: ["so"], scope: ["src"], size: "small", risks: [], done: [] },
  }
  const refuses: Planning = { is: "stop", stop: "ambiguous", reason: "which one?" }
  const refused: EventBody[] = [
    ...isolated(1),
    asked,
    ended(refuses),
    { type: "asked", reason: "planner_ambiguous", question: "which one?" },
    { type: "finished", outcome: "asked" },
  ]
  const cases: [string, EventBody[], object][] = [
    ["it is not asked about what is fixed already", isolated(1, "gone"), { do: "finish", outcome: "already_fixed" }],
    ["it is asked once the workspace stands", isolated(1), { do: "plan", attempt: 1 }],
    ["one that died is asked again", [...isolated(1), asked], { do: "plan", attempt: 1 }],
    ["after a plan comes the maker", [...isolated(1), asked, ended(good)], { do: "make", attempt: 1 }],
    [
      "a plan that failed stops nothing",
      [...isolated(1), asked, ended({ is: "none", why: "malformed" })],
      { do: "make", attempt: 1 },
    ],
    [
      "T15: what it would not begin is a person's question",
      [...isolated(1), asked, ended(refuses)],
      { do: "ask", reason: "planner_ambiguous", question: expect.stringContaining("which one?") },
    ],
    [
      "it is not asked for the second attempt",
      [...isolated(1), asked, ended(good), ...made(1, { is: "nothing" }), ...isolated(2)],
      { do: "make", attempt: 2 },
    ],
    [
      "after a person's answer the attempt that nobody began is begun",
      [...refused, answered({ is: "answer", text: "the second" })],
      { do: "isolate", attempt: 1 },
    ],
    [
      "and the planner is asked again, with the answer",
      [...refused, answered({ is: "answer", text: "the second" }), ...isolated(1)],
      { do: "plan", attempt: 1, feedback: "A person answered: the second" },
    ],
    [
      "who insists is not asked the same twice",
      [...refused, answered({ is: "answer", text: "do" }), ...isolated(1), asked, ended(refuses)],
      { do: "make", attempt: 1, feedback: "A person answered: do" },
    ],
    [
      "a reject of a proposal is planned anew too",
      [...proposed, answered({ is: "retry", why: "too broad" }), ...isolated(2)],
      { do: "plan", attempt: 2, feedback: "A person rejected it: too broad" },
    ],
  ]
  test.each(cases)("%s", (_, bodies, expected) => {
    expect(decide(changeOf(bodies), planner)).toMatchObject(expected)
  })

  test("M2: a planner's reserve counts until it is settled, and is charged when it is asked again", () => {
    expect(spentOn(changeOf([...isolated(1), asked])).usd).toBe(0.5)
    expect(spentOn(changeOf([...isolated(1), asked, asked])).usd).toBe(1)
    const over = changeOf([...isolated(1), asked, asked, ended(good)])
    expect(spentOn(over)).toMatchObject({ usd: 0.7, basis: "unknown" })
    const parked: EventBody = { type: "plan.parked", attempt: 1, spend: { ...NOTHING_SPENT, usd: 0.1 } }
    expect(spentOn(changeOf([...isolated(1), asked, parked, asked, ended(good)])).usd).toBeCloseTo(0.3)
    const more: EventBody = { type: "reserve.extended", attempt: 1, usd: 0.25 }
    expect(spentOn(changeOf([...isolated(1), asked, more])).usd).toBe(0.75)
  })

  test("what a planner cost stays after a person's word, and its plan does not", () => {
    const change = changeOf([...refused, answered({ is: "answer", text: "the second" })])
    expect(change.planned).toMatchObject({ spend: { usd: 0.2 } })
    expect(change.planned?.came).toBeUndefined()
    expect(change).toMatchObject({ attempts: [], guardedFrom: 0 })
  })
})

describe("what a change does next", () => {
  const cases: [string, EventBody[], object][] = [
    ["a new change is isolated", [], { do: "isolate", attempt: 1 }],
    ["a workspace that stands is worked in", isolated(1), { do: "make", attempt: 1 }],
    ["T7: what is fixed on the base is not attempted", isolated(1, "gone"), { do: "finish", outcome: "already_fixed" }],
    ["a commit is verified", [...isolated(1), ...made(1, commit("h1"))], { do: "verify", attempt: 1, head: "h1" }],
    [
      "M3: whose checking kept dying is checked once more on a person's word, not made once more",
      [
        ...isolated(1),
        ...made(1, commit("h1")),
        { type: "asked", reason: "keeps_dying", question: "died 3 times" },
        { type: "finished", outcome: "asked" },
        answered({ is: "answer", text: "it was me" }),
      ],
      { do: "verify", attempt: 1, head: "h1" },
    ],
    [
      "M3: and with a reason against it is made once more",
      [
        ...isolated(1),
        ...made(1, commit("h1")),
        { type: "asked", reason: "keeps_dying", question: "died 3 times" },
        { type: "finished", outcome: "asked" },
        answered({ is: "retry", why: "its tests hang" }),
      ],
      { do: "isolate", attempt: 2, head: "h1" },
    ],
    [
      "whom the world kept from judging is asked once more on a person's word: the maker has done its part",
      [
        ...isolated(1),
        ...made(1, commit("h1")),
        ...verified(1, "h1", { is: "ask", reason: "not all could be heard" }, green("h1")),
        { type: "asked", reason: "infrastructure", question: "not all could be heard", head: "h1" },
        { type: "finished", outcome: "asked" },
        answered({ is: "answer", text: "go on" }),
      ],
      { do: "verify", attempt: 1, head: "h1" },
    ],
    [
      "and an approval stands",
      [
        ...proposed,
        answered({ is: "approve", head: "h1" }),
        { type: "asked", reason: "infrastructure", question: "REMOTE_UNREACHABLE" },
        { type: "finished", outcome: "asked" },
        answered({ is: "answer", text: "it is back" }),
      ],
      { do: "verify", attempt: 1, head: "h1" },
    ],
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
