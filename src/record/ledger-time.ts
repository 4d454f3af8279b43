import { sql, type Transaction } from "kysely"
import { type Boot, thisBoot } from "../lib/boot.ts"
import type { Db, Tables } from "./database.ts"

/** Clocks are put right by seconds all the time. */
const SLACK_S = 5 * 60
/** So long the machine must have run on with a clock that went ahead before that is believed. */
const BELIEVED_AFTER_S = 60 * 60

/** `ahead`: the clock says more than has passed, and is not believed yet. */
export type LedgerTime = { now: Date; ahead?: { bySeconds: number; believedInSeconds: number } }

/**
 * The time that money goes by: the database's clock, which no process can set. It may be this machine's, and that can be
 * set; so what it says is held against how long the machine has run. A clock that went ahead by more than that is believed
 * only after an hour with it: time enough to put a mistake right, and a machine that was frozen for a night goes on soon.
 */
export async function ledgerTime(db: Db | Transaction<Tables>, boot = thisBoot()): Promise<LedgerTime> {
  if (boot === undefined) return { now: (await look(db, "")).wall }
  const { wall, at, uptime, aheadSince } = await look(db, boot.id)
  if (at === null || uptime === null || boot.seconds < uptime) return anchored(db, boot, wall)
  const expected = new Date(at.getTime() + (boot.seconds - uptime) * 1000)
  const bySeconds = (wall.getTime() - expected.getTime()) / 1000
  if (bySeconds < -SLACK_S) return anchored(db, boot, wall)
  if (bySeconds <= SLACK_S) {
    // Clocks drift apart: the two are brought together before that looks like more.
    return Math.abs(bySeconds) < SLACK_S / 5 && aheadSince === null ? { now: wall } : anchored(db, boot, wall)
  }
  const since = aheadSince ?? boot.seconds
  const believedInSeconds = since + BELIEVED_AFTER_S - boot.seconds
  if (believedInSeconds <= 0) return anchored(db, boot, wall)
  if (aheadSince === null)
    await db.updateTable("clock").set({ ahead_since: since }).where("boot", "=", boot.id).execute()
  return { now: expected, ahead: { bySeconds, believedInSeconds } }
}

type Looked = { wall: Date; at: Date | null; uptime: number | null; aheadSince: number | null }

async function look(db: Db | Transaction<Tables>, boot: string): Promise<Looked> {
  const { rows } = await sql<Looked>`select clock_timestamp() as wall, c.at, c.uptime, c.ahead_since as "aheadSince"
    from (select 1) one left join flyball.clock c on c.boot = ${boot}`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error("the database does not tell the time")
  return row
}

/** From here on the machine's own running time says how much has passed. */
async function anchored(db: Db | Transaction<Tables>, { id, seconds }: Boot, at: Date): Promise<LedgerTime> {
  await db
    .insertInto("clock")
    .values({ boot: id, uptime: seconds, at, ahead_since: null })
    .onConflict((conflict) => conflict.column("boot").doUpdateSet({ uptime: seconds, at, ahead_since: null }))
    .execute()
  return { now: at }
}
