import type { Pool } from "pg"
import { Failure } from "../../core/failure.ts"
import type { Session } from "../session.ts"

/**
 * One run of a loop at a time: a session lock of the database, which is free again as soon as its holder is gone,
 * however it went. A second run is told so, and starts nothing.
 */
export async function withRunLock<T>(
  { pool, repo }: Session,
  loop: string,
  shared: boolean,
  act: () => Promise<T>,
): Promise<T> {
  if (shared) return act()
  const client = await pool.connect()
  // It lies idle for as long as the run takes; should the database go down meanwhile, the next query says so.
  client.on("error", () => {})
  const key = `run:${repo.key}:${loop}`
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_lock(hashtextextended($1, 0)) as locked",
      [key],
    )
    if (rows[0]?.locked !== true) {
      throw new Failure("LOOP_RUNNING", `Loop ${loop} is running already in another process.`, {
        hint: "`flyball status` shows it. A firing while one is under way is skipped.",
        retry: "later",
      })
    }
    try {
      return await act()
    } finally {
      await client.query("select pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => {})
    }
  } finally {
    client.release()
  }
}

/**
 * Keeps a run and a person's word from taking up one change at once: whoever holds it writes what it does into the
 * ledger and starts the workflow; from then on everybody sees that the change is driven.
 */
export async function withChangeLock<T>(pool: Pool, change: string, act: () => Promise<T>): Promise<T> {
  const client = await pool.connect()
  client.on("error", () => {})
  const key = [`change:${change}`]
  try {
    // Held for as long as it takes to start a workflow; whoever holds it longer hangs.
    await client.query(`set lock_timeout = ${CHANGE_LOCK_MS}`)
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", key).catch((cause: unknown) => {
      throw new Failure("CHANGE_BUSY", `Another process has held ${change} for ${CHANGE_LOCK_MS / 1000} seconds.`, {
        hint: "`flyball status` shows what runs. Nothing is lost: try again, or leave it to the loop's next run.",
        retry: "later",
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
