import { type ColumnType, type Generated, Kysely, PostgresDialect } from "kysely"
import type { Pool } from "pg"
import type { Change } from "../core/change.ts"
import type { Event } from "../core/event.ts"
import { migrate } from "./migrations.ts"
import { patientPool } from "./patient-pool.ts"

type Json<T> = ColumnType<T, string, string>
type At = ColumnType<Date, Date | undefined, Date>

/** The tables, as `migrations.ts` makes them. What is folded from events is not stored beside them. */
export type Tables = {
  run: {
    id: string
    repo: string
    loop: string
    loop_hash: string
    /** The frozen canonical loop: what a resumed change goes on with. */
    frozen: Json<unknown>
    trigger: string
    executor: string
    started_at: At
    ended_at: ColumnType<Date | null, Date | undefined, Date>
    summary: ColumnType<unknown, string | undefined, string>
  }
  finding: {
    repo: string
    loop: string
    fingerprint: string
    body: Json<unknown>
    /** The run that saw it last; a finding that the newest run did not see is gone. */
    seen_by: string
    first_seen_at: At
    last_seen_at: At
  }
  change: {
    id: string
    repo: string
    loop: string
    fingerprint: string
    /** Counts the changes of one finding: 2 means that it came back after the first was landed or closed. */
    ordinal: number
    run: string
    created_at: At
  }
  event: {
    seq: Generated<string>
    change: string
    /** Names the effect, so that writing it twice is writing it once: `make.ended/2`. */
    key: string
    at: At
    body: Json<unknown>
  }
  money: {
    change: string
    key: string
    repo: string
    loop: string
    run: string
    reserved_usd: number
    reserved_tokens: Generated<number>
    /** Null while the reserve stands; then what was really spent. */
    settled_usd: ColumnType<number | null, number | undefined, number>
    tokens: ColumnType<string | null, number | undefined, number>
    basis: ColumnType<string | null, string | undefined, string>
    at: At
  }
  /** The priority that each loop had when it ran, or was set up to run, last. */
  loop: { repo: string; loop: string; priority: string; seen_at: At }
  /** What people said in a state file, read once each. */
  word: { repo: string; loop: string; key: string; fingerprint: string; body: Json<unknown>; at: At }
  /** When a loop last fired by itself. */
  fired: { repo: string; loop: string; at: At }
  /** What triagers said of findings, under a digest of all that they were shown: see `engine/run/triage-keys.ts`. */
  triage: { repo: string; key: string; body: Json<unknown>; used_at: At }
  /** How often in a row an agent was asked in vain: see `engine/patience.ts`. */
  unanswered: { repo: string; loop: string; who: string; times: number; why: string; at: At }
  /** For each boot of a machine: what time it was when it had run for so long; see `ledger-time.ts`. */
  clock: { boot: string; uptime: number; at: At; ahead_since: number | null }
}

/** `fencedBy`: the executor in whose name it writes; once that is struck from the table of the living, `append` refuses. */
export type Db = Kysely<Tables> & {
  readonly fencedBy?: string
  readonly folded?: Map<string, Folded>
  readonly appended?: Appended[]
}

/** An event that was appended, and how many the change had before; undefined where it was there already. */
export type Appended = { event: Event; before: number | undefined }

/** A change as it was folded last, and where its history begins. */
export type Folded = { change: Change; firstSeq: number }

/** The same tables for an executor: what it appends after others took over its work is refused. */
export function fenced(db: Db, executor: string): Db {
  return Object.assign(db.withSchema("flyball"), { fencedBy: executor, folded: new Map<string, Folded>() })
}

/** The same tables; what is appended through them is kept in `appended`, too. */
export function heard(db: Db, appended: Appended[]): Db {
  const { fencedBy, folded } = db
  const more = { ...(fencedBy === undefined ? {} : { fencedBy }), ...(folded === undefined ? {} : { folded }) }
  return Object.assign(db.withSchema("flyball"), { ...more, appended })
}

/** The product's tables behind these connections, migrated. The pool stays its opener's to end. */
export async function openTables(pool: Pool): Promise<Db> {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: patientPool(pool) }) }).withSchema("flyball")
  await migrate(db)
  return Object.assign(db, { folded: new Map<string, Folded>() })
}
