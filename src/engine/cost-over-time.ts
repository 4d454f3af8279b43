import { z } from "zod"
import { Basis, leastTrusted } from "../core/spend.ts"
import { startOfDay } from "../lib/day.ts"
import type { ChangeView } from "./view.ts"

/**
 * What the first session alone came to, of each change that was accepted: no check, no review, no second try. So much a bare
 * agent would have cost, and so often it would have been wrong.
 */
export const BareAgent = z.object({
  /** Accepted changes whose first session is in the ledger. */
  changes: z.number().int(),
  /** The mean of those whose cost is known; absent where none is. */
  usdPerChange: z.number().optional(),
  /** The least trusted of what the mean is made of. */
  basis: Basis.optional(),
  /** Changes whose first session cost nobody knows what: in no mean. */
  unknown: z.number().int(),
  /** First sessions whose change the gate refused. */
  wrong: z.number().int(),
  /** First sessions that left nothing to judge. */
  nothing: z.number().int(),
  /** What checks, reviews and further tries cost on top, the mean of the same changes. */
  addedUsdPerChange: z.number().optional(),
})
export type BareAgent = z.infer<typeof BareAgent>

/** What a stretch of time cost, and what an accepted change cost in it, with all that came to nothing. */
export const CostOf = z.object({
  /** The day it begins on, `2026-11-16`. */
  from: z.string(),
  days: z.number().int(),
  /** Changes that were accepted: proposed, merged or reported. */
  accepted: z.number().int(),
  usd: z.number(),
  /** Absent where none was accepted. */
  usdPerAccepted: z.number().optional(),
  /** Beside it, what the first sessions of those changes alone came to; absent where none was accepted. */
  bare: BareAgent.optional(),
})
export type CostOf = z.infer<typeof CostOf>

const MOST = 8
const DAY_MS = 24 * 60 * 60 * 1000

/** By days while two weeks hold all of them, else by weeks that begin on Mondays; oldest first, empty ones left out. */
export function costOverTime(views: readonly ChangeView[], timeZone: string): CostOf[] {
  const dayOf = (view: ChangeView) => startOfDay(new Date(view.updatedAt), timeZone)
  const days = views.map((view) => dayOf(view).getTime())
  const byWeek = Math.max(...days) - Math.min(...days) >= 14 * DAY_MS
  const groups = new Map<string, ChangeView[]>()
  for (const view of views.filter(
    ({ usd, outcome, source }) => source !== "lessons" && (usd > 0 || isAccepted(outcome)),
  )) {
    const day = dayOf(view).toLocaleDateString("sv-SE", { timeZone })
    const from = byWeek ? mondayOf(day) : day
    groups.set(from, [...(groups.get(from) ?? []), view])
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(-MOST)
    .map(([from, of]) => {
      const accepted = of.filter(({ outcome }) => isAccepted(outcome))
      const usd = of.reduce((sum, each) => sum + each.usd, 0)
      const each = accepted.length === 0 ? {} : { usdPerAccepted: usd / accepted.length }
      const bare = bareAgent(accepted)
      const first = bare === undefined ? {} : { bare }
      return { from, days: byWeek ? 7 : 1, accepted: accepted.length, usd, ...each, ...first }
    })
}

function bareAgent(accepted: readonly ChangeView[]): BareAgent | undefined {
  const firsts = accepted.flatMap(({ attempts, usd, basis }) => {
    const first = attempts.find(({ n }) => n === 1)
    return first?.maker === undefined ? [] : [{ ...first, maker: first.maker, all: { usd, basis } }]
  })
  if (firsts.length === 0) return undefined
  const known = firsts.filter(({ maker }) => maker.basis !== "unknown")
  const whole = known.filter(({ all }) => all.basis !== "unknown")
  return {
    changes: firsts.length,
    ...(known.length === 0
      ? {}
      : {
          usdPerChange: mean(known.map(({ maker }) => maker.usd)),
          basis: leastTrusted(known.map((each) => each.maker.basis)),
        }),
    unknown: firsts.length - known.length,
    wrong: firsts.filter(({ verdict }) => verdict === "retry" || verdict === "reject").length,
    nothing: firsts.filter(({ head }) => head === undefined).length,
    ...(whole.length === 0 ? {} : { addedUsdPerChange: mean(whole.map(({ all, maker }) => all.usd - maker.usd)) }),
  }
}

function mean(of: readonly number[]): number {
  return of.reduce((sum, each) => sum + each, 0) / of.length
}

function isAccepted(outcome: ChangeView["outcome"]): boolean {
  return outcome === "proposed" || outcome === "merged" || outcome === "reported"
}

function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.toISOString().slice(0, 10)
}
