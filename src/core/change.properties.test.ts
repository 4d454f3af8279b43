import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Change, fold, foldChange, spentOn } from "./change.ts"
import { type Command, decide, feedbackFor } from "./decide.ts"
import type { Event, EventBody, Made, Planning } from "./event.ts"
import type { Evidence } from "./evidence.ts"
import { loop } from "./fixtures/story.ts"
import { judge, STANDING_CHECKS } from "./judge.ts"
import type { Loop } from "./loop.ts"
import { roundsOf, startOf } from "./round.ts"
import { NOTHING_SPENT, type Spend } from "./spend.ts"

/*
 * A random world: each command that `decide` gives comes to a random end, processes die in the middle of steps, people say
 * random things, later runs take the change up. Whatever happens, the invariants below hold after every event.
 */

const MAX_ITERATIONS = loop.guardrails.maxIterations

/** Loops that differ in what comes before and beside an attempt. */
const loopOf = (steps: Partial<Loop["steps"]>, maxIterations = MAX_ITERATIONS): Loop => ({
  ...loop,
  steps: { ...loop.steps, ...steps },
  guardrails: { ...loop.guardrails, maxIterations },
})
const plan = { agent: "planner" }
const act = (bestOf: number) => ({ agent: "implementer", maxParallel: 1, bestOf })
const loops = fc.constantFrom(loop, loopOf({ plan }), loopOf({ act: act(3) }), loopOf({ plan, act: act(2) }, 2))
const makersOf = ({ steps }: Loop) => steps.act?.bestOf ?? 1

/** What chance decides of one step; each command reads the fields it needs. */
const chance = fc.record({
  standing: fc.constantFrom("stands", "stands", "stands", "unknown", "gone"),
  made: fc.constantFrom("commit", "commit", "commit", "nothing", "stop", "timeout", "budget", "missing_agent"),
  planning: fc.constantFrom("plan", "plan", "plan", "none", "stop"),
  caveats: fc.integer({ min: 0, max: 2 }),
  lines: fc.integer({ min: 1, max: 3 }),
  tree: fc.integer({ min: 0, max: 3 }),
  base: fc.integer({ min: 0, max: 2 }),
  red: fc.constantFrom("", "", "", "a", "b"),
  outcome: fc.constantFrom("fail", "error", "skipped"),
  blame: fc.constantFrom("maker", "person", "infrastructure"),
  lacks: fc.constantFrom(undefined, undefined, undefined, ...STANDING_CHECKS),
  usd: fc.integer({ min: 0, max: 300 }).map((cents) => cents / 100),
  dies: fc.constantFrom(false, false, false, true),
  moved: fc.boolean(),
  word: fc.constantFrom("approve", "approve old", "approve nonsense", "retry", "answer", "close", "resume"),
})
type Chance = typeof chance extends fc.Arbitrary<infer T> ? T : never

const sha = (n: string | number) => String(n).padStart(40, "0")
const spent = (usd: number): Spend => ({ ...NOTHING_SPENT, usd, basis: "reported" })

/** The events that a command comes to; a death leaves its beginning alone. */
function comesTo(command: Command, change: Change, luck: Chance): EventBody[] {
  const half = (...bodies: EventBody[]) => (luck.dies ? bodies.slice(0, 1) : bodies)
  switch (command.do) {
    case "isolate":
      return half(
        {
          type: "isolate.started",
          attempt: command.attempt,
          ...(command.round === undefined ? {} : { round: command.round }),
        },
        {
          type: "isolate.ended",
          attempt: command.attempt,
          base: command.base ?? sha(luck.base),
          workspace: "/w",
          standing: luck.standing as "stands",
        },
      )
    case "plan": {
      const { attempt } = command
      return half(
        { type: "plan.started", attempt, agent: "planner", use: "command", reserveUsd: luck.usd },
        { type: "plan.ended", attempt, planning: planningOf(luck), spend: spent(luck.usd), ms: 1 },
      )
    }
    case "make": {
      const started: EventBody = {
        type: "make.started",
        attempt: command.attempt,
        agent: "implementer",
        use: "command",
        reserveUsd: luck.usd,
      }
      return half(started, {
        type: "make.ended",
        attempt: command.attempt,
        made: madeOf(luck, change),
        diff: { files: 1, lines: luck.lines, outside: [] },
        spend: spent(luck.usd),
        sandboxed: true,
        ms: 1,
      })
    }
    case "verify": {
      const { head, attempt } = command
      const base = sha(luck.base)
      const evidence = evidenceOf(head, base, luck)
      const verdict = judge({ head, base, layers: loop.steps.verify.layers, evidence })
      return half(
        { type: "verify.started", attempt, head, reserveUsd: luck.usd },
        { type: "verify.ended", attempt, head, base, evidence, verdict, spend: spent(luck.usd) },
      )
    }
    case "ship": {
      const { effect, accept } = command
      const started: EventBody = { type: "ship.started", head: accept.head, effect }
      if (effect === "merge" && luck.moved && change.answer !== undefined)
        return half(started, { type: "answered", by: "flyball (base moved)", answer: change.answer })
      const commit = `c${accept.head}`
      return half(started, { type: "ship.ended", head: accept.head, effect, commit, branch: "b", effects: [] })
    }
    case "ask": {
      const { reason, question, head } = command
      return [{ type: "asked", reason, question, ...(head === undefined ? {} : { head }) }]
    }
    case "stop":
      return [{ type: "stopped", reason: command.reason, detail: command.detail }]
    case "finish":
      return [{ type: "finished", outcome: command.outcome }]
  }
}

function planningOf({ planning, red }: Chance): Planning {
  if (planning === "stop") return { is: "stop", stop: "impossible", reason: "why" }
  if (planning === "none") return { is: "none", why: "malformed" }
  return { is: "plan", plan: { approach: [`first ${red}`], scope: [], size: "small", risks: [], done: [] } }
}

function madeOf({ made, tree }: Chance, change: Change): Made {
  if (made === "commit") return { is: "commit", head: sha(`${change.length}7`), tree: sha(tree), files: 1 }
  if (made === "nothing") return { is: "nothing" }
  if (made === "stop") return { is: "stop", stop: "ambiguous", reason: "why" }
  return { is: "failed", code: made as "timeout", why: "why" }
}

function evidenceOf(head: string, base: string, { red, outcome, blame, lacks, caveats }: Chance): Evidence[] {
  const one = (check: string, bad: boolean): Evidence => ({
    check,
    head,
    tree: "t",
    base,
    outcome: bad ? (outcome as "fail") : "pass",
    ...(bad ? { blame: blame as "maker" } : {}),
    ran: 1,
    summary: `${check} ${red}`,
    failing: bad ? [red] : [],
    preexisting: [],
    ms: 1,
    sandboxed: true,
    definition: "base",
    caveats: Array.from({ length: caveats }, (_, n) => `${check} can't show ${n}`),
  })
  const standing = STANDING_CHECKS.filter((check) => check !== lacks).map((check) => one(check, false))
  return [...standing, one("tests_pass", red !== "")]
}

/** What a person, or a later run, says of a change that ended; undefined where nothing can be said. */
function saidOf(change: Change, { word }: Chance): EventBody | undefined {
  if (word === "resume") {
    const waits = change.question?.reason === "infrastructure" && change.finished === "asked"
    return waits ? { type: "resumed", run: "r2", loopHash: "h" } : undefined
  }
  if (change.finished === "merged" || change.finished === "closed" || change.finished === "already_fixed")
    return undefined
  const heads = change.attempts.flatMap(({ made }) => (made?.is === "commit" ? [made.head] : []))
  const said = (answer: Extract<EventBody, { type: "answered" }>["answer"]): EventBody => ({
    type: "answered",
    by: "ada",
    answer,
  })
  if (word === "approve") return said({ is: "approve", head: heads.at(-1) ?? sha(9) })
  if (word === "approve old") return said({ is: "approve", head: heads[0] ?? sha(9) })
  if (word === "approve nonsense") return said({ is: "approve", head: sha(999) })
  if (word === "retry") return said({ is: "retry", why: "no" })
  if (word === "answer") return said({ is: "answer", text: "so" })
  return said({ is: "close", why: "enough" })
}

type Step = { change: Change; command?: Command; events: Event[] }

/** Lives one life: a step for each piece of luck. `seen` is called after each. */
function live(lucks: readonly Chance[], attemptable: boolean, seen: (step: Step) => void, of = loop): Event[] {
  const events: Event[] = []
  const happen = (body: EventBody) => {
    const seq = events.length
    events.push({ seq, change: "c", at: new Date(seq * 1000).toISOString(), key: `${body.type}/${seq}`, body })
  }
  const finding = { fingerprint: "f", source: "s", title: "t", body: "", severity: "high" as const, attemptable }
  happen({ type: "found", finding, run: "r", loop: "l", loopHash: "h" })
  for (const luck of lucks) {
    const change = foldChange(events)
    if (change.finished !== undefined) {
      const said = saidOf(change, luck)
      if (said === undefined) continue
      happen(said)
      seen({ change: foldChange(events), events })
      continue
    }
    const command = decide(change, of)
    for (const body of comesTo(command, change, luck)) happen(body)
    seen({ change: foldChange(events), command, events })
  }
  return events
}

const life = fc.array(chance, { minLength: 1, maxLength: 60 })
const runs = { numRuns: 800 }

describe("whatever happens to a change", () => {
  test("T9: nothing ships but an accepted head, on the base that it was verified on", () => {
    fc.assert(
      fc.property(life, fc.boolean(), loops, (lucks, attemptable, of) => {
        const see = ({ command, change }: Step) => {
          if (command?.do !== "ship") return
          const { head, base } = command.accept
          const attempt = change.attempts.find((each) => each.made?.is === "commit" && each.made.head === head)
          expect(attempt?.verdict).toEqual({ is: "accept", head })
          expect(attempt?.verifiedBase).toBe(base)
          const checks = new Set(attempt?.evidence.filter((each) => each.outcome === "pass").map((each) => each.check))
          for (const check of [...STANDING_CHECKS, "tests_pass"]) expect(checks).toContain(check)
        }
        live(lucks, attemptable, see, of)
      }),
      runs,
    )
  })

  test("nothing lands without a person's word for this very head, said after it was made", () => {
    fc.assert(
      fc.property(life, loops, (lucks, of) => {
        const events = live(lucks, true, () => {}, of)
        for (const [index, { body }] of events.entries()) {
          if (body.type !== "ship.ended" || body.effect !== "merge") continue
          const words = events.slice(0, index).flatMap((event) => (event.body.type === "answered" ? [event.body] : []))
          expect(words.at(-1)?.answer).toEqual({ is: "approve", head: body.head })
          const verified = events.slice(0, index).findLast((event) => event.body.type === "verify.ended")
          const spoken = events.slice(0, index).findLast((event) => event.body.type === "answered")
          expect(verified?.seq ?? -1).toBeGreaterThan(spoken?.seq ?? 0)
        }
      }),
      runs,
    )
  })

  test("M4, M7: a series holds at most max_iterations attempts, and each word of a person opens one more at most; with best_of, rounds of them", () => {
    fc.assert(
      fc.property(life, loops, (lucks, of) => {
        const events = live(lucks, true, () => {}, of)
        const words = events.filter(
          ({ body }) => body.type === "answered" && (body.answer.is === "retry" || body.answer.is === "answer"),
        ).length
        const rounds = of.guardrails.maxIterations + words
        expect(foldChange(events).attempts.length).toBeLessThanOrEqual(rounds * makersOf(of))
      }),
      runs,
    )
  })

  test("M3: a session that died is begun again as the same attempt, and what it had in reserve is charged", () => {
    fc.assert(
      fc.property(life, loops, (lucks, of) => {
        const events = live(lucks, true, () => {}, of)
        const change = foldChange(events)
        const money = spentOn(change).usd
        // Every reserve counts until its own end settles it: in all, each start with the larger of nothing and its end.
        let expected = 0
        let open: { attempt: number; usd: number } | undefined
        for (const { body } of events) {
          if (body.type === "plan.started" || body.type === "make.started" || body.type === "verify.started") {
            // A verification of another attempt may have come between, by a person's word: what died before it still counts.
            if (open !== undefined) expected += open.usd
            open = { attempt: body.attempt, usd: body.reserveUsd }
          } else if (body.type === "plan.ended" || body.type === "make.ended" || body.type === "verify.ended") {
            expected += body.spend.usd
            open = undefined
          }
        }
        expect(money).toBeCloseTo(expected + (open?.usd ?? 0), 6)
        const numbers = change.attempts.map((each) => each.n)
        expect(numbers).toEqual(numbers.map((_, index) => index + 1))
      }),
      runs,
    )
  })

  test("D5: it ends: without deaths and people it is finished within a bounded number of steps", () => {
    fc.assert(
      fc.property(fc.array(chance, { minLength: 36, maxLength: 36 }), fc.boolean(), loops, (lucks, attemptable, of) => {
        const calm = lucks.map((luck) => ({ ...luck, dies: false }))
        let steps = 0
        let finished = false
        const see = ({ change }: Step) => {
          if (!finished) steps += 1
          finished ||= change.finished !== undefined
        }
        live(calm, attemptable, see, of)
        expect(finished).toBe(true)
        // found, plan, rounds of attempts of three steps, ship, ask or stop, finish
        expect(steps).toBeLessThanOrEqual(3 * of.guardrails.maxIterations * makersOf(of) + 4)
      }),
      runs,
    )
  })

  test("best_of: siblings start from one commit of one base, know nothing of each other, and the best of them goes on", () => {
    fc.assert(
      fc.property(life, (lucks) => {
        const three = loopOf({ act: act(3) })
        live(
          lucks,
          true,
          ({ command, change }) => {
            if (command?.do === "isolate" && command.round !== undefined) {
              const { first } = command.round
              const earlier = change.attempts.filter((each) => each.n < first)
              const heads = earlier.flatMap(({ made }) => (made?.is === "commit" ? [made.head] : []))
              if (command.head !== undefined) expect(heads).toContain(command.head)
            }
            for (const round of roundsOf(change.attempts)) {
              expect(round.length).toBeLessThanOrEqual(3)
              const feedback = round.map(({ n }) => feedbackFor(change, n))
              expect(new Set(feedback).size).toBe(1)
              expect(new Set(round.map(({ n }) => startOf(change.attempts, n))).size).toBe(1)
              const bases = round.flatMap(({ base, standing }) =>
                standing === "gone" || base === undefined ? [] : [base],
              )
              expect(new Set(bases).size).toBeLessThanOrEqual(1)
            }
            if (command?.do !== "ship" || command.effect !== "propose") return
            const round = roundsOf(change.attempts).at(-1) ?? []
            const accepted = round.filter(({ verdict }) => verdict?.is === "accept")
            const caveats = (each: (typeof round)[number]) => new Set(each.evidence.flatMap((one) => one.caveats)).size
            const shipped = accepted.find(({ made }) => made?.is === "commit" && made.head === command.accept.head)
            expect(shipped).toBeDefined()
            for (const other of accepted) if (shipped) expect(caveats(shipped)).toBeLessThanOrEqual(caveats(other))
          },
          three,
        )
      }),
      runs,
    )
  })

  test("a planner is asked before the first maker of a series, never after, and its stop wakes none", () => {
    fc.assert(
      fc.property(life, (lucks) => {
        let asked = false
        let stopped = false
        let overruled = false
        const see = ({ command, change, events }: Step) => {
          const last = events.at(-1)?.body
          // A word to what the world kept from happening opens no series.
          if (last?.type === "answered" && change.attempts.length === change.guardedFrom) {
            overruled ||= stopped
            asked = stopped = false
          }
          if (command?.do === "make") expect([asked, stopped]).toEqual([true, false])
          if (last?.type !== "plan.ended") return
          expect(asked).toBe(false)
          asked = true
          stopped = last.planning.is === "stop" && !overruled
        }
        live(lucks, true, see, loopOf({ plan }))
      }),
      runs,
    )
  })

  test("folding on from a folded change is folding the whole; nothing folded is changed by it", () => {
    fc.assert(
      fc.property(life, fc.nat(), loops, (lucks, cut, of) => {
        const events = live(lucks, true, () => {}, of)
        const at = 1 + (cut % events.length)
        const first = deepFreeze(foldChange(events.slice(0, at)))
        const whole = events.slice(at).reduce((change, event) => deepFreeze(fold(change, deepFreeze(event))), first)
        expect(whole).toEqual(foldChange(events))
        expect(whole.length).toBe(events.length)
      }),
      runs,
    )
  })

  test("decide has no memory: the same change gives the same command, and one that is finished only finishes", () => {
    fc.assert(
      fc.property(life, loops, (lucks, of) => {
        const see = ({ change }: Step) => {
          const before = JSON.stringify(change)
          const command = decide(change, of)
          expect(decide(structuredClone(change), of)).toEqual(command)
          expect(JSON.stringify(change)).toBe(before)
          if (change.finished !== undefined) expect(command).toEqual({ do: "finish", outcome: change.finished })
        }
        live(lucks, true, see, of)
      }),
      { numRuns: 300 },
    )
  })
})

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) deepFreeze(each)
  }
  return value
}
