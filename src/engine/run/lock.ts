import type { Pool, PoolClient } from "pg"
import { Failure } from "../../core/failure.ts"
import { strike } from "../executors.ts"
import type { Session } from "../session.ts"

/**
 * One run of a loop at a time: a session lock of the database, which is free again as soon as its holder is gone,
 * however it went. A second run is told so, and starts nothing. A holder that has given no sign of life for as long as
 * its work may be taken over loses the lock too (catalogue D11): a process that hangs keeps its connection.
 */
export async function withRunLock<T>(
  { pool, repo }: Session,
  loop: string,
  { executor, shared }: { executor: string; shared: boolean },
  act: () => Promise<T>,
): Promise<T> {
  if (shared) return act()
  const client = await pool.connect()
  // It lies idle for as long as the run takes; should the database go down meanwhile, the next query says so.
  client.on("error", () => {})
  const key = `run:${repo.key}:${loop}`
  try {
    await client.query("select set_config('application_name', $1, false)", [`${HOLDER}${executor}`])
    if (!(await tryLock(client, key)) && !((await freeFromHung(client, key)) && (await tryLock(client, key)))) {
      throw new Failure("LOOP_RUNNING", `Loop ${loop} is running already in another process.`, {
        hint: "`flyball status` shows it. A firing while one is under way is skipped.",
        retry: "later",
        // Nothing was used wrongly: it is held up, as by a halt.
        facts: { exitCode: 3 },
      })
    }
    try {
      return await act()
    } finally {
      await client.query("select pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => {})
    }
  } finally {
    await client.query("select set_config('application_name', 'flyball', false)").catch(() => {})
    client.release()
  }
}

/** What the holder's connection is called: whoever finds the lock taken can look whether its executor lives. */
const HOLDER = "flyball run "

async function tryLock(client: PoolClient, key: string): Promise<boolean> {
  const asked = "select pg_try_advisory_lock(hashtextextended($1, 0)) as locked"
  const { rows } = await client.query<{ locked: boolean }>(asked, [key])
  return rows[0]?.locked === true
}

/**
 * Where the lock's holder is an executor that is dead to the others: strikes it, so that nothing it does from now on
 * counts, and ends its connection, which frees the lock. Says whether there was one.
 */
async function freeFromHung(client: PoolClient, key: string): Promise<boolean> {
  const { rows } = await client.query<{ pid: number; name: string }>(
    `select a.pid, a.application_name as name from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database())
       and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended($1, 0) and l.objsubid = 1`,
    [key],
  )
  const [holder] = rows
  if (holder === undefined) return true
  if (!holder.name.startsWith(HOLDER)) return false
  const executor = holder.name.slice(HOLDER.length)
  await client.query("begin")
  try {
    const struck = await strike(client, [executor])
    await client.query("commit")
    if (struck === 0) return false
  } catch (error) {
    await client.query("rollback").catch(() => {})
    throw error
  }
  // With a time to wait: it answers when the connection is gone, and the lock with it.
  await client.query("select pg_terminate_backend($1, 5000)", [holder.pid])
  return true
}

/**
 * Keeps a run and a person's word from taking up one change at once: whoever holds it writes what it does into the
 * ledger and takes the lease; from then on everybody sees that the change is driven.
 */
export async function withChangeLock<T>(pool: Pool, change: string, act: () => Promise<T>): Promise<T> {
  const client = await pool.connect()
  client.on("error", () => {})
  const key = [`change:${change}`]
  try {
    // Held for as long as it takes to be on record as driven; whoever holds it longer hangs.
    await client.query(`set lock_timeout = ${CHANGE_LOCK_MS}`)
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", key).catch((cause: unknown) => {
      throw new Failure("CHANGE_BUSY", `Another process has held ${change} for ${CHANGE_LOCK_MS / 1000} seconds.`, {
        hint: "`flyball status` shows what runs. Nothing is lost: try again, or leave it to the loop's next run.",
        retry: "later",
        facts: { exitCode: 3 },
        cause,
      })
    })
    try {
      return await act()
    } finally {
      await client.query("select pg_advisory_unlock(hashtextextended($1, 0))", key).catch(() => {})
    }
  } finally {
    await client.query("reset lock_timeout").catch(() => {})
    client.release()
  }
}

const CHANGE_LOCK_MS = 30_000
