import { sql, type Transaction } from "kysely"
import { startOfDay, startOfMonth } from "../lib/day.ts"
import type { Db, Tables } from "./database.ts"
import { type LedgerTime, ledgerTime } from "./ledger-time.ts"
import { transact } from "./patient-pool.ts"

/** Dollars and tokens: every ceiling is of one of the two, and every reserve of both. */
export type Amount = { usd: number; tokens: number }
export type Unit = keyof Amount

/**
 * What a ceiling is of: one change, one run, a loop's day, a repository's month, or the day of all that this ledger knows.
 * None hangs on an id that a retry renews.
 */
export type Ceiling = "change" | "run" | "day" | "month" | "fleet"

/** Days and months are those of `timeZone`. */
export type Ceilings = { limits: readonly { ceiling: Ceiling; unit: Unit; limit: number }[]; timeZone: string }

export type ReserveRequest = {
  change: string
  key: string
  repo: string
  loop: string
  run: string
  /** What is asked for; of tokens 0 where nothing counts them. */
  usd: number
  tokens?: number
  /** The price is fixed: less than `usd` is of no use. */
  whole?: boolean
  ceilings: Ceilings
}
export type Reserved = ({ is: "granted"; near: Standing[] } & Amount) | ({ is: "denied"; asked: number } & Standing)

/** What is used of a ceiling, spent or set aside; `ahead` where the clock's new day is not believed yet. */
export type Standing = { ceiling: Ceiling; unit: Unit; limit: number; used: number; ahead?: LedgerTime["ahead"] }

/** Settles a reserve together with the event that tells what was spent; `dead`, what nobody will settle any more, in full. */
export type Settlement =
  | { key: string; usd: number; tokens: number; basis: string }
  /** The reserve under this key, or all that stand. */
  | { dead: string | "all" }

/** From this share of a ceiling on, who watches is told. */
export const NEAR = 0.8

/**
 * Sets money aside before it is spent: min(what is asked, what is left under every ceiling), or nothing when
 * nothing is left, or not the whole price of something that has one. Reserves that stand count as spent, so changes in
 * parallel can't overdraw together. The same key again returns the reserve that stands.
 */
export function reserve(db: Db, request: ReserveRequest): Promise<Reserved> {
  return transact(() => db.transaction().execute((tx) => reserveIn(tx, request)))
}

async function reserveIn(tx: Transaction<Tables>, request: ReserveRequest): Promise<Reserved> {
  await lockMoney(tx)
  const known = await standingReserve(tx, request)
  if (known !== undefined) return { is: "granted", near: [], usd: known.usd, tokens: known.tokens }
  const { change, key, repo, loop, run, usd, tokens = 0, whole = false } = request
  const asked: Amount = { usd, tokens }
  const time = await ledgerTime(tx)
  const standings = await ceilingsNow(tx, request, time)
  const left = { ...asked }
  for (const standing of standings) {
    const { unit, limit, used } = standing
    if (asked[unit] === 0) continue
    const free = limit - used
    if (free <= NOTHING[unit] || (whole && unit === "usd" && usd - free > NOTHING.usd))
      return { is: "denied", ...standing, asked: asked[unit] }
    left[unit] = Math.min(left[unit], free)
  }
  const row = { change, key, repo, loop, run, reserved_usd: left.usd, reserved_tokens: left.tokens, at: time.now }
  await tx.insertInto("money").values(row).execute()
  const near = standings.filter(({ unit, limit, used }) => used + left[unit] >= NEAR * limit)
  return { is: "granted", near, ...left }
}

/**
 * Sets more aside under a reserve that stands: what is asked, or what is left under every ceiling. Says how much was added,
 * 0 where nothing is left or the reserve is settled already.
 */
export function addToReserve(db: Db, request: ReserveRequest): Promise<number> {
  return transact(() => db.transaction().execute((tx) => addIn(tx, request)))
}

async function addIn(tx: Transaction<Tables>, request: ReserveRequest): Promise<number> {
  await lockMoney(tx)
  if ((await standingReserve(tx, request))?.stands !== true) return 0
  const dollars = (await ceilingsNow(tx, request)).filter(({ unit }) => unit === "usd")
  const added = dollars.reduce((least, { limit, used }) => Math.min(least, limit - used), request.usd)
  if (added <= NOTHING.usd) return 0
  await tx
    .updateTable("money")
    .set({ reserved_usd: sql<number>`reserved_usd + ${added}` })
    .where("change", "=", request.change)
    .where("key", "=", request.key)
    .execute()
  return added
}

/** One at a time over all loops: some ceilings are of all of them. It takes a millisecond, once an attempt. */
async function lockMoney(tx: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('flyball:money', 0))`.execute(tx)
}

async function standingReserve(
  tx: Transaction<Tables>,
  { change, key }: Pick<ReserveRequest, "change" | "key">,
): Promise<(Amount & { stands: boolean }) | undefined> {
  const row = await tx
    .selectFrom("money")
    .select(["reserved_usd", "reserved_tokens", "settled_usd"])
    .where("change", "=", change)
    .where("key", "=", key)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return { usd: row.reserved_usd, tokens: row.reserved_tokens, stands: row.settled_usd === null }
}

type Place = Pick<ReserveRequest, "repo" | "loop" | "run" | "ceilings"> & { change?: string }

/** What is left of a loop's money, before anything is begun that would cost some. */
export async function ceilingsNow(
  db: Db | Transaction<Tables>,
  { change, repo, loop, run, ceilings: { limits, timeZone } }: Place,
  known?: LedgerTime,
): Promise<Standing[]> {
  const dated = limits.some(({ ceiling }) => ceiling !== "change" && ceiling !== "run")
  const time = dated ? (known ?? (await ledgerTime(db))) : undefined
  const day = time === undefined ? new Date(0) : startOfDay(time.now, timeZone)
  const month = time === undefined ? new Date(0) : startOfMonth(time.now, timeZone)
  const narrowed: Record<Ceiling, (query: MoneyQuery) => MoneyQuery> = {
    change: (query) => query.where("change", "=", change ?? ""),
    run: (query) => query.where("run", "=", run),
    // What stands under a later date, since the clock was ahead once, counts too.
    day: (query) => query.where("repo", "=", repo).where("loop", "=", loop).where("at", ">=", day),
    month: (query) => query.where("repo", "=", repo).where("at", ">=", month),
    fleet: (query) => query.where("at", ">=", day),
  }
  const standings: Standing[] = []
  for (const { ceiling, unit, limit } of limits) {
    const used = (await usedOf(db, narrowed[ceiling]))[unit]
    const isDated = ceiling !== "change" && ceiling !== "run"
    const ahead = isDated && time?.ahead !== undefined ? { ahead: time.ahead } : {}
    standings.push({ ceiling, unit, limit, used, ...ahead })
  }
  return standings
}

/** What a repository (or one loop of it) has cost since a moment, or in all, US dollars. */
export async function spentSince(db: Db, where: { repo: string; loop?: string }, since?: Date): Promise<number> {
  const used = await usedOf(db, (query) =>
    query
      .where("repo", "=", where.repo)
      .$if(where.loop !== undefined, (narrowed) => narrowed.where("loop", "=", where.loop ?? ""))
      .$if(since !== undefined, (narrowed) => narrowed.where("at", ">=", since ?? new Date(0))),
  )
  return used.usd
}

/** What a set of changes has cost or still holds in reserve, US dollars. */
export async function spentUsd(db: Db, changes: readonly string[]): Promise<number> {
  if (changes.length === 0) return 0
  return (await usedOf(db, (query) => query.where("change", "in", [...changes]))).usd
}

/** Less than this is nothing: no model answers for it. */
const NOTHING: Amount = { usd: 0.000_1, tokens: 0 }

type MoneyQuery = ReturnType<typeof moneyQuery>

/** A reserve counts in full until it is settled. */
function moneyQuery(tx: Db | Transaction<Tables>) {
  return tx
    .selectFrom("money")
    .select([
      sql<number>`coalesce(sum(coalesce(settled_usd, reserved_usd)), 0)`.as("usd"),
      sql<number>`coalesce(sum(case when settled_usd is null then reserved_tokens else coalesce(tokens, 0) end), 0)::float8`.as(
        "tokens",
      ),
    ])
}

function usedOf(tx: Db | Transaction<Tables>, narrow: (query: MoneyQuery) => MoneyQuery): Promise<Amount> {
  return narrow(moneyQuery(tx)).executeTakeFirstOrThrow()
}

/** Settles what was reserved for work that is no change's, and so leaves no event: an exploration. */
export async function settleReserve(db: Db, work: string, settlement: Settlement): Promise<void> {
  await transact(() => db.transaction().execute((tx) => settle(tx, work, settlement)))
}

/** Settles within a transaction; what is settled already stays as it is. */
export async function settle(tx: Transaction<Tables>, change: string, settlement: Settlement): Promise<void> {
  if ("dead" in settlement) return settleDead(tx, change, settlement.dead)
  const { key, usd, tokens, basis } = settlement
  await tx
    .updateTable("money")
    .set({ settled_usd: usd, tokens, basis })
    .where("change", "=", change)
    .where("key", "=", key)
    .where("settled_usd", "is", null)
    .execute()
}

/** What a dead process spent is not known: it is charged all that it had set aside. */
async function settleDead(tx: Transaction<Tables>, change: string, key: string): Promise<void> {
  await tx
    .updateTable("money")
    .set({
      settled_usd: sql<number>`reserved_usd`,
      tokens: sql<number>`ceil(reserved_tokens)::bigint`,
      basis: "unknown",
    })
    .where("change", "=", change)
    .$if(key !== "all", (query) => query.where("key", "=", key))
    .where("settled_usd", "is", null)
    .execute()
}
