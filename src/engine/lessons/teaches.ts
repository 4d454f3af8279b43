import type { Change } from "../../core/change.ts"
import type { Event, StopReason } from "../../core/event.ts"
import { bestOf, roundsOf } from "../../core/round.ts"

/** A change from which something may be learned. */
export type Teaching = {
  change: Change
  /** Why it is worth asking about, in words. */
  why: string[]
  /** What people said of it, oldest first. */
  words: string[]
  /** The same as long as nothing more happened to it that teaches. */
  signature: string
}

/** Guards that stop what does not get better; what the machine, the money or the clock stopped teaches nothing. */
const guards: ReadonlySet<StopReason> = new Set(["same_error", "no_progress", "max_iterations"])
/** Questions that come of two who differ. */
const disagreements: ReadonlySet<StopReason> = new Set(["reviewer_asks", "reviewers_disagree"])

/** What a change teaches; undefined of a smooth one, and of a proposal of lessons. Pure. */
export function teachingOf(change: Change, events: readonly Event[]): Teaching | undefined {
  if (change.finding.lessons !== undefined) return undefined
  const words = events.flatMap(({ body }) => wordOf(body))
  const stops = events.flatMap(({ body }) => (body.type === "stopped" && guards.has(body.reason) ? [body.reason] : []))
  const differed = events.some(({ body }) => body.type === "asked" && disagreements.has(body.reason))
  // Those who tried side by side are one try: the gate chose among them.
  const rounds = roundsOf(change.attempts.filter((attempt) => attempt.made !== undefined))
  const last = rounds.at(-1)
  const tried = rounds.length
  const accepted = last !== undefined && bestOf(last).verdict?.is === "accept"
  const why = [
    ...(tried > 1 && accepted ? [`it took ${tried} tries until it was accepted`] : []),
    ...(words.length > 0 ? ["a person had something to say of it"] : []),
    ...[...new Set(stops)].map((reason) => `a guard rail stopped it (${reason})`),
    ...(differed ? ["those who judged it did not agree"] : []),
  ]
  if (why.length === 0) return undefined
  const signature = JSON.stringify([accepted ? tried : 0, words.length, stops.length, differed])
  return { change, why, words, signature }
}

function wordOf(body: Event["body"]): string[] {
  if (body.type !== "answered" || body.answer.is === "approve") return []
  const text = body.answer.is === "answer" ? body.answer.text : body.answer.why
  // A nod to begin says nothing of the work.
  return text.trim() === "" || text === NOD ? [] : [text]
}

/** What a change is told that a person let begin: nothing that its finding doesn't say. */
export const NOD = "It may be attempted."
