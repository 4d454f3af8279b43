import type { Attempt, Change } from "./change.ts"
import type { StopReason } from "./event.ts"
import { likeness } from "./likeness.ts"
import type { Guardrails } from "./loop.ts"
import { bestOf, roundsOf } from "./round.ts"

export type Stop = { reason: StopReason; detail: string }

/**
 * Whether a change that wants another attempt must stop instead, and by which rule. Looks only at the attempts
 * after a person's last word: their word opens a new series. Of siblings that tried the same, the best alone counts.
 */
export function guard(change: Change, guardrails: Guardrails): Stop | undefined {
  const rounds = roundsOf(change.attempts.slice(change.guardedFrom))
  const series = rounds.map(bestOf)
  const last = series.at(-1)
  if (last === undefined) return undefined
  // A person who answers after the cap grants one more attempt, not a whole new series of them.
  const granted = change.guardedFrom > 0
  const cap = granted ? 1 : guardrails.maxIterations
  return (
    noProgress(series, last, guardrails.haltOn.noProgress) ??
    sameError(series, last, guardrails.haltOn.sameError) ??
    repeatedOutput(series, last, guardrails.haltOn.repeatedOutput) ??
    (series.length >= cap
      ? {
          reason: "max_iterations",
          detail: granted
            ? `the attempt that a person's word opened is made too, ${change.attempts.length} in all; the last one: ${lastWord(last)}`
            : `${series.length} of ${cap} ${rounds.some((round) => round.length > 1) ? "rounds" : "attempts"} made; the last one: ${lastWord(last)}`,
        }
      : undefined)
  )
}

/** The same tree with the same failures, seen before: A→A and A→B→A alike (catalogue M4, T8). */
function noProgress(series: readonly Attempt[], last: Attempt, times: number): Stop | undefined {
  if (times <= 0) return undefined
  const state = stateOf(last)
  const same = series.filter((attempt) => stateOf(attempt) === state)
  if (same.length < times) return undefined
  const which = same.map((attempt) => attempt.n).join(" and ")
  return { reason: "no_progress", detail: `attempts ${which} ended in the same state: ${lastWord(last)}` }
}

/** Different trees, but one and the same set of failures, several times in a row. */
function sameError(series: readonly Attempt[], last: Attempt, times: number): Stop | undefined {
  const error = errorOf(last)
  if (times <= 0 || error === "" || series.length < times) return undefined
  if (!series.slice(-times).every((attempt) => errorOf(attempt) === error)) return undefined
  return { reason: "same_error", detail: `${times} attempts in a row failed alike: ${lastWord(last)}` }
}

function repeatedOutput(series: readonly Attempt[], last: Attempt, times: number | undefined): Stop | undefined {
  if (times === undefined || times <= 0 || last.output === undefined || series.length < times) return undefined
  const before = series.slice(-times)
  if (before.every((attempt) => attempt.output === last.output))
    return { reason: "no_progress", detail: `the agent said the very same thing ${times} times` }
  if (!before.every((attempt) => saysTheSame(attempt, last))) return undefined
  return { reason: "no_progress", detail: `the agent said nearly the same thing ${times} times` }
}

/** Outputs this alike are the same answer once more (catalogue M4). */
const ALIKE = 0.9

function saysTheSame(attempt: Attempt, last: Attempt): boolean {
  if (attempt.output === last.output) return true
  return attempt.said !== undefined && last.said !== undefined && likeness(attempt.said, last.said) >= ALIKE
}

/** What an attempt left: its tree, and what is red on it. A maker that changed nothing left the tree it got. */
function stateOf(attempt: Attempt): string {
  const tree = attempt.made?.is === "commit" ? attempt.made.tree : "unchanged"
  return JSON.stringify([tree, errorOf(attempt)])
}

function errorOf(attempt: Attempt): string {
  if (attempt.made?.is === "failed") return attempt.made.code
  const red = attempt.evidence.filter((each) => each.outcome === "fail" || each.outcome === "error")
  if (red.length === 0) return attempt.made?.is === "nothing" ? "nothing" : ""
  return JSON.stringify(
    red.map((each) => [each.check, each.outcome, each.failing.length > 0 ? each.failing : each.summary]),
  )
}

function lastWord(attempt: Attempt): string {
  if (attempt.made?.is === "failed") return attempt.made.why
  if (attempt.made?.is === "nothing") return "the maker changed nothing"
  return attempt.evidence.find((each) => each.outcome === "fail" || each.outcome === "error")?.summary ?? "no evidence"
}
