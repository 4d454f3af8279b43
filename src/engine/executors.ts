import type { Pool, PoolClient } from "pg"
import { liveness, ownIdentity } from "../lib/alive.ts"

const BEAT_MS = 5_000
const TTL_MS = 20_000

/**
 * Enters this process and keeps its row fresh, by the database's clock. `lost` is called once, when others may have taken
 * its work: the row is gone, or could not be renewed for the time after which they may.
 */
export async function enlist(
  pool: Pool,
  id: string,
  lost: (why?: unknown) => void,
): Promise<{ leave(): Promise<void> }> {
  const { host, pid, started } = await ownIdentity()
  await pool.query("insert into flyball.executor values ($1, $2, $3, $4, clock_timestamp())", [id, host, pid, started])
  let renewed = performance.now()
  const beat = setInterval(async () => {
    try {
      const { rowCount } = await pool.query("update flyball.executor set beat_at = clock_timestamp() where id = $1", [
        id,
      ])
      if (rowCount === 0) end()
      else renewed = performance.now()
    } catch (error) {
      if (performance.now() - renewed > TTL_MS) end(error)
    }
  }, BEAT_MS)
  beat.unref()
  const end = (why?: unknown) => {
    clearInterval(beat)
    lost(why)
  }
  return {
    async leave() {
      clearInterval(beat)
      // Gone from the table is dead at once: nobody need wait for the time to pass.
      await pool.query("delete from flyball.executor where id = $1", [id]).catch(() => {})
    },
  }
}

/** Which of these executors live. One is dead when it left, did not beat for 20 s, or was a process of this machine that ended. */
export async function living(client: Pool | PoolClient, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const { rows } = await client.query<{ id: string; host: string; pid: number; started: string }>(
    `select id, host, pid, started from flyball.executor
     where id = any($1) and beat_at > clock_timestamp() - make_interval(secs => $2)`,
    [ids, TTL_MS / 1000],
  )
  const alive = await Promise.all(rows.map(async (row) => ((await liveness(row)) === "dead" ? [] : [row.id])))
  return new Set(alive.flat())
}

/**
 * Strikes dead executors from the table, inside the caller's transaction; one that beat in the meantime stays.
 * Its own next beat then tells it that it was struck. Returns how many it struck.
 */
export async function strike(client: PoolClient, dead: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ id: string; host: string; pid: number; started: string; stale: boolean }>(
    `select id, host, pid, started, beat_at <= clock_timestamp() - make_interval(secs => $2) as stale
     from flyball.executor where id = any($1) order by id for update`,
    [dead, TTL_MS / 1000],
  )
  const sure = await Promise.all(
    rows.map(async (row) => (row.stale || (await liveness(row)) === "dead" ? [row.id] : [])),
  )
  const { rowCount } = await client.query("delete from flyball.executor where id = any($1)", [sure.flat()])
  return rowCount ?? 0
}
