import { CompiledQuery, sql, type Transaction } from "kysely"
import { type Change, foldChange } from "../core/change.ts"
import { Event, type EventBody } from "../core/event.ts"
import { Failure } from "../core/failure.ts"
import { Finding } from "../core/finding.ts"
import type { Appended, Db, Folded, Tables } from "./database.ts"
import { toJson } from "./json.ts"
import { addToReserve, type Extended, type ReserveRequest, type Settlement, settle } from "./money.ts"
import { transact } from "./patient-pool.ts"

/**
 * Appends an event once: a second append under the same key changes nothing and returns the first, so every effect
 * can ask the ledger before it acts. The settlement goes into the same transaction.
 */
export async function append(
  db: Db,
  change: string,
  key: string,
  body: EventBody,
  settlement?: Settlement | undefined,
): Promise<Event> {
  const { fencedBy } = db
  const appended =
    settlement === undefined
      ? await insertEvent(db, fencedBy, change, key, body)
      : await transact(() =>
          db.transaction().execute(async (tx) => {
            const inserted = await insertEvent(tx, fencedBy, change, key, body)
            await settle(tx, change, settlement)
            return inserted
          }),
        )
  db.appended?.push(appended)
  return appended.event
}

/**
 * The events of a change beyond those it is folded from: `known`, as they were read, and what was appended since. Undefined
 * where that may not be all: others write too, and whoever counts events must not miss one of theirs.
 */
export function eventsBy(
  change: { length: number },
  known: readonly Event[],
  appended: readonly Appended[],
): Event[] | undefined {
  const first = change.length + known.length
  const isWhole = appended.length > 0 && appended.every(({ before }, n) => before === first + n)
  return isWhole ? [...known, ...appended.map(({ event }) => event)] : undefined
}

/**
 * Sets more aside under a reserve that stands. Where an attempt of the change holds it, the change's own story says so in the
 * same transaction, so that both charge the same if the process dies.
 */
export function appendExtension(db: Db, request: ReserveRequest, attempt: number | undefined): Promise<Extended> {
  if (attempt === undefined) return addToReserve(db, request)
  return addToReserve(db, request, async (tx, usd, total) => {
    // What it comes to tells one extension from the next.
    const key = `reserve.extended/${request.key}/${Math.round(total * 1_000_000)}`
    await insertEvent(tx, db.fencedBy, request.change, key, { type: "reserve.extended", attempt, usd })
  })
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
): Promise<Appended> {
  if (fencedBy !== undefined) return insertFenced(db, fencedBy, change, key, body)

  const row = await db
    .insertInto("event")
    .values({ change, key, body: toJson(body) })
    .onConflict((conflict) => conflict.columns(["change", "key"]).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (row !== undefined) return { event: asEvent(row), before: undefined }
  const known = await findEvent(db, change, key)
  if (known === undefined) throw new Error(`event ${key} of ${change} neither inserted nor found`)
  return { event: known, before: undefined }
}

/**
 * The row of the executor is locked against being struck until the event is in: the two can't cross. `before` is counted as
 * the statement began, so without the event itself.
 */
async function insertFenced(
  db: Db | Transaction<Tables>,
  fencedBy: string,
  change: string,
  key: string,
  body: EventBody,
): Promise<Appended> {
  const { rows } = await sql<EventRow & { before: string }>`
    insert into flyball.event (change, key, body)
    select ${change}::text, ${key}::text, ${toJson(body)}::jsonb
    from flyball.executor where id = ${fencedBy} for key share
    on conflict (change, key) do nothing
    returning *, (select count(*) from flyball.event e where e.change = ${change}::text) as before`.execute(db)
  const [row] = rows
  if (row !== undefined) return { event: asEvent(row), before: Number(row.before) }
  const known = await findEvent(db, change, key)
  if (known !== undefined) return { event: known, before: undefined }
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
  // As a text: it is asked at every step, and to build it took longer than to answer it.
  const text = "select * from flyball.event where change = $1 order by seq offset $2"
  const { rows } = await db.executeQuery<EventRow>(CompiledQuery.raw(text, [change, known]))
  return rows.map(asEvent)
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

type EventRow = { seq: string; change: string; key: string; at: Date; body: unknown }

function asEvent(row: EventRow): Event {
  return Event.parse({
    seq: Number(row.seq),
    change: row.change,
    key: row.key,
    at: row.at.toISOString(),
    body: row.body,
  })
}
