import { z } from "zod"
import { startOfDay } from "../lib/day.ts"
import type { ChangeView } from "./view.ts"

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
  for (const view of views.filter(({ usd, outcome }) => usd > 0 || isAccepted(outcome))) {
    const day = dayOf(view).toLocaleDateString("sv-SE", { timeZone })
    const from = byWeek ? mondayOf(day) : day
    groups.set(from, [...(groups.get(from) ?? []), view])
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(-MOST)
    .map(([from, of]) => {
      const accepted = of.filter(({ outcome }) => isAccepted(outcome)).length
      const usd = of.reduce((sum, each) => sum + each.usd, 0)
      const each = accepted === 0 ? {} : { usdPerAccepted: usd / accepted }
      return { from, days: byWeek ? 7 : 1, accepted, usd, ...each }
    })
}

function isAccepted(outcome: ChangeView["outcome"]): boolean {
  return outcome === "proposed" || outcome === "merged" || outcome === "reported"
}

function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.toISOString().slice(0, 10)
}
