import { setTimeout as sleep } from "node:timers/promises"
import type { Pool, PoolClient } from "pg"
import { Failure } from "../core/failure.ts"
import { type PatientClient, patientPool, transact } from "../record/patient-pool.ts"
import { living, strike } from "./executors.ts"
import { codeOf } from "./postgres/errors.ts"

/** Who carries a change on. There is one for each change that is under way, alive or not. */
export type Lease = { change: string; run: string; executor: string; alive: boolean }

/** Only for a change that another living process carries on. */
const HELD_POLL_MS = 250

/** All leases; also without an engine being open, for those who only look. */
export async function readLeases(pool: Pool): Promise<Lease[]> {
  let rows: Omit<Lease, "alive">[]
  try {
    ;({ rows } = await pool.query("select change, run, executor from flyball.lease order by since, change"))
  } catch (error) {
    // No such table: nothing ever ran here.
    if (codeOf(error) === "42P01" || codeOf(error) === "3F000") return []
    throw error
  }
  const alive = await living(pool, [...new Set(rows.map((row) => row.executor))])
  return rows.map((row) => ({ ...row, alive: alive.has(row.executor) }))
}

type Wanted = { change: string; run: string; executor: string }

/**
 * Takes the lease of a change: a free one, one's own, or a dead process's. False where another living process holds it.
 * Throws a Failure EXECUTOR_LOST where this executor was struck from the living.
 */
export async function takeLease(pool: Pool, wanted: Wanted): Promise<boolean> {
  const holder = await takeFree(pool, wanted)
  if (holder === wanted.executor) return true
  if (holder === undefined) return await takeLease(pool, wanted)
  return (await takeOver(pool, wanted.executor, [{ ...wanted, executor: holder }])).length > 0
}

/** Asks again until it has the lease, or `signal` is aborted. */
export async function waitForLease(pool: Pool, wanted: Wanted, signal: AbortSignal): Promise<void> {
  do await sleep(HELD_POLL_MS, undefined, { signal })
  while (!(await takeLease(pool, wanted)))
}

/** Who holds the lease now; undefined where it was given back this very moment. */
async function takeFree(pool: Pool, { change, run, executor }: Wanted): Promise<string | undefined> {
  return patiently(pool, async (client) => {
    // The executor's row is locked against being struck until the lease is in, as for events: the two can't cross.
    const { rowCount } = await client.query(
      `insert into flyball.lease (change, run, executor)
       select $1::text, $2::text, id from flyball.executor where id = $3 for key share
       on conflict (change) do nothing`,
      [change, run, executor],
    )
    if (rowCount === 1) return executor
    const { rows } = await client.query(
      `select (select executor from flyball.lease where change = $1) as holder,
         exists (select from flyball.executor where id = $2) as lives`,
      [change, executor],
    )
    if (rows[0]?.lives !== true)
      throw new Failure("EXECUTOR_LOST", "Another process took over this one's work.", { retry: "later" })
    return rows[0].holder ?? undefined
  })
}

/** Gives a lease back; one that others took over since is theirs. */
export async function releaseLease(
  pool: Pool,
  { change, executor }: Pick<Lease, "change" | "executor">,
): Promise<void> {
  await patiently(pool, (client) =>
    client.query("delete from flyball.lease where change = $1 and executor = $2", [change, executor]),
  )
}

/** Makes `executor` the holder of the leases of `mine` whose holders died. Two processes that try at once share them out. */
export async function takeOverDead(
  pool: Pool,
  executor: string,
  mine: (change: string) => boolean,
): Promise<{ change: string; run: string }[]> {
  const orphans = (await readLeases(pool)).filter(
    (lease) => !lease.alive && lease.executor !== executor && mine(lease.change),
  )
  if (orphans.length === 0) return []
  const taken = new Set(await takeOver(pool, executor, orphans))
  return orphans.filter(({ change }) => taken.has(change)).map(({ change, run }) => ({ change, run }))
}

/** A lease changes hands only if its holder is still the one that was seen, and is not in the table of the living. */
async function takeOver(
  pool: Pool,
  executor: string,
  seen: readonly Pick<Lease, "change" | "executor">[],
): Promise<string[]> {
  const alive = await living(pool, [...new Set(seen.map((lease) => lease.executor))])
  const orphans = seen.filter((lease) => !alive.has(lease.executor))
  if (orphans.length === 0) return []
  return transact(async () => {
    const client = await pool.connect()
    try {
      return await inTransaction(client, async () => {
        await strike(client, [...new Set(orphans.map((lease) => lease.executor))])
        const { rows } = await client.query<{ change: string }>(
          `update flyball.lease as l set executor = $1, since = clock_timestamp()
           from (select unnest($2::text[]) as change, unnest($3::text[]) as executor) as seen
           where l.change = seen.change and l.executor = seen.executor
             and not exists (select from flyball.executor e where e.id = seen.executor)
             and exists (select from flyball.executor e where e.id = $1)
           returning l.change`,
          [executor, orphans.map((lease) => lease.change), orphans.map((lease) => lease.executor)],
        )
        return rows.map((row) => row.change)
      })
    } finally {
      client.release()
    }
  })
}

async function inTransaction<T>(client: PoolClient, act: () => Promise<T>): Promise<T> {
  await client.query("begin")
  try {
    const result = await act()
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => {})
    throw error
  }
}

/** Statements that may be said twice, over the death of the database. */
async function patiently<T>(pool: Pool, act: (client: PatientClient) => Promise<T>): Promise<T> {
  const client = await patientPool(pool).connect()
  try {
    return await act(client)
  } finally {
    client.release()
  }
}
