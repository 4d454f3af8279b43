import { z } from "zod"
import { Priority } from "../core/priority.ts"
import { ceilingsNow, freeOf, type Standing, sharedCeilings } from "../record/money.ts"
import { loadAll } from "./due.ts"
import { readFleet } from "./fleet.ts"
import { ceilingsOf } from "./money.ts"
import type { Session } from "./session.ts"

/** A ceiling that loops share: what is used of it, and what is left for whom. */
export const SharedCeiling = z.object({
  /** This repository and month, or all loops of this user and the day. */
  ceiling: z.enum(["month", "fleet"]),
  unit: z.enum(["usd", "tokens"]),
  limit: z.number(),
  /** Spent or set aside. */
  used: z.number(),
  /** When it begins anew. */
  endsAt: z.string(),
  /** The loops of this repository that it holds for, those that go first first; `left` is what each may still take. */
  loops: z.array(z.object({ loop: z.string(), priority: Priority, left: z.number() })),
})
export type SharedCeiling = z.infer<typeof SharedCeiling>

/** The shared ceilings of this repository's loops, or of one of them. */
export async function sharedNow(session: Session, only: string | undefined): Promise<SharedCeiling[]> {
  const { db, repo, home } = session
  const [{ loops }, fleet] = await Promise.all([loadAll(session), readFleet(home)])
  const found = new Map<string, SharedCeiling>()
  const wanted = loops.filter(({ name }) => only === undefined || name === only)
  for (const loop of wanted) {
    const all = ceilingsOf({ loop, fleet })
    const ceilings = { ...all, limits: all.limits.filter(({ ceiling }) => sharedCeilings.has(ceiling)) }
    if (ceilings.limits.length === 0) continue
    for (const standing of await ceilingsNow(db, { repo: repo.key, loop: loop.name, run: "", ceilings })) {
      const shared = asShared(standing)
      if (shared === undefined) continue
      const key = [shared.ceiling, shared.unit, shared.limit, shared.endsAt].join(" ")
      const known = found.get(key) ?? shared
      const priority = loop.guardrails.priority ?? "normal"
      known.loops.push({ loop: loop.name, priority, left: Math.max(0, freeOf(standing)) })
      found.set(key, known)
    }
  }
  const rank = ({ priority }: { priority: Priority }) => Priority.options.indexOf(priority)
  return [...found.values()].map((each) => ({ ...each, loops: each.loops.toSorted((a, b) => rank(a) - rank(b)) }))
}

function asShared({ ceiling, unit, limit, used, endsAt }: Standing): SharedCeiling | undefined {
  if ((ceiling !== "month" && ceiling !== "fleet") || endsAt === undefined) return undefined
  return { ceiling, unit, limit, used, endsAt: endsAt.toISOString(), loops: [] }
}
