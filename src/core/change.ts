import type { Event, EventBody, Made, Planning, Round, StopReason } from "./event.ts"
import type { Evidence, Verdict } from "./evidence.ts"
import type { Finding } from "./finding.ts"
import { bestOf, roundsOf } from "./round.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "./spend.ts"

/** One maker session inside a change, and the evidence on it. */
export type Attempt = {
  n: number
  /** Of siblings that start alike; unset for one that is a round by itself. */
  round?: Round
  /** Undefined until the workspace stands on the current base. */
  base?: string
  standing?: "stands" | "gone" | "unknown"
  agent?: string
  model?: string
  made?: Made
  /** What it comes to against its base, and by which paths it left the plan's scope. */
  diff?: { files: number; lines: number; outside: string[] }
  /** What the agent's output hashed to, and the last thing it said. */
  output?: string
  said?: string
  evidence: Evidence[]
  verdict?: Verdict
  verifiedBase?: string
  /** The run that verified it: what ships names this one, whichever run ships it. */
  verifiedIn?: string
  /** What this attempt was told of the one before. */
  feedback?: string
  reservedUsd: number
  spend: Spend
  /** What the maker's session alone cost, the one that came to an end: no review, no dead process, no earlier start. */
  makerSpend?: Spend
}

/** What was asked of planners: the last answer that still holds, and what they cost, all told. */
export type Planned = {
  /** Before which attempt it was asked last. */
  attempt?: number
  agent?: string
  model?: string
  /** Undefined while it is asked, and once a person's word has overtaken it. */
  came?: Planning
  /** A person let it be begun although a planner had spoken against it: it may do so again, and stops nothing. */
  overruled?: true
  reservedUsd: number
  spend: Spend
}

/** A finding's whole journey, folded from its events; never stored, so it can't disagree with them. */
export type Change = {
  id: string
  run: string
  loop: string
  finding: Finding
  attempts: Attempt[]
  planned?: Planned
  /** The folder of the last isolate. */
  workspace?: string
  /** The branch that it was last begun on. */
  onto?: string
  proposal?: { head: string; commit: string; branch: string }
  merged?: string
  question?: { reason: StopReason; text: string; head?: string }
  /** The last word of a person that nothing has acted on yet. */
  answer?: Extract<EventBody, { type: "answered" }>["answer"]
  answeredBy?: string
  stopped?: { reason: StopReason; detail: string }
  /** Attempts before the last person's word: a word opens a new series, and the guards count within it. */
  guardedFrom: number
  /** Whether the gate has spoken since a person did: an approval is verified again before anything lands. */
  verifiedSinceAnswer: boolean
  /** How often the base moved under the standing approval. */
  reverifications: number
  finished?: Extract<EventBody, { type: "finished" }>["outcome"]
  /** How many events it was folded from: names its next effect (see the ledger's keys). */
  length: number
  startedAt: string
  updatedAt: string
}

/** Folds a change from all its events, oldest first. */
export function foldChange(events: readonly Event[]): Change {
  const [first, ...rest] = events
  if (first === undefined || first.body.type !== "found") throw new Error("a change begins with `found`")
  const start: Change = {
    id: first.change,
    run: first.body.run,
    loop: first.body.loop,
    finding: first.body.finding,
    attempts: [],
    guardedFrom: 0,
    verifiedSinceAnswer: false,
    reverifications: 0,
    length: 1,
    startedAt: first.at,
    updatedAt: first.at,
  }
  return rest.reduce(fold, start)
}

/** The change after one more event. Pure. */
export function fold(change: Change, event: Event): Change {
  const { body } = event
  const next: Change = { ...change, length: change.length + 1, updatedAt: event.at }
  switch (body.type) {
    case "found":
      return { ...next, finding: body.finding }
    case "resumed":
      // A later run takes the change up: its budget pays from here.
      delete next.finished
      if (goesOnByItself(change)) {
        delete next.question
        next.attempts = takenUp(change)
      }
      return { ...next, run: body.run }
    case "isolate.started":
      return withAttempt(next, body.attempt, body.round === undefined ? {} : { round: body.round })
    case "isolate.ended":
      return {
        ...withAttempt(next, body.attempt, { base: body.base, standing: body.standing }),
        workspace: body.workspace,
        ...(body.branch === undefined ? {} : { onto: body.branch }),
      }
    case "plan.started": {
      const { came: _, ...earlier } = change.planned ?? nothingPlanned
      return {
        ...next,
        planned: {
          ...earlier,
          attempt: body.attempt,
          agent: body.agent,
          ...(body.model === undefined ? {} : { model: body.model }),
          spend: chargeTheDead(change.planned),
          reservedUsd: body.reserveUsd,
        },
      }
    }
    case "plan.ended":
      return {
        ...next,
        planned: {
          ...settled(change.planned, body.spend),
          came: body.planning,
          ...(body.model === undefined ? {} : { model: body.model }),
        },
      }
    case "plan.parked":
      return { ...next, planned: settled(change.planned, body.spend) }
    case "make.started": {
      const spend = chargeTheDead(attemptOf(change, body.attempt))
      return withAttempt(next, body.attempt, {
        agent: body.agent,
        spend,
        reservedUsd: body.reserveUsd,
        ...(body.model === undefined ? {} : { model: body.model }),
      })
    }
    case "make.ended":
      return withAttempt(next, body.attempt, {
        made: body.made,
        makerSpend: body.spend,
        spend: addSpend(attemptOf(change, body.attempt)?.spend ?? NOTHING_SPENT, body.spend),
        reservedUsd: 0,
        ...(body.diff === undefined ? {} : { diff: body.diff }),
        ...(body.model === undefined ? {} : { model: body.model }),
        ...(body.output === undefined ? {} : { output: body.output }),
        ...(body.said === undefined ? {} : { said: body.said }),
      })
    case "make.parked":
    case "verify.parked":
      return withAttempt(next, body.attempt, {
        spend: addSpend(attemptOf(change, body.attempt)?.spend ?? NOTHING_SPENT, body.spend),
        reservedUsd: 0,
      })
    case "reserve.extended": {
      const attempt = attemptOf(change, body.attempt)
      const { planned } = change
      if (planned !== undefined && planned.reservedUsd > 0)
        return { ...next, planned: { ...planned, reservedUsd: planned.reservedUsd + body.usd } }
      // It crossed with the end of the session, which has settled all of it.
      if (attempt === undefined || attempt.reservedUsd === 0) return next
      return withAttempt(next, body.attempt, { reservedUsd: attempt.reservedUsd + body.usd })
    }
    case "verify.started":
      return withAttempt(next, body.attempt, {
        spend: chargeTheDead(attemptOf(change, body.attempt)),
        reservedUsd: body.reserveUsd,
      })
    case "verify.ended":
      return {
        ...withAttempt(next, body.attempt, {
          evidence: body.evidence,
          verdict: body.verdict,
          verifiedBase: body.base,
          verifiedIn: change.run,
          spend: addSpend(attemptOf(change, body.attempt)?.spend ?? NOTHING_SPENT, body.spend),
          reservedUsd: 0,
        }),
        verifiedSinceAnswer: true,
      }
    case "ship.started":
      return next
    case "ship.ended":
      return body.effect === "merge"
        ? { ...next, merged: body.commit }
        : { ...next, proposal: { head: body.head, commit: body.commit, branch: body.branch } }
    case "asked":
      return {
        ...next,
        question: { reason: body.reason, text: body.question, ...(body.head === undefined ? {} : { head: body.head }) },
      }
    case "answered": {
      delete next.question
      delete next.stopped
      delete next.finished
      const tries = body.answer.is === "retry" || body.answer.is === "answer"
      if (!tries) {
        const again =
          change.answer?.is === "approve" && body.answer.is === "approve" && change.answer.head === body.answer.head
        const reverifications = again ? change.reverifications + 1 : 0
        const answeredBy = again ? (change.answeredBy ?? body.by) : body.by
        return { ...next, answer: body.answer, answeredBy, verifiedSinceAnswer: false, reverifications }
      }
      if (body.answer.is === "answer" && (goesOnByItself(change) || diedChecking(change) || diedBeside(change))) {
        // It was no question to a maker: whoever says to go on means what was under way, an approval among it.
        const stands = change.answer?.is === "approve"
        const who = stands ? {} : { answer: body.answer, answeredBy: body.by }
        return { ...next, ...who, attempts: takenUp(change), verifiedSinceAnswer: false }
      }
      // A person's word opens one more attempt; the old proposal stays until the new one takes its place.
      const attempts = withoutUnbegun(change.attempts)
      return {
        ...next,
        ...(change.planned === undefined ? {} : { planned: withoutAnswer(change.planned) }),
        attempts,
        answer: body.answer,
        answeredBy: body.by,
        guardedFrom: attempts.length,
        verifiedSinceAnswer: false,
      }
    }
    case "stopped":
      return { ...next, stopped: { reason: body.reason, detail: body.detail } }
    case "finished":
      return { ...next, finished: body.outcome }
  }
}

/** Whether what it waits for needs no person: the next run takes it up. */
export function goesOnByItself({ question }: Pick<Change, "question">): boolean {
  return question?.reason === "infrastructure" || question?.reason === "priority"
}

/** Its maker did its part, and checking it died time and again. */
function diedChecking({ question, attempts }: Pick<Change, "question" | "attempts">): boolean {
  return question?.reason === "keeps_dying" && attempts.at(-1)?.made?.is === "commit"
}

/** A sibling of one that was accepted died time and again: whoever says to go on has the accepted one, without it. */
function diedBeside({ question, attempts }: Pick<Change, "question" | "attempts">): boolean {
  const round = roundsOf(attempts).at(-1)
  return question?.reason === "keeps_dying" && round !== undefined && bestOf(round).verdict?.is === "accept"
}

/** The attempts, the last one as it was before the world got in its way. */
function takenUp(change: Change): Attempt[] {
  const { attempts, question } = change
  const round = roundsOf(attempts).at(-1)
  const last = attempts.at(-1)
  if (diedBeside(change) && last !== undefined && last.made === undefined) {
    const made = { is: "failed", code: "crashed", why: "its process died time and again" } as const
    return [...attempts.slice(0, -1), { ...last, made }]
  }
  // What failed beside a sibling that was accepted is not tried again: that one is on its way.
  if (round === undefined || bestOf(round).verdict?.is === "accept") return attempts
  return attempts.map((attempt, index) =>
    index === attempts.length - 1 ? withoutWait(attempt, question?.reason) : attempt,
  )
}

/** What the world kept from happening is tried again within the same attempt: no retry is counted for it. */
function withoutWait(attempt: Attempt, reason: StopReason | undefined): Attempt {
  const next = { ...attempt }
  // It may have waited for a month: it begins on the base of that day.
  if (reason === "priority" && next.made === undefined) delete next.standing
  if (next.made?.is === "failed") {
    delete next.made
    delete next.standing
  }
  if (next.verdict?.is === "ask") delete next.verdict
  return next
}

/** A workspace in which nobody has worked yet is no attempt: the one that a person's word opens takes its number. */
function withoutUnbegun(attempts: readonly Attempt[]): Attempt[] {
  const last = attempts.at(-1)
  const isBegun = last === undefined || last.agent !== undefined || last.made !== undefined
  return isBegun ? [...attempts] : attempts.slice(0, -1)
}

const nothingPlanned: Planned = { reservedUsd: 0, spend: NOTHING_SPENT }

function settled(planned: Planned | undefined, spend: Spend): Planned {
  const before = planned ?? nothingPlanned
  return { ...before, spend: addSpend(before.spend, spend), reservedUsd: 0 }
}

/** What a person said since was not known to the planner: it is asked again, and what it cost stays. */
function withoutAnswer({ came, ...planned }: Planned): Planned {
  return came?.is === "stop" ? { ...planned, overruled: true } : planned
}

function attemptOf(change: Change, n: number): Attempt | undefined {
  return change.attempts.find((attempt) => attempt.n === n)
}

/** A reserve that stands when the same effect starts again belongs to a process that died: it is charged in full. */
function chargeTheDead(held: Pick<Attempt, "spend" | "reservedUsd"> | undefined): Spend {
  const spend = held?.spend ?? NOTHING_SPENT
  if (held === undefined || held.reservedUsd === 0) return spend
  return addSpend(spend, { ...NOTHING_SPENT, usd: held.reservedUsd, basis: "unknown" })
}

function withAttempt(change: Change, n: number, facts: Partial<Attempt>): Change {
  const attempt: Attempt = {
    ...(attemptOf(change, n) ?? { n, evidence: [], reservedUsd: 0, spend: NOTHING_SPENT }),
    ...facts,
  }
  const attempts = [...change.attempts.filter((other) => other.n !== n), attempt].sort((a, b) => a.n - b.n)
  return { ...change, attempts }
}

/** All that a change has cost so far; a reserve that nothing settled counts in full. */
export function spentOn(change: Change): Spend {
  const held = change.planned === undefined ? change.attempts : [...change.attempts, change.planned]
  return held.reduce(
    (sum, { spend, reservedUsd }) => addSpend(sum, { ...spend, usd: spend.usd + reservedUsd }),
    NOTHING_SPENT,
  )
}
