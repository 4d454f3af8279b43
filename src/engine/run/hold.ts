import { sql } from "kysely"
import type { Loop } from "../../core/loop.ts"
import { readChanges } from "../../record/ledger.ts"
import { ceilingsOf } from "../money.ts"
import type { Session } from "../session.ts"
import type { Hold } from "../work.ts"

/**
 * Whether a new change may be begun now. Over `review_wip` unreviewed proposals a loop stops producing, and what is
 * under way may become one (catalogue P3); with a ceiling used up, nothing more is opened only to be stopped.
 */
export async function holdNew(session: Session, loop: Loop, run: string, underWay: number): Promise<Hold | undefined> {
  const changes = await readChanges(session.db, { repo: session.repo.key, loop: loop.name })
  const waiting = changes.filter((change) => change.finished === "proposed").length
  const { reviewWip } = loop.guardrails
  if (loop.steps.ship !== undefined && waiting + underWay >= reviewWip) {
    return {
      reason: "review_wip",
      detail: `${waiting} of its proposals wait for review, and review_wip is ${reviewWip}: see \`flyball inbox\``,
    }
  }
  const { usdPerRun, usdPerDay, dayStart } = ceilingsOf(loop)
  if (usdPerRun !== undefined) {
    const used = await usedUsd(session, { run })
    if (used >= usdPerRun)
      return {
        reason: "budget",
        detail: `$${used.toFixed(2)} of $${usdPerRun.toFixed(2)} for this run is spent or reserved`,
      }
  }
  if (usdPerDay !== undefined) {
    const used = await usedUsd(session, { repo: session.repo.key, loop: loop.name, since: dayStart })
    if (used >= usdPerDay)
      return {
        reason: "budget",
        detail: `$${used.toFixed(2)} of $${usdPerDay.toFixed(2)} for this day is spent or reserved`,
      }
  }
  return undefined
}

async function usedUsd(
  { db }: Session,
  where: { run: string } | { repo: string; loop: string; since: Date },
): Promise<number> {
  const query = db
    .selectFrom("money")
    .select(sql<number>`coalesce(sum(coalesce(settled_usd, reserved_usd)), 0)`.as("usd"))
  const narrowed =
    "run" in where
      ? query.where("run", "=", where.run)
      : query.where("repo", "=", where.repo).where("loop", "=", where.loop).where("at", ">=", where.since)
  return (await narrowed.executeTakeFirstOrThrow()).usd
}
