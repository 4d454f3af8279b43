import { sql } from "kysely"
import type { Db } from "./database.ts"

/**
 * Removes rows that are old and prove nothing: findings that no run has seen for long and no change is of, and what triagers
 * said of such. Events, money, and what people said stay for good.
 */
export async function pruneLedger(
  db: Db,
  { before, dryRun }: { before: Date; dryRun: boolean },
): Promise<{ what: string; count: number }[]> {
  const findings = await pruneFindings(db, before, dryRun)
  const sorted = await pruneTriage(db, before, dryRun)
  const unanswered = await pruneUnanswered(db, before, dryRun)
  return [
    { what: "findings that nothing has seen since", count: findings },
    { what: "words of triagers that nothing has asked for since", count: sorted },
    { what: "agents asked in vain that nothing has asked since", count: unanswered },
  ].filter((each) => each.count > 0)
}

async function pruneFindings(db: Db, before: Date, dryRun: boolean): Promise<number> {
  const old = sql`last_seen_at < ${before} and not exists (
    select from flyball.change c where c.repo = f.repo and c.loop = f.loop and c.fingerprint = f.fingerprint)`
  const { rows } = dryRun
    ? await sql<{ count: string }>`select count(*) as count from flyball.finding f where ${old}`.execute(db)
    : await sql<{
        count: string
      }>`with gone as (delete from flyball.finding f where ${old} returning 1) select count(*) as count from gone`.execute(
        db,
      )
  return Number(rows[0]?.count ?? 0)
}

async function pruneTriage(db: Db, before: Date, dryRun: boolean): Promise<number> {
  const count = dryRun
    ? sql<{ count: string }>`select count(*) as count from flyball.triage where used_at < ${before}`
    : sql<{
        count: string
      }>`with gone as (delete from flyball.triage where used_at < ${before} returning 1) select count(*) as count from gone`
  const { rows } = await count.execute(db)
  return Number(rows[0]?.count ?? 0)
}

async function pruneUnanswered(db: Db, before: Date, dryRun: boolean): Promise<number> {
  const count = dryRun
    ? sql<{ count: string }>`select count(*) as count from flyball.unanswered where at < ${before}`
    : sql<{
        count: string
      }>`with gone as (delete from flyball.unanswered where at < ${before} returning 1) select count(*) as count from gone`
  const { rows } = await count.execute(db)
  return Number(rows[0]?.count ?? 0)
}
