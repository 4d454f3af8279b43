import type { Attempt, Change } from "./change.ts"
import type { EventBody, StopReason } from "./event.ts"
import { guard } from "./guard.ts"
import { type Accept, acceptFor, askedFor, type Case } from "./judge.ts"
import { climbsAfter } from "./ladder.ts"
import type { Loop } from "./loop.ts"

export type Outcome = Extract<EventBody, { type: "finished" }>["outcome"]

/** What a change does next. One command is one durable step. */
export type Command =
  | { do: "isolate"; attempt: number; head?: string }
  | { do: "make"; attempt: number; feedback?: string }
  | { do: "verify"; attempt: number; head: string }
  | { do: "ship"; effect: "propose" | "merge"; accept: Accept }
  | { do: "ask"; reason: StopReason; question: string; head?: string }
  | { do: "stop"; reason: StopReason; detail: string }
  | { do: "finish"; outcome: Outcome }

/*
 *   found ─► isolate ─► make ─► verify ─► ship(propose) ─► proposed ─ approve ─► verify ─► ship(merge) ─► merged
 *              │          │        │ retry, guards allow: isolate the next attempt on this one's commit
 *              │          │        ├ retry, a guard says no: stop ─► stopped   (inbox)
 *              │          │        └ ask: ask ─► asked                         (inbox)
 *              │          └ the maker stopped or could not run: ask, or the next attempt
 *              └ no longer stands on the base: already_fixed
 *   A person's reject or answer opens the next attempt from proposed, asked or stopped; close ends it.
 */

/** The next command for a change: pure, and tested as a table. */
export function decide(change: Change, loop: Loop): Command {
  if (change.finished !== undefined) return { do: "finish", outcome: change.finished }
  if (change.merged !== undefined) return { do: "finish", outcome: "merged" }
  if (change.question !== undefined) return { do: "finish", outcome: "asked" }
  if (change.stopped !== undefined) return { do: "finish", outcome: "stopped" }
  if (change.answer?.is === "close") return { do: "finish", outcome: "closed" }
  // Also under an approval: the base may have got the fix from elsewhere by now.
  if (change.attempts.at(-1)?.standing === "gone") return { do: "finish", outcome: "already_fixed" }
  if (change.answer?.is === "approve") return decideApproved(change, change.answer.head, loop)

  const last = change.attempts.at(-1)
  if (last === undefined && change.answer === undefined && !change.finding.attemptable) {
    return { do: "ask", reason: "triage", question: change.finding.reason ?? "It is marked as nothing to attempt." }
  }
  if (last === undefined || change.attempts.length === change.guardedFrom) return next(change)
  if (last.standing === undefined) return isolate(change, last.n)
  if (last.made === undefined) return make(change, last.n)
  if (last.made.is === "commit" && last.verdict === undefined)
    return { do: "verify", attempt: last.n, head: last.made.head }
  return decideAfter(change, last, loop)
}

/** An attempt has ended: ship it, try again, or hand it to a person. */
function decideAfter(change: Change, last: Attempt, loop: Loop): Command {
  const made = last.made
  if (made?.is === "stop")
    return { do: "ask", reason: `maker_${made.stop}`, question: `The maker stopped: ${made.reason}` }
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

function decideFailed(
  change: Change,
  last: Attempt,
  made: Extract<Attempt["made"], { is: "failed" }>,
  loop: Loop,
): Command {
  switch (made.code) {
    case "budget":
      return { do: "stop", reason: "budget", detail: made.why }
    // Nobody's fault that another paid attempt could mend (catalogue T12).
    case "quota":
      return climbsAfter(loop.agents[loop.steps.act?.agent ?? "implementer"], last.n)
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
  return stop === undefined ? next(change) : { do: "stop", ...stop }
}

function next(change: Change): Command {
  return isolate(change, (change.attempts.at(-1)?.n ?? 0) + 1)
}

function isolate(change: Change, attempt: number): Command {
  const head = lastHead(change, attempt)
  return { do: "isolate", attempt, ...(head === undefined ? {} : { head }) }
}

function make(change: Change, attempt: number): Command {
  const feedback = feedbackFor(change, attempt)
  return { do: "make", attempt, ...(feedback === undefined ? {} : { feedback }) }
}

/** The commit on which attempt `n` goes on: the newest one an earlier attempt left. */
function lastHead(change: Change, n: number): string | undefined {
  const before = change.attempts.findLast((attempt) => attempt.n < n && attempt.made?.is === "commit")
  return before?.made?.is === "commit" ? before.made.head : undefined
}

/** What attempt `n` is told: what failed before it, and what a person said. */
export function feedbackFor(change: Change, n: number): string | undefined {
  const parts: string[] = []
  const before = change.attempts.findLast((attempt) => attempt.n < n)
  if (before?.verdict?.is === "retry") parts.push(before.verdict.feedback)
  else if (before?.made?.is === "nothing") parts.push("The attempt before this one changed no file.")
  else if (before?.made?.is === "failed") parts.push(`The attempt before this one did not end: ${before.made.why}`)
  const { answer } = change
  const wordIsForThis = n === change.guardedFrom + 1
  if (wordIsForThis && answer?.is === "retry") parts.push(`A person rejected it: ${answer.why}`)
  if (wordIsForThis && answer?.is === "answer") parts.push(`A person answered: ${answer.text}`)
  return parts.length === 0 ? undefined : parts.join("\n\n")
}

/** An attempt's evidence as the judge takes it: for this head, on the base it was verified on. */
function caseOf(attempt: Attempt, head: string, loop: Loop): Case {
  return { head, base: attempt.verifiedBase ?? "", layers: loop.steps.verify.layers, evidence: attempt.evidence }
}
