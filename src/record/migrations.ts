import { type Kysely, sql } from "kysely"

/**
 * Each migration is run once, in order, inside one transaction with its own record, under an advisory lock:
 * several processes may open a fresh database at once. Never edit one that was released; add the next.
 */
const migrations: readonly { name: string; statements: readonly string[] }[] = [
  {
    name: "0001-ledger",
    statements: [
      `create table run (
        id text primary key, repo text not null, loop text not null, loop_hash text not null, frozen jsonb not null,
        trigger text not null, executor text not null, started_at timestamptz not null default now(),
        ended_at timestamptz, summary jsonb)`,
      "create index run_by_loop on run (repo, loop, started_at desc)",
      `create table finding (
        repo text not null, loop text not null, fingerprint text not null, body jsonb not null, seen_by text not null,
        first_seen_at timestamptz not null default now(), last_seen_at timestamptz not null default now(),
        primary key (repo, loop, fingerprint))`,
      `create table change (
        id text primary key, repo text not null, loop text not null, fingerprint text not null, ordinal int not null,
        run text not null, created_at timestamptz not null default now(),
        unique (repo, loop, fingerprint, ordinal))`,
      `create table event (
        seq bigserial primary key, change text not null references change (id), key text not null,
        at timestamptz not null default now(), body jsonb not null, unique (change, key))`,
      `create table money (
        change text not null, key text not null, repo text not null, loop text not null, run text not null,
        reserved_usd double precision not null, settled_usd double precision, tokens bigint, basis text,
        at timestamptz not null default now(), primary key (change, key))`,
      "create index money_by_run on money (run)",
      "create index money_by_day on money (repo, loop, at)",
      `create table word (
        repo text not null, loop text not null, key text not null, fingerprint text not null, body jsonb not null,
        at timestamptz not null default now(), primary key (repo, loop, key))`,
      `create table fired (
        repo text not null, loop text not null, at timestamptz not null, primary key (repo, loop))`,
    ],
  },
  {
    name: "0002-clock",
    statements: [
      `create table clock (
        boot text primary key, uptime double precision not null, at timestamptz not null, ahead_since double precision)`,
    ],
  },
  {
    name: "0003-tokens",
    statements: [
      "alter table money add column reserved_tokens double precision not null default 0",
      "create index money_by_change on money (change)",
      "create index money_by_time on money (at)",
    ],
  },
  {
    name: "0004-priority",
    statements: [
      `create table loop (
        repo text not null, loop text not null, priority text not null,
        seen_at timestamptz not null default now(), primary key (repo, loop))`,
    ],
  },
  {
    name: "0005-triage",
    statements: [
      `create table triage (
        repo text not null, key text not null, body jsonb not null, used_at timestamptz not null default now(),
        primary key (repo, key))`,
      "create index triage_by_use on triage (used_at)",
    ],
  },
  {
    name: "0006-unanswered",
    statements: [
      `create table unanswered (
        repo text not null, loop text not null, who text not null, times int not null, why text not null,
        at timestamptz not null default clock_timestamp(), primary key (repo, loop, who))`,
    ],
  },
  {
    name: "0007-lease",
    statements: [
      // Made apart from these until now.
      `create table if not exists executor (
        id text primary key, host text not null, pid integer not null, started text not null, beat_at timestamptz not null)`,
      `create table lease (
        change text primary key, run text not null, executor text not null, since timestamptz not null default now())`,
    ],
  },
]

/** Arbitrary and constant: the name of our migration lock among the advisory locks of a shared database. */
const MIGRATION_LOCK = 712_455_010

/** Brings the schema `flyball` up to date; costs one query when it is. */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  if (await isCurrent(db)) return
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(tx)
    await sql`create schema if not exists flyball`.execute(tx)
    await sql`create table if not exists flyball.migration (name text primary key, at timestamptz not null default now())`.execute(
      tx,
    )
    const done = await sql<{ name: string }>`select name from flyball.migration`.execute(tx)
    const names = new Set(done.rows.map((row) => row.name))
    for (const migration of migrations.filter((each) => !names.has(each.name))) {
      await sql`set local search_path to flyball`.execute(tx)
      for (const statement of migration.statements) await sql.raw(statement).execute(tx)
      await sql`insert into flyball.migration (name) values (${migration.name})`.execute(tx)
    }
  })
}

async function isCurrent<T>(db: Kysely<T>): Promise<boolean> {
  const exists = await sql<{ oid: string | null }>`select to_regclass('flyball.migration') as oid`.execute(db)
  if (exists.rows[0]?.oid == null) return false
  const done = await sql<{ count: string }>`select count(*) as count from flyball.migration`.execute(db)
  return Number(done.rows[0]?.count) >= migrations.length
}
