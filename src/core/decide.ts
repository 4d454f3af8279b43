import type { Attempt, Change } from "./change.ts"
import type { EventBody, Round, StopReason } from "./event.ts"
import { guard } from "./guard.ts"
import { type Accept, acceptFor, askedFor, type Case } from "./judge.ts"
import { climbsAfter } from "./ladder.ts"
import type { Loop } from "./loop.ts"
import { beforeRound, bestOf, firstOf, roundNumber, roundsOf, startOf } from "./round.ts"

export type Outcome = Extract<EventBody, { type: "finished" }>["outcome"]

/** What a change does next. One command is one durable step. */
export type Command =
  /** `base`: where its siblings started, wherever the base is by now. */
  | { do: "isolate"; attempt: number; head?: string; round?: Round; base?: string }
  | { do: "plan"; attempt: number; feedback?: string }
  | { do: "make"; attempt: number; feedback?: string }
  | { do: "verify"; attempt: number; head: string }
  | { do: "ship"; effect: "propose" | "merge"; accept: Accept }
  | { do: "ask"; reason: StopReason; question: string; head?: string }
  | { do: "stop"; reason: StopReason; detail: string }
  | { do: "finish"; outcome: Outcome }

/*
 *   found ─► isolate ─► plan ─► make ─► verify ─► ship(propose) ─► proposed ─ approve ─► verify ─► ship(merge) ─► merged
 *              │          │       │        │ retry, guards allow: isolate the next attempt on this one's commit
 *              │          │       │        ├ retry, a guard says no: stop ─► stopped   (inbox)
 *              │          │       │        └ ask: ask ─► asked                         (inbox)
 *              │          │       └ the maker stopped or could not run: ask, or the next attempt
 *              │          └ once, where the loop has a planner; it says not to attempt it: ask ─► asked
 *              └ no longer stands on the base: already_fixed
 *   A person's reject or answer opens the next attempt from proposed, asked or stopped; close ends it.
 *   With best_of, isolate ─► make ─► verify goes round for each sibling, and what follows is decided of the best of them.
 */

/** The next command for a change: pure, and tested as a table. */
export function decide(change: Change, loop: Loop): Command {
  if (change.finished !== undefined) return { do: "finish", outcome: change.finished }
  if (change.merged !== undefined) return { do: "finish", outcome: "merged" }
  if (change.question !== undefined) return { do: "finish", outcome: "asked" }
  if (change.stopped !== undefined) return { do: "finish", outcome: "stopped" }
  if (change.answer?.is === "close") return { do: "finish", outcome: "closed" }
  // Also under an approval: the base may have got the fix from elsewhere by now.
  if (change.attempts.some((attempt) => attempt.standing === "gone")) return { do: "finish", outcome: "already_fixed" }
  if (change.answer?.is === "approve") return decideApproved(change, change.answer.head, loop)

  const last = change.attempts.at(-1)
  if (last === undefined && change.answer === undefined && !change.finding.attemptable) {
    const reason = change.finding.evaluated === "impossible" ? "goal_impossible" : "triage"
    return { do: "ask", reason, question: change.finding.reason ?? "It is marked as nothing to attempt." }
  }
  if (last === undefined || change.attempts.length === change.guardedFrom) return next(change, loop)
  if (last.standing === undefined) return isolate(change, last.n, last.round)
  if (last.made === undefined) return planned(change, last, loop) ?? make(change, last.n)
  if (last.made.is === "commit" && last.verdict === undefined)
    return { do: "verify", attempt: last.n, head: last.made.head }
  return decideRound(change, last, loop)
}

/** What comes before a maker's first session: the planner's, or what it said against beginning at all. */
function planned(change: Change, attempt: Attempt, loop: Loop): Command | undefined {
  const isFirst = attempt.n === change.guardedFrom + 1 && attempt.agent === undefined
  if (loop.steps.plan === undefined || !isFirst) return undefined
  const came = change.planned?.came
  if (came === undefined) return { do: "plan", attempt: attempt.n, ...told(change, attempt.n) }
  if (came.is !== "stop" || change.planned?.overruled === true) return undefined
  return {
    do: "ask",
    reason: `planner_${came.stop}`,
    question: `The planner says not to begin (${came.stop}): ${came.reason}`,
  }
}

/** A sibling has ended: the next one, or what the best of the round comes to. */
function decideRound(change: Change, last: Attempt, loop: Loop): Command {
  const round: readonly [Attempt, ...Attempt[]] = roundsOf(change.attempts).at(-1) ?? [last]
  const lack = lackOf(last, loop)
  if (lack === undefined && last.round !== undefined && round.length < last.round.of)
    return isolate(change, last.n + 1, last.round)
  const best = bestOf(round)
  // What the world kept from happening is said of the one it happened to, and taken up there; what was accepted needs no more.
  const speaks =
    best.verdict?.is === "accept" || lack === undefined ? best : lack === "world" || !hasWord(best) ? last : best
  return decideAfter(change, speaks, loop, round)
}

/** What a sibling would lack just as well: money, or something of this machine. */
function lackOf(last: Attempt, loop: Loop): "money" | "world" | undefined {
  const { made, verdict } = last
  if (made?.is === "failed") {
    if (made.code === "budget")
      return made.forOthers === true ? "world" : last.agent === undefined ? "money" : undefined
    return worldly.has(made.code) ? "world" : undefined
  }
  if (made?.is !== "commit" || verdict?.is !== "ask") return undefined
  return askedFor(caseOf(last, made.head, loop)) === "infrastructure" ? "world" : undefined
}

const worldly: ReadonlySet<string> = new Set(["quota", "missing_agent", "refused", "no_recording"])

/** Whether there is something in it to hand to a person, whatever else could not be made. */
function hasWord({ made, verdict }: Attempt): boolean {
  return made?.is === "stop" || verdict?.is === "ask" || verdict?.is === "reject"
}

/** A round has ended, and this attempt goes for it: ship it, try again, or hand it to a person. */
function decideAfter(change: Change, last: Attempt, loop: Loop, round: readonly Attempt[]): Command {
  const made = last.made
  if (made?.is === "stop") return { do: "ask", reason: `maker_${made.stop}`, question: stopsOf(round) }
  if (made?.is === "failed") return decideFailed(change, last, made, loop)
  if (made?.is === "nothing") return again(change, loop)
  const { verdict } = last
  switch (verdict?.is) {
    case "accept": {
      if (change.proposal?.head === verdict.head) return { do: "finish", outcome: "proposed" }
      if (loop.autonomy === "report" || loop.steps.ship === undefined) return { do: "finish", outcome: "reported" }
      const accept = acceptFor(caseOf(last, verdict.head, loop))
      if (accept === undefined)
        return {
          do: "ask",
          reason: "gate_asks",
          question: "The evidence does not bear out the verdict.",
          head: verdict.head,
        }
      return { do: "ship", effect: "propose", accept }
    }
    case "ask": {
      const head = made?.is === "commit" ? made.head : ""
      return { do: "ask", reason: askedFor(caseOf(last, head, loop)), question: verdict.reason, head }
    }
    case "reject":
      return { do: "stop", reason: "gate_rejects", detail: verdict.reason }
    default:
      return again(change, loop)
  }
}

/** What makers said who stopped by their own word. */
function stopsOf(round: readonly Attempt[]): string {
  const stops = round.flatMap(({ n, made }) => (made?.is === "stop" ? [{ n, ...made }] : []))
  if (stops.length === 1) return `The maker stopped: ${stops[0]?.reason}`
  return `All makers stopped:\n${stops.map(({ n, stop, reason }) => `attempt ${n} (${stop}): ${reason}`).join("\n")}`
}

function decideFailed(
  change: Change,
  last: Attempt,
  made: Extract<Attempt["made"], { is: "failed" }>,
  loop: Loop,
): Command {
  switch (made.code) {
    case "budget":
      return made.forOthers === true
        ? { do: "ask", reason: "priority", question: made.why }
        : { do: "stop", reason: "budget", detail: made.why }
    // Nobody's fault that another paid attempt could mend (catalogue T12).
    case "quota":
      return climbsAfter(loop.agents[loop.steps.act?.agent ?? "implementer"], roundNumber(change.attempts, last.n))
        ? again(change, loop)
        : {
            do: "ask",
            reason: "infrastructure",
            question: `${made.why}${made.until === undefined ? "" : `, until ${made.until}`}`,
          }
    case "missing_agent":
    case "refused":
    case "no_recording":
      return { do: "ask", reason: "infrastructure", question: made.why }
    default:
      return again(change, loop)
  }
}

function decideApproved(change: Change, head: string, loop: Loop): Command {
  const attempt = change.attempts.findLast((each) => each.made?.is === "commit" && each.made.head === head)
  if (attempt === undefined)
    return {
      do: "ask",
      reason: "approval",
      question: `Approved ${head.slice(0, 10)}, which is no attempt of this change.`,
    }
  if (!change.verifiedSinceAnswer) return { do: "verify", attempt: attempt.n, head }
  const accept = acceptFor(caseOf(attempt, head, loop))
  if (accept !== undefined) return { do: "ship", effect: "merge", accept }
  const verdict = attempt.verdict
  const why =
    verdict?.is === "retry"
      ? verdict.feedback
      : verdict?.is === "ask" || verdict?.is === "reject"
        ? verdict.reason
        : "no verdict"
  return {
    do: "ask",
    reason: "gate_rejects",
    question: `Approved, but it was verified again on the current base and did not pass: ${why}`,
    head,
  }
}

/** Another attempt, unless a guard says that it would be wasted. */
function again(change: Change, loop: Loop): Command {
  const stop = guard(change, loop.guardrails)
  return stop === undefined ? next(change, loop) : { do: "stop", ...stop }
}

/** The first attempt of a new round. */
function next(change: Change, loop: Loop): Command {
  const n = (change.attempts.at(-1)?.n ?? 0) + 1
  const of = loop.steps.act?.bestOf
  return isolate(change, n, of === undefined ? undefined : { first: n, of })
}

/** A sibling starts where the first of its round did: on the same commit, of the same base. */
function isolate(change: Change, attempt: number, round?: Round): Command {
  const first = round === undefined || round.first === attempt ? undefined : round.first
  const base = change.attempts.find((each) => each.n === first)?.base
  const head = startOf(change.attempts, first ?? attempt)
  return {
    do: "isolate",
    attempt,
    ...(head === undefined ? {} : { head }),
    ...(round === undefined ? {} : { round }),
    ...(base === undefined ? {} : { base }),
  }
}

function make(change: Change, attempt: number): Command {
  return { do: "make", attempt, ...told(change, attempt) }
}

function told(change: Change, attempt: number): { feedback?: string } {
  const feedback = feedbackFor(change, attempt)
  return feedback === undefined ? {} : { feedback }
}

/** What attempt `n` is told: what failed in the best of the round before it, and what a person said. Siblings are told alike. */
export function feedbackFor(change: Change, n: number): string | undefined {
  const parts: string[] = []
  const lastRound = roundsOf(beforeRound(change.attempts, n)).at(-1)
  const before = lastRound === undefined ? undefined : bestOf(lastRound)
  if (before?.verdict?.is === "retry") parts.push(before.verdict.feedback)
  else if (before?.made?.is === "nothing") parts.push("The attempt before this one changed no file.")
  else if (before?.made?.is === "failed") parts.push(`The attempt before this one did not end: ${before.made.why}`)
  const { answer } = change
  const own = change.attempts.find((attempt) => attempt.n === n)
  const wordIsForThis = (own === undefined ? n : firstOf(own)) === change.guardedFrom + 1
  if (wordIsForThis && answer?.is === "retry") parts.push(`A person rejected it: ${answer.why}`)
  if (wordIsForThis && answer?.is === "answer") parts.push(`A person answered: ${answer.text}`)
  return parts.length === 0 ? undefined : parts.join("\n\n")
}

/** An attempt's evidence as the judge takes it: for this head, on the base it was verified on. */
function caseOf(attempt: Attempt, head: string, loop: Loop): Case {
  return { head, base: attempt.verifiedBase ?? "", layers: loop.steps.verify.layers, evidence: attempt.evidence }
}
