import { sql, type Transaction } from "kysely"
import { goesBefore, type Priority, shareOf } from "../core/priority.ts"
import { startOfDay, startOfMonth, startOfNextDay, startOfNextMonth } from "../lib/day.ts"
import type { Db, Tables } from "./database.ts"
import { type LedgerTime, ledgerTime } from "./ledger-time.ts"
import { loopsSince, type RankedLoop } from "./loops.ts"
import { transact } from "./patient-pool.ts"

/** Dollars and tokens: every ceiling is of one of the two, and every reserve of both. */
export type Amount = { usd: number; tokens: number }
export type Unit = keyof Amount

/**
 * What a ceiling is of: one change, one run, a loop's day, a repository's month, or the day of all that this ledger knows.
 * None hangs on an id that a retry renews.
 */
export type Ceiling = "change" | "run" | "day" | "month" | "fleet"

/** Days and months are those of `timeZone`, which is asked for only where one counts; of what loops share, `priority` says how much is this one's to take. */
export type Ceilings = {
  limits: readonly { ceiling: Ceiling; unit: Unit; limit: number }[]
  timeZone: () => string
  priority?: Priority | undefined
}

/** The ceilings that several loops share: of these alone something is kept for those above. */
export const sharedCeilings: ReadonlySet<Ceiling> = new Set(["month", "fleet"])

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
/** `byPriority`: there is enough, and it is kept for loops above this one. */
export type Reserved =
  | ({ is: "granted"; near: Standing[] } & Amount)
  | ({ is: "denied"; asked: number; byPriority: boolean } & Standing)

/** What is used of a ceiling, spent or set aside; `ahead` where the clock's new day is not believed yet. */
export type Standing = {
  ceiling: Ceiling
  unit: Unit
  limit: number
  used: number
  ahead?: LedgerTime["ahead"]
  /** When it begins anew, for one of a day or a month. */
  endsAt?: Date
  /** What this loop leaves to those above it; absent where it may take all. */
  kept?: Kept
}

/** Part of a shared ceiling: how much, by whose priority, and for whom that is known. */
export type Kept = { amount: number; by: Priority; for: readonly RankedLoop[] }

/** What was added to a reserve; `kept` where there was more, for loops above this one. */
export type Extended = { usd: number; kept?: Standing }

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
  const denied = deniedBy(standings, asked, whole)
  if (denied !== undefined) return denied
  const left = { ...asked }
  for (const standing of standings) left[standing.unit] = Math.min(left[standing.unit], freeOf(standing))
  const row = { change, key, repo, loop, run, reserved_usd: left.usd, reserved_tokens: left.tokens, at: time.now }
  await tx.insertInto("money").values(row).execute()
  const near = standings.filter(({ unit, limit, used }) => used + left[unit] >= NEAR * limit)
  return { is: "granted", near, ...left }
}

/** What stands in the way: rather a ceiling that is reached than what is kept for others, who will leave room again. */
function deniedBy(standings: readonly Standing[], asked: Amount, whole: boolean): Reserved | undefined {
  const isShort = (free: number, unit: Unit) =>
    free <= NOTHING[unit] || (whole && unit === "usd" && asked.usd - free > NOTHING.usd)
  const claimed = standings.filter(({ unit }) => asked[unit] > 0)
  const reached = claimed.find(({ unit, limit, used }) => isShort(limit - used, unit))
  const standing = reached ?? claimed.find((each) => isShort(freeOf(each), each.unit))
  if (standing === undefined) return undefined
  return { is: "denied", ...standing, asked: asked[standing.unit], byPriority: reached === undefined }
}

/** What a loop may still take of a ceiling. */
export function freeOf({ limit, used, kept }: Pick<Standing, "limit" | "used" | "kept">): number {
  return limit - used - (kept?.amount ?? 0)
}

/**
 * Sets more aside under a reserve that stands: what is asked, or what is left under every ceiling. Says how much was added,
 * 0 where nothing is left or the reserve is settled already. `note` writes it down in the same transaction.
 */
export function addToReserve(
  db: Db,
  request: ReserveRequest,
  note?: (tx: Transaction<Tables>, usd: number, total: number) => Promise<void>,
): Promise<Extended> {
  return transact(() =>
    db.transaction().execute(async (tx) => {
      const { total, ...extended } = await addIn(tx, request)
      if (total !== undefined) await note?.(tx, extended.usd, total)
      return extended
    }),
  )
}

async function addIn(tx: Transaction<Tables>, request: ReserveRequest): Promise<Extended & { total?: number }> {
  await lockMoney(tx)
  if ((await standingReserve(tx, request))?.stands !== true) return { usd: 0 }
  const dollars = (await ceilingsNow(tx, request)).filter(({ unit }) => unit === "usd")
  const scarcest = dollars.reduce<Standing | undefined>(
    (least, each) => (least === undefined || freeOf(each) < freeOf(least) ? each : least),
    undefined,
  )
  const added = Math.min(request.usd, scarcest === undefined ? request.usd : freeOf(scarcest))
  const isThere = dollars.every(({ limit, used }) => limit - used >= request.usd - NOTHING.usd)
  const kept = scarcest?.kept !== undefined && isThere && added < request.usd - NOTHING.usd ? { kept: scarcest } : {}
  if (added <= NOTHING.usd) return { usd: 0, ...kept }
  const row = await tx
    .updateTable("money")
    .set({ reserved_usd: sql<number>`reserved_usd + ${added}` })
    .where("change", "=", request.change)
    .where("key", "=", request.key)
    // Its end settles it without the lock above, and may have come in between.
    .where("settled_usd", "is", null)
    .returning("reserved_usd")
    .executeTakeFirst()
  return row === undefined ? { usd: 0 } : { usd: added, total: row.reserved_usd, ...kept }
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
  { change, repo, loop, run, ceilings: { limits, timeZone, priority = "normal" } }: Place,
  known?: LedgerTime,
): Promise<Standing[]> {
  const dated = limits.some(({ ceiling }) => ceiling !== "change" && ceiling !== "run")
  const time = dated ? (known ?? (await ledgerTime(db))) : undefined
  const shares = time !== undefined && priority !== "high" && limits.some(({ ceiling }) => sharedCeilings.has(ceiling))
  const since = new Date((time?.now.getTime() ?? 0) - REMEMBERED_MS)
  const others = shares ? await loopsSince(db, { but: { repo, loop }, since }) : []
  const zone = time === undefined ? "UTC" : timeZone()
  const day = time === undefined ? new Date(0) : startOfDay(time.now, zone)
  const month = time === undefined ? new Date(0) : startOfMonth(time.now, zone)
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
    const end = ceiling === "month" ? startOfNextMonth : startOfNextDay
    const endsAt = isDated && time !== undefined ? { endsAt: end(time.now, zone) } : {}
    const sharers = others.filter((other) => ceiling === "fleet" || other.repo === repo)
    const kept = sharedCeilings.has(ceiling) ? keptOf(limit, priority, sharers) : undefined
    standings.push({ ceiling, unit, limit, used, ...ahead, ...endsAt, ...(kept === undefined ? {} : { kept }) })
  }
  return standings
}

/** What a loop of this priority leaves of a ceiling to those who share it and go before it. */
function keptOf(limit: number, by: Priority, sharers: readonly RankedLoop[]): Kept | undefined {
  const above = sharers.filter(({ priority }) => goesBefore(priority, by))
  const amount = limit - limit * shareOf(by, above.some(isHigh))
  return amount === 0 ? undefined : { amount, by, for: above }
}

function isHigh({ priority }: RankedLoop): boolean {
  return priority === "high"
}

/** A loop that was not at work for so long keeps nothing from others any more. */
const REMEMBERED_MS = 31 * 24 * 60 * 60 * 1000

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
    .set({ settled_usd: Math.min(usd, MOST_USD), tokens: Math.min(Math.ceil(tokens), MOST_TOKENS), basis })
    .where("change", "=", change)
    .where("key", "=", key)
    .where("settled_usd", "is", null)
    .execute()
}

/** An agent may report any number: sums of these are still sums. */
const MOST_USD = 1_000_000_000
const MOST_TOKENS = 1_000_000_000_000_000

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
