import { sql, type Transaction } from "kysely"
import { type Change, foldChange } from "../core/change.ts"
import { Event, type EventBody } from "../core/event.ts"
import { Failure } from "../core/failure.ts"
import { Finding } from "../core/finding.ts"
import type { Db, Folded, Tables } from "./database.ts"
import { transact } from "./patient-pool.ts"

/** Settles a reserve together with the event that tells what was spent; `dead`, what nobody will settle any more, in full. */
export type Settlement =
  | { key: string; usd: number; tokens: number; basis: string }
  /** The reserve under this key, or all that stand. */
  | { dead: string | "all" }

/**
 * Appends an event once: a second append under the same key changes nothing and returns the first, so every effect
 * can ask the ledger before it acts. The settlement goes into the same transaction.
 */
export async function append(
  db: Db,
  change: string,
  key: string,
  body: EventBody,
  settlement?: Settlement,
): Promise<Event> {
  const { fencedBy } = db
  if (settlement === undefined) return insertEvent(db, fencedBy, change, key, body)
  return transact(() =>
    db.transaction().execute(async (tx) => {
      const event = await insertEvent(tx, fencedBy, change, key, body)
      await settle(tx, change, settlement)
      return event
    }),
  )
}

/** Whether the executor still holds its work; one that was struck must not write, nor touch what the next one works on. */
export async function holdsWork(db: Db): Promise<boolean> {
  if (db.fencedBy === undefined) return true
  const row = await sql<{ id: string }>`select id from flyball.executor where id = ${db.fencedBy}`.execute(db)
  return row.rows.length > 0
}

async function insertEvent(
  db: Db | Transaction<Tables>,
  fencedBy: string | undefined,
  change: string,
  key: string,
  body: EventBody,
): Promise<Event> {
  if (fencedBy !== undefined) return insertFenced(db, fencedBy, change, key, body)

  const row = await db
    .insertInto("event")
    .values({ change, key, body: JSON.stringify(body) })
    .onConflict((conflict) => conflict.columns(["change", "key"]).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (row !== undefined) return asEvent(row)
  const known = await findEvent(db, change, key)
  if (known === undefined) throw new Error(`event ${key} of ${change} neither inserted nor found`)
  return known
}

/** The row of the executor is locked against being struck until the event is in: the two can't cross. */
async function insertFenced(
  db: Db | Transaction<Tables>,
  fencedBy: string,
  change: string,
  key: string,
  body: EventBody,
): Promise<Event> {
  const { rows } = await sql<{ seq: string; change: string; key: string; at: Date; body: unknown }>`
    insert into flyball.event (change, key, body)
    select ${change}::text, ${key}::text, ${JSON.stringify(body)}::jsonb
    from flyball.executor where id = ${fencedBy} for key share
    on conflict (change, key) do nothing returning *`.execute(db)
  const [row] = rows
  if (row !== undefined) return asEvent(row)
  const known = await findEvent(db, change, key)
  if (known !== undefined) return known
  throw new Failure(
    "EXECUTOR_LOST",
    "Another process took over this one's work: what it found out since is discarded.",
    {
      hint: "Nothing is lost: the other process goes on with it.",
      retry: "later",
    },
  )
}

/** The event under this key, if the effect it names has happened. */
export async function findEvent(db: Db | Transaction<Tables>, change: string, key: string): Promise<Event | undefined> {
  const row = await db
    .selectFrom("event")
    .selectAll()
    .where("change", "=", change)
    .where("key", "=", key)
    .executeTakeFirst()
  return row === undefined ? undefined : asEvent(row)
}

/** A change folded from all its events; undefined where there is none of this id. */
export async function readChange(db: Db, id: string): Promise<Change | undefined> {
  const rows = await db.selectFrom("event").selectAll().where("change", "=", id).orderBy("seq").execute()
  return rows.length === 0 ? undefined : foldChange(rows.map(asEvent))
}

/** The events of one change, oldest first; without the first `known`, which the caller has folded already. */
export async function readEvents(db: Db, change: string, known = 0): Promise<Event[]> {
  const query = db.selectFrom("event").selectAll().where("change", "=", change).orderBy("seq").offset(known)
  return (await query.execute()).map(asEvent)
}

/**
 * How many changes of a loop are proposals that nobody has answered: those whose last word is `finished: proposed`, as
 * `fold` says it. Counted in the database, since it is asked before every new change: to read and fold all of a loop's
 * history each time cost more than the attempt did.
 */
export async function countProposed(db: Db, { repo, loop }: { repo: string; loop: string }): Promise<number> {
  const words = db
    .selectFrom("change")
    .innerJoin("event", "event.change", "change.id")
    .select("event.body")
    .distinctOn("event.change")
    .where("change.repo", "=", repo)
    .where("change.loop", "=", loop)
    .where(sql`event.body->>'type'`, "in", ["finished", "answered", "resumed"])
    .orderBy("event.change")
    .orderBy("event.seq", "desc")
  const row = await db
    .selectFrom(words.as("word"))
    .select(sql<string>`count(*)`.as("count"))
    .where(sql`word.body`, "@>", sql`'{"type":"finished","outcome":"proposed"}'::jsonb`)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/**
 * All changes of a repository (and loop), folded, oldest first: those that are not over, whatever their age, and of the
 * others at most the newest `limit`; `also` asks for older ones by their findings. What was folded before is taken as it
 * was while it has no event more: a run asks eight times, and reading its history was most of its start.
 */
export async function readChanges(
  db: Db,
  where: { repo?: string; loop?: string },
  limit = 500,
  also: (finding: Finding, outcome: string) => boolean = () => false,
): Promise<Change[]> {
  const known = db.folded ?? new Map<string, Folded>()
  const newest = await changesOf(db, where).orderBy("created_at", "desc").limit(limit).execute()
  const rows = newest.length < limit ? newest : [...newest, ...(await olderOf(db, where, newest, also))]
  // Events are only ever added, so their number says whether a change is as it was.
  const stale = rows.filter(({ id, events }) => Number(events) !== (known.get(id)?.change.length ?? -1))
  const ids = stale.map((row) => row.id)
  for (const [id, change] of await foldAll(db, ids)) known.set(id, change)
  const found = rows.flatMap(({ id }) => known.get(id) ?? [])
  return found.sort((a, b) => a.firstSeq - b.firstSeq).map((each) => each.change)
}

function changesOf(db: Db, where: { repo?: string; loop?: string }) {
  return db
    .selectFrom("change")
    .select(["id", sql<string>`(select count(*) from flyball.event e where e.change = change.id)`.as("events")])
    .$if(where.repo !== undefined, (query) => query.where("repo", "=", where.repo ?? ""))
    .$if(where.loop !== undefined, (query) => query.where("loop", "=", where.loop ?? ""))
}

/**
 * Of the changes beyond the newest: those that may still move, since a person or a run must find them, and those that the
 * caller knows by their finding, or work that was done long ago would be done again (catalogue T7, M7).
 */
async function olderOf(
  db: Db,
  where: { repo?: string; loop?: string },
  newest: readonly { id: string }[],
  also: (finding: Finding, outcome: string) => boolean,
) {
  const seen = new Set(newest.map(({ id }) => id))
  const rows = await changesOf(db, where)
    .innerJoin("event as first", (join) => join.onRef("first.change", "=", "change.id").on("first.key", "=", "found"))
    .select([
      sql<unknown>`first.body->'finding'`.as("finding"),
      sql<string | null>`(select e.body->>'outcome' from flyball.event e where e.change = change.id
        and e.body->>'type' in ('finished', 'answered', 'resumed') order by e.seq desc limit 1)`.as("outcome"),
    ])
    .execute()
  return rows.filter(
    ({ id, finding, outcome }) => !seen.has(id) && (!isOver(outcome) || also(Finding.parse(finding), outcome)),
  )
}

function isOver(outcome: string | null): outcome is string {
  return outcome === "merged" || outcome === "already_fixed" || outcome === "closed"
}

async function foldAll(db: Db, ids: readonly string[]): Promise<Map<string, Folded>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom("event")
    .selectAll()
    .where("change", "in", [...ids])
    .orderBy("seq")
    .execute()
  const byChange = new Map<string, Event[]>()
  for (const event of rows.map(asEvent)) {
    const events = byChange.get(event.change)
    if (events === undefined) byChange.set(event.change, [event])
    else events.push(event)
  }
  return new Map(
    [...byChange].map(([id, events]) => [id, { change: foldChange(events), firstSeq: events[0]?.seq ?? 0 }]),
  )
}

export type Ceilings = { usdPerRun?: number | undefined; usdPerDay?: number | undefined; dayStart: Date }
export type ReserveRequest = {
  change: string
  key: string
  repo: string
  loop: string
  run: string
  usd: number
  /** The price is fixed: less than `usd` is of no use. */
  whole?: boolean
  ceilings: Ceilings
}
export type Reserved =
  | { is: "granted"; usd: number }
  | { is: "denied"; ceiling: "run" | "day"; limitUsd: number; usedUsd: number; askedUsd: number }

/**
 * Sets money aside before it is spent: min(what is asked, what is left under every ceiling), or nothing when
 * nothing is left, or not the whole price of something that has one. Reserves that stand count as spent, so changes in
 * parallel can't overdraw together. The same key again returns the reserve that stands.
 */
export function reserve(db: Db, request: ReserveRequest): Promise<Reserved> {
  return transact(() => db.transaction().execute((tx) => reserveIn(tx, request)))
}

async function reserveIn(tx: Transaction<Tables>, request: ReserveRequest): Promise<Reserved> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`money:${request.repo}:${request.loop}`}, 0))`.execute(tx)
  const standing = await tx
    .selectFrom("money")
    .select(["reserved_usd"])
    .where("change", "=", request.change)
    .where("key", "=", request.key)
    .executeTakeFirst()
  if (standing !== undefined) return { is: "granted", usd: standing.reserved_usd } satisfies Reserved

  const { change, key, repo, loop, run, usd, whole = false } = request
  let left = usd
  for (const { ceiling, limitUsd, usedUsd } of usd > 0 ? await ceilingsNow(tx, request) : []) {
    const free = limitUsd - usedUsd
    if (free <= CENT_FRACTION || (whole && usd - free > CENT_FRACTION))
      return { is: "denied", ceiling, limitUsd, usedUsd, askedUsd: usd } satisfies Reserved
    left = Math.min(left, free)
  }
  await tx.insertInto("money").values({ change, key, repo, loop, run, reserved_usd: left }).execute()
  return { is: "granted", usd: left } satisfies Reserved
}

/** What is left of a loop's money, before anything is begun that would cost some. */
export async function ceilingsNow(
  db: Db | Transaction<Tables>,
  { repo, loop, run, ceilings }: Pick<ReserveRequest, "repo" | "loop" | "run" | "ceilings">,
): Promise<{ ceiling: "run" | "day"; limitUsd: number; usedUsd: number }[]> {
  const { usdPerRun, usdPerDay, dayStart } = ceilings
  const standing: { ceiling: "run" | "day"; limitUsd: number; usedUsd: number }[] = []
  if (usdPerRun !== undefined) {
    const used = await usedUsd(db, (query) => query.where("run", "=", run))
    standing.push({ ceiling: "run", limitUsd: usdPerRun, usedUsd: used })
  }
  if (usdPerDay !== undefined) {
    const used = await usedUsd(db, (query) =>
      query.where("repo", "=", repo).where("loop", "=", loop).where("at", ">=", dayStart),
    )
    standing.push({ ceiling: "day", limitUsd: usdPerDay, usedUsd: used })
  }
  return standing
}

/** What a repository (or one loop of it) has cost since a moment, or in all, US dollars. */
export async function spentSince(db: Db, where: { repo: string; loop?: string }, since?: Date): Promise<number> {
  return usedUsd(db, (query) =>
    query
      .where("repo", "=", where.repo)
      .$if(where.loop !== undefined, (narrowed) => narrowed.where("loop", "=", where.loop ?? ""))
      .$if(since !== undefined, (narrowed) => narrowed.where("at", ">=", since ?? new Date(0))),
  )
}

/** Less than this is nothing: no model answers for it. */
const CENT_FRACTION = 0.000_1

type MoneyQuery = ReturnType<typeof moneyQuery>

function moneyQuery(tx: Db | Transaction<Tables>) {
  return tx.selectFrom("money").select(sql<number>`coalesce(sum(coalesce(settled_usd, reserved_usd)), 0)`.as("usd"))
}

async function usedUsd(tx: Db | Transaction<Tables>, narrow: (query: MoneyQuery) => MoneyQuery): Promise<number> {
  return (await narrow(moneyQuery(tx)).executeTakeFirstOrThrow()).usd
}

/** What a set of changes has cost or still holds in reserve, US dollars. */
export async function spentUsd(db: Db, changes: readonly string[]): Promise<number> {
  if (changes.length === 0) return 0
  const row = await db
    .selectFrom("money")
    .select(sql<number>`coalesce(sum(coalesce(settled_usd, reserved_usd)), 0)`.as("usd"))
    .where("change", "in", [...changes])
    .executeTakeFirstOrThrow()
  return row.usd
}

/** Settles what was reserved for work that is no change's, and so leaves no event: an exploration. */
export async function settleReserve(db: Db, work: string, settlement: Settlement): Promise<void> {
  await transact(() => db.transaction().execute((tx) => settle(tx, work, settlement)))
}

async function settle(tx: Transaction<Tables>, change: string, settlement: Settlement): Promise<void> {
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
    .set({ settled_usd: sql<number>`reserved_usd`, tokens: 0, basis: "unknown" })
    .where("change", "=", change)
    .$if(key !== "all", (query) => query.where("key", "=", key))
    .where("settled_usd", "is", null)
    .execute()
}

function asEvent(row: { seq: string; change: string; key: string; at: Date; body: unknown }): Event {
  return Event.parse({
    seq: Number(row.seq),
    change: row.change,
    key: row.key,
    at: row.at.toISOString(),
    body: row.body,
  })
}
