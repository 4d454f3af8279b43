import type { Attempt, Change } from "./change.ts"

/*
 * Rounds: where `best_of` lets several makers try the same, each attempt is one of a round of siblings that start from one
 * commit and know nothing of each other. Without it every attempt is a round by itself. What is said of a round is said of
 * its best attempt: that one ships, or is gone on from, and guards compare it with those of other rounds.
 */

/** The number of the first attempt of its round. */
export function firstOf(attempt: Pick<Attempt, "n" | "round">): number {
  return attempt.round?.first ?? attempt.n
}

/** The attempts of each round, oldest first. */
export function roundsOf(attempts: readonly Attempt[]): [Attempt, ...Attempt[]][] {
  const rounds: [Attempt, ...Attempt[]][] = []
  for (const attempt of attempts) {
    const last = rounds.at(-1)
    if (last !== undefined && firstOf(last[0]) === firstOf(attempt)) last.push(attempt)
    else rounds.push([attempt])
  }
  return rounds
}

/** The attempts of earlier rounds than that of attempt `n`: all that it may know of. */
export function beforeRound(attempts: readonly Attempt[], n: number): Attempt[] {
  const own = attempts.find((attempt) => attempt.n === n)
  const first = own === undefined ? n : firstOf(own)
  return attempts.filter((attempt) => attempt.n < first)
}

/** Which round attempt `n` belongs to, from 1: the escalation ladder climbs by rounds. */
export function roundNumber(attempts: readonly Attempt[], n: number): number {
  return roundsOf(beforeRound(attempts, n)).length + 1
}

/** The attempt that goes for its round: by the gate's word first, then by what tells two of the same word apart. */
export function bestOf([first, ...rest]: readonly [Attempt, ...Attempt[]]): Attempt {
  return rest.reduce((best, attempt) => (compare(attempt, best) < 0 ? attempt : best), first)
}

/** The attempt that goes for the change: the best of its last round. */
export function chosenOf({ attempts }: Pick<Change, "attempts">): Attempt | undefined {
  const round = roundsOf(attempts).at(-1)
  return round === undefined ? undefined : bestOf(round)
}

/** The commit on which attempt `n` goes on: the best that an earlier round left; undefined for the base. */
export function startOf(attempts: readonly Attempt[], n: number): string | undefined {
  const heads = roundsOf(beforeRound(attempts, n)).map((round) => bestOf(round).made)
  const made = heads.findLast((each) => each?.is === "commit")
  return made?.is === "commit" ? made.head : undefined
}

/**
 * The sibling that left the very files that attempt `n` did, and was judged on this base: what was said of them holds for both,
 * and nobody is paid to say it again. Undefined where there is none, or where the machine kept it from being judged.
 */
export function twinOf(attempts: readonly Attempt[], n: number, base: string): Attempt | undefined {
  const own = attempts.find((attempt) => attempt.n === n)
  if (own?.made?.is !== "commit" || own.round === undefined) return undefined
  const { tree } = own.made
  return attempts.find(
    (other) =>
      other.n < n &&
      firstOf(other) === firstOf(own) &&
      other.base === own.base &&
      other.made?.is === "commit" &&
      other.made.tree === tree &&
      other.verifiedBase === base &&
      other.verdict !== undefined &&
      other.evidence.length > 0 &&
      !other.evidence.some(({ blame }) => blame === "infrastructure"),
  )
}

export type Choice = {
  /** How many were made, and how many were to be. */
  made: number
  of: number
  attempt: number
  why: string
}

/** Which attempt the gate chose of a round of several, and why that one; undefined while there is nothing to choose. */
export function choiceOf(round: readonly [Attempt, ...Attempt[]]): Choice | undefined {
  const of = round[0].round?.of ?? 1
  const best = bestOf(round)
  const over = round.length === of || best.verdict !== undefined
  if (of === 1 || !over || best.made?.is !== "commit" || best.verdict === undefined) return undefined
  const others = round.filter((attempt) => attempt !== best)
  const [next, ...rest] = others
  const why = next === undefined ? "no other was made" : whyBetter(best, bestOf([next, ...rest]))
  return { made: round.filter((attempt) => attempt.made !== undefined).length, of, attempt: best.n, why }
}

/** The first thing in which the best differs from the next best, in words. */
function whyBetter(best: Attempt, next: Attempt): string {
  const measure = measures.find(({ of }) => of(best) !== of(next))
  if (measure === undefined) return "it came first, and nothing else tells them apart"
  return measure.says(best, next)
}

function compare(a: Attempt, b: Attempt): number {
  const measure = measures.find(({ of }) => of(a) !== of(b))
  return measure === undefined ? a.n - b.n : measure.of(a) - measure.of(b)
}

/** Less is better, and what comes first decides first. */
const measures: readonly { of(attempt: Attempt): number; says(best: Attempt, next: Attempt): string }[] = [
  {
    of: rankOf,
    says: (best) =>
      best.verdict?.is === "accept" ? "the gate accepted no other" : `the gate's word on it is "${best.verdict?.is}"`,
  },
  // Of those that are not accepted, the one that came further.
  { of: (attempt) => (isAccepted(attempt) ? 0 : -passed(attempt)), says: () => "it passed more checks" },
  { of: (attempt) => (isAccepted(attempt) ? 0 : failing(attempt)), says: () => "less fails with it" },
  {
    of: caveats,
    says: (best, next) => `fewer caveats (${caveats(best)}, the next has ${caveats(next)})`,
  },
  { of: lines, says: (best, next) => `a smaller diff (${lines(best)} lines, the next has ${lines(next)})` },
  {
    of: (attempt) => attempt.spend.usd,
    says: (best, next) => `it was cheaper ($${best.spend.usd.toFixed(2)}, the next cost $${next.spend.usd.toFixed(2)})`,
  },
]

/** What an attempt came to, best first: nothing that was made stands above a maker that could not do it. */
function rankOf({ made, verdict, agent }: Attempt): number {
  if (made?.is === "commit")
    return verdict === undefined ? 4 : ({ accept: 0, ask: 1, retry: 2, reject: 3 } as const)[verdict.is]
  if (made?.is === "nothing") return 5
  if (made?.is === "failed") return agent === undefined ? 8 : 6
  return made === undefined ? 9 : 7
}

function isAccepted({ verdict }: Attempt): boolean {
  return verdict?.is === "accept"
}

function passed({ evidence }: Attempt): number {
  return evidence.filter((each) => each.outcome === "pass").length
}

function failing({ evidence }: Attempt): number {
  const red = evidence.filter((each) => each.outcome === "fail" || each.outcome === "error")
  return red.reduce((sum, each) => sum + Math.max(1, each.failing.length), 0)
}

function caveats({ evidence }: Attempt): number {
  return new Set(evidence.flatMap((each) => each.caveats)).size
}

function lines({ diff, made }: Attempt): number {
  return diff?.lines ?? (made?.is === "commit" ? made.files : 0)
}
