import { z } from "zod"
import { ownTimeZone, startOfDay } from "../../lib/day.ts"
import { readChanges } from "../../record/ledger.ts"
import { ledgerTime } from "../../record/ledger-time.ts"
import { spentSince } from "../../record/money.ts"
import { readRuns } from "../../record/runs.ts"
import { CostOf, costOverTime } from "../cost-over-time.ts"
import { readLeases } from "../leases.ts"
import type { Session } from "../session.ts"
import { SharedCeiling, sharedNow } from "../shared-ceilings.ts"
import { ChangeView, viewOf } from "../view.ts"
import { HaltView, standingHalts } from "./halt.ts"

export const StatusReport = z.object({
  repo: z.string(),
  /** What was halted and not resumed: nothing of it starts. */
  halted: z.array(HaltView),
  /** "embedded PostgreSQL" or the host of DATABASE_URL. */
  database: z.string(),
  /** False where no PostgreSQL can run and the database in process stands in: a kill at the wrong moment may damage it. */
  crashSafe: z.boolean(),
  changes: z.array(ChangeView),
  /** Changes whose process died or was parked: the loop's next run goes on with them. */
  parked: z.array(z.string()),
  runs: z.array(
    z.object({
      id: z.string(),
      loop: z.string(),
      trigger: z.string(),
      startedAt: z.string(),
      endedAt: z.string().optional(),
      live: z.boolean(),
    }),
  ),
  usd: z.object({ today: z.number(), total: z.number() }),
  /** What is left of the ceilings that loops share, and for whom. */
  ceilings: z.array(SharedCeiling),
  /** For one loop: what an accepted change cost, over time. */
  costs: z.array(CostOf).optional(),
  due: z.array(z.object({ loop: z.string(), trigger: z.string(), at: z.string() })),
})
export type StatusReport = z.infer<typeof StatusReport>

/** What is going on in this repository; read from the ledger alone, and from which executors live. */
export async function status(
  session: Session,
  loop: string | undefined,
): Promise<Omit<StatusReport, "due" | "database" | "crashSafe">> {
  const { db, pool, repo, home } = session
  const where = { repo: repo.key, ...(loop === undefined ? {} : { loop }) }
  const today = startOfDay((await ledgerTime(db)).now, ownTimeZone())
  const [changes, runs, leases, total, usdToday, ceilings] = await Promise.all([
    readChanges(db, where),
    readRuns(db, where, 5),
    readLeases(pool),
    spentSince(db, where),
    spentSince(db, where, today),
    sharedNow(session, loop),
  ])
  const live = new Set(leases.filter((each) => each.alive).map((each) => each.change))
  const executors = new Set(leases.filter((each) => each.alive).map((each) => each.executor))
  const views = changes.map((change) => viewOf(change, live.has(change.id)))
  return {
    repo: repo.root,
    halted: standingHalts(home),
    changes: views,
    parked: views.filter((view) => view.stage === "in_progress" && !live.has(view.id)).map((view) => view.id),
    runs: runs.map((run) => ({
      id: run.id,
      loop: run.loop.name,
      trigger: run.trigger,
      startedAt: run.startedAt.toISOString(),
      ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt.toISOString() }),
      live: run.endedAt === undefined && executors.has(run.executor),
    })),
    usd: { today: usdToday, total },
    ceilings,
    ...(loop === undefined ? {} : { costs: costOverTime(views, ownTimeZone()) }),
  }
}
