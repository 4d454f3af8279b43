import { z } from "zod"
import { type Attempt, type Change, type Planned, spentOn } from "../core/change.ts"
import { Planning } from "../core/event.ts"
import { Evidence } from "../core/evidence.ts"
import { choiceOf, chosenOf, roundsOf } from "../core/round.ts"
import { Basis } from "../core/spend.ts"

/** Where a change stands, in the words of the state file's sections. */
export const Stage = z.enum(["in_progress", "awaiting_review", "needs_a_person", "blocked", "done"])
export type Stage = z.infer<typeof Stage>

export const AttemptView = z.object({
  n: z.number(),
  agent: z.string().optional(),
  model: z.string().optional(),
  /** One line: what came of it. */
  outcome: z.string(),
  head: z.string().optional(),
  /** The paths by which it left the plan's scope. */
  outside: z.array(z.string()).optional(),
  evidence: z.array(Evidence),
  usd: z.number(),
  basis: z.string(),
  /** What the maker's session alone cost, without reviews and what died. */
  maker: z.object({ usd: z.number(), basis: Basis }).optional(),
  /** The gate's word, once it has spoken. */
  verdict: z.enum(["accept", "retry", "ask", "reject"]).optional(),
})
export type AttemptView = z.infer<typeof AttemptView>

/** What the loop's planner said of a change before it was made, and what it cost. Outside text. */
export const PlanView = z.object({
  agent: z.string().optional(),
  model: z.string().optional(),
  /** Absent while it is asked. */
  came: Planning.optional(),
  usd: z.number(),
  basis: z.string(),
})
export type PlanView = z.infer<typeof PlanView>

/** A change as `status`, `inbox` and `run` show it; documented in docs/json.md. */
export const ChangeView = z.object({
  id: z.string(),
  loop: z.string(),
  run: z.string(),
  title: z.string(),
  fingerprint: z.string(),
  source: z.string(),
  severity: z.string(),
  module: z.string().optional(),
  stage: Stage,
  /** How it ended or what it came to; absent while it is under way or parked. */
  outcome: z.enum(["proposed", "merged", "already_fixed", "asked", "stopped", "closed", "reported"]).optional(),
  /** What it waits for or how it ended, one line. */
  says: z.string(),
  /** The rule by which it waits for a person. */
  reason: z.string().optional(),
  question: z.string().optional(),
  /** What it waits for that comes by itself: who goes first, what is left for whom, until when. */
  waits: z.string().optional(),
  plan: PlanView.optional(),
  attempts: z.array(AttemptView),
  /** Where several makers tried the same: which attempt the gate chose of the last round, and why that one. */
  choice: z.object({ made: z.number(), of: z.number(), attempt: z.number(), why: z.string() }).optional(),
  branch: z.string().optional(),
  commit: z.string().optional(),
  /** The commit that `approve` would land. */
  head: z.string().optional(),
  usd: z.number(),
  basis: z.string(),
  startedAt: z.string(),
  updatedAt: z.string(),
})
export type ChangeView = z.infer<typeof ChangeView>

/** A change as people see it. `live` says whether some process works on it now: a fact of the moment, never stored. */
export function viewOf(change: Change, live: boolean): ChangeView {
  const spend = spentOn(change)
  const made = chosenOf(change)?.made
  const choice = choiceIn(change)
  const { finding } = change
  return {
    id: change.id,
    loop: change.loop,
    run: change.run,
    title: finding.title,
    fingerprint: finding.fingerprint,
    source: finding.source,
    severity: finding.severity,
    ...(finding.module === undefined ? {} : { module: finding.module }),
    stage: stageOf(change),
    ...(change.finished === undefined || isKeptBack(change) ? {} : { outcome: change.finished }),
    says: saysOf(change, live),
    ...(stageOf(change) === "needs_a_person" ? reasonOf(change) : {}),
    ...(isKeptBack(change) && change.question !== undefined ? { waits: change.question.text } : {}),
    ...(change.planned === undefined ? {} : { plan: planView(change.planned) }),
    attempts: begun(change).map(attemptView),
    ...(choice === undefined ? {} : { choice }),
    ...(change.proposal === undefined ? {} : { branch: change.proposal.branch, commit: change.proposal.commit }),
    ...(made?.is === "commit" ? { head: made.head } : {}),
    usd: spend.usd,
    basis: spend.basis,
    startedAt: change.startedAt,
    updatedAt: change.updatedAt,
  }
}

function stageOf(change: Change): Stage {
  switch (change.finished) {
    case "merged":
    case "already_fixed":
      return "done"
    case "closed":
      return "blocked"
    case "proposed":
    case "reported":
      return "awaiting_review"
    case "asked":
      return isKeptBack(change) ? "in_progress" : "needs_a_person"
    case "stopped":
      return "needs_a_person"
    default:
      return "in_progress"
  }
}

/** It waits for no person: what is left of the money is for loops above its own, and a later run goes on with it. */
function isKeptBack({ finished, question }: Change): boolean {
  return finished === "asked" && question?.reason === "priority"
}

function saysOf(change: Change, live: boolean): string {
  switch (change.finished) {
    case "merged":
      return `merged as ${change.merged?.slice(0, 10) ?? "?"}`
    case "already_fixed":
      return change.attempts.some((attempt) => attempt.made !== undefined)
        ? "fixed on the base meanwhile, by somebody else"
        : "already fixed on the base; not attempted"
    case "closed":
      return change.answer?.is === "close" ? `closed: ${change.answer.why}` : "closed"
    case "proposed":
      return `proposed on ${change.proposal?.branch ?? "?"}${choiceWords(change)}`
    case "reported":
      return `accepted; the loop only reports${choiceWords(change)}`
    case "asked":
      if (isKeptBack(change)) return "waits for its turn (priority): loops above its own go first"
      return `asks (${change.question?.reason ?? "?"})`
    case "stopped":
      return `stopped (${change.stopped?.reason ?? "?"})`
    default:
      return live ? `attempt ${Math.max(1, change.attempts.length + (isToCome(change) ? 1 : 0))}` : waitsFor(change)
  }
}

function waitsFor(change: Change): string {
  if (change.answer?.is === "approve") return "approved: not landed yet"
  return change.answer !== undefined && isToCome(change)
    ? `answered: the next run makes attempt ${change.attempts.length + 1}`
    : "parked: the next run goes on with it"
}

/** Whether a person's word opened an attempt that has not begun: those before it are another series. */
function isToCome({ attempts, guardedFrom, answer }: Change): boolean {
  const asked = answer?.is === "retry" || answer?.is === "answer"
  return (asked || guardedFrom > 0) && attempts.length === guardedFrom
}

function reasonOf({ question, stopped }: Change): { reason?: string; question?: string } {
  if (question !== undefined) return { reason: question.reason, question: question.text }
  return stopped === undefined ? {} : { reason: stopped.reason, question: stopped.detail }
}

/** Without the workspace that was made for a maker against whom the planner spoke. */
function begun({ attempts, planned }: Change): Attempt[] {
  if (planned?.came?.is !== "stop") return attempts
  return attempts.filter((each) => each.agent !== undefined || each.made !== undefined)
}

function choiceIn({ attempts }: Change): ReturnType<typeof choiceOf> {
  const round = roundsOf(attempts).at(-1)
  return round === undefined ? undefined : choiceOf(round)
}

function choiceWords(change: Change): string {
  const choice = choiceIn(change)
  return choice === undefined ? "" : `; ${choiceLine(choice)}`
}

/** Which of several attempts was chosen, and why, in one line. */
export function choiceLine({ made, of, attempt, why }: NonNullable<ChangeView["choice"]>): string {
  return `best of ${of}${made < of ? ` (${made} made)` : ""}: attempt ${attempt} chosen, because ${why}`
}

/** What planners said and cost, as people see it. */
export function planView({ agent, model, came, spend, reservedUsd }: Planned): PlanView {
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(came === undefined ? {} : { came }),
    usd: spend.usd + reservedUsd,
    basis: spend.basis,
  }
}

/** An attempt as people see it. */
export function attemptView(attempt: Attempt): AttemptView {
  return {
    n: attempt.n,
    ...(attempt.agent === undefined ? {} : { agent: attempt.agent }),
    ...(attempt.model === undefined ? {} : { model: attempt.model }),
    outcome: outcomeOf(attempt),
    ...(attempt.made?.is === "commit" ? { head: attempt.made.head } : {}),
    ...(attempt.diff === undefined || attempt.diff.outside.length === 0 ? {} : { outside: attempt.diff.outside }),
    evidence: attempt.evidence,
    usd: attempt.spend.usd + attempt.reservedUsd,
    basis: attempt.spend.basis,
    ...(attempt.makerSpend === undefined || attempt.agent === undefined
      ? {}
      : { maker: { usd: attempt.makerSpend.usd, basis: attempt.makerSpend.basis } }),
    ...(attempt.verdict === undefined ? {} : { verdict: attempt.verdict.is }),
  }
}

/** One line on what an attempt came to. */
export function outcomeOf({ standing, made, verdict, evidence, agent }: Attempt): string {
  if (standing === "gone") return "not made: already fixed on the base"
  if (made === undefined) return "under way"
  if (made.is === "nothing") return "changed nothing"
  if (made.is === "stop") return `the maker stopped (${made.stop}): ${made.reason}`
  if (made.is === "failed" && agent === undefined) return `not begun: ${made.why}`
  if (made.is === "failed") return `did not end well (${made.code}): ${made.why}`
  const red = evidence.filter((each) => each.outcome === "fail" || each.outcome === "error")
  if (verdict === undefined) return "not verified yet"
  if (verdict.is === "accept")
    return `accepted: ${evidence
      .filter((each) => each.outcome === "pass")
      .map((each) => each.check)
      .join(", ")}`
  return red.length === 0 ? verdict.is : red.map((each) => `${each.check}: ${each.summary}`).join("; ")
}
