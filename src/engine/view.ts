import { z } from "zod"
import { type Attempt, type Change, spentOn } from "../core/change.ts"
import { Evidence } from "../core/evidence.ts"

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
  evidence: z.array(Evidence),
  usd: z.number(),
  basis: z.string(),
})
export type AttemptView = z.infer<typeof AttemptView>

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
  attempts: z.array(AttemptView),
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
  const last = change.attempts.at(-1)
  const made = last?.made
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
    ...(change.finished === undefined ? {} : { outcome: change.finished }),
    says: saysOf(change, live),
    ...(stageOf(change) === "needs_a_person" ? reasonOf(change) : {}),
    attempts: change.attempts.map(attemptView),
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
    case "stopped":
      return "needs_a_person"
    default:
      return "in_progress"
  }
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
      return `proposed on ${change.proposal?.branch ?? "?"}`
    case "reported":
      return "accepted; the loop only reports"
    case "asked":
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
function isToCome({ attempts, guardedFrom }: Change): boolean {
  return guardedFrom > 0 && attempts.length === guardedFrom
}

function reasonOf({ question, stopped }: Change): { reason?: string; question?: string } {
  if (question !== undefined) return { reason: question.reason, question: question.text }
  return stopped === undefined ? {} : { reason: stopped.reason, question: stopped.detail }
}

/** An attempt as people see it. */
export function attemptView(attempt: Attempt): AttemptView {
  return {
    n: attempt.n,
    ...(attempt.agent === undefined ? {} : { agent: attempt.agent }),
    ...(attempt.model === undefined ? {} : { model: attempt.model }),
    outcome: outcomeOf(attempt),
    ...(attempt.made?.is === "commit" ? { head: attempt.made.head } : {}),
    evidence: attempt.evidence,
    usd: attempt.spend.usd + attempt.reservedUsd,
    basis: attempt.spend.basis,
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
