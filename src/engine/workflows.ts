import { createHash, randomUUID } from "node:crypto"
import { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import pg, { type Pool, type PoolClient } from "pg"
import { ensureExecutors, living, SETUP_LOCK, strike } from "./executors.ts"
import { codeOf } from "./postgres/errors.ts"

/** An unfinished workflow. */
export type Pending = { id: string; name: string; executor: string; alive: boolean; createdAt: string }

export type PoolOptions = {
  log?: (level: "warn", text: string) => void
  /**
   * Has a statement parsed once for each connection. Only where nobody stands between us and the database: a pooler gives
   * each transaction another of its connections, which knows of no statement.
   */
  prepares?: boolean
}

/** Connections that survive the death of the database: a broken one is dropped, the next query makes a new one. */
export function openPool(url: string, { log = () => {}, prepares = false }: PoolOptions = {}): Pool {
  const pool = new pg.Pool({
    ...(prepares ? { Client: PreparingClient } : {}),
    stream: patientSocket,
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    // A process that froze in a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    allowExitOnIdle: true,
    application_name: "flyball",
  })
  pool.on("error", (error) => log("warn", `a database connection broke: ${error.message}`))
  // Also of one that is in use and waits for nothing: the next query says so, and an event that nobody hears ends Node.
  pool.on("connect", (client) => client.on("error", () => {}))
  return pool
}

/** Gives each statement with values a name, by its text: named ones are parsed and planned once. */
class PreparingClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    const plain: (...asked: unknown[]) => unknown = super.query.bind(this)
    const query = (text: unknown, values: unknown, done: unknown) =>
      typeof text === "string" && Array.isArray(values)
        ? plain({ name: nameOf(text), text, values }, ...(done === undefined ? [] : [done]))
        : plain(text, values, done)
    Object.assign(this, { query })
  }
}

/** Another text has another name, whoever asks. */
function nameOf(text: string): string {
  return `flyball_${createHash("sha1").update(text).digest("base64url")}`
}

/** While PostgreSQL restarts its socket is missing for a moment: to those who retry, as good as a refused connection. */
function patientSocket(): Socket {
  return new Socket().on("error", (error) => {
    if (codeOf(error) === "ENOENT") Object.assign(error, { code: "ECONNREFUSED" })
  })
}

/** Makes DBOS's schema and ours, or brings them up to date; one process at a time, and none when there is nothing to do. */
export async function prepareSchemas(pool: Pool, dbos: typeof import("./dbos.ts")): Promise<void> {
  const quiet = new dbos.GlobalLogger(undefined, { logger: { debug() {}, info() {}, warn() {}, error() {} } })
  const { rows } = await pool.query<{ ready: boolean }>(
    "select to_regclass('flyball.executor') is not null and to_regclass('dbos.workflow_status') is not null as ready",
  )
  if (rows[0]?.ready === true) {
    const current = await dbos.verifySystemDatabase("", quiet, pool, "dbos", false).then(
      () => true,
      () => false,
    )
    if (current) return
  }
  const client = await pool.connect()
  try {
    await lockForSetup(client)
    await ensureExecutors(client)
    await dbos.ensureSystemDatabase("", quiet, pool, "dbos", false)
  } finally {
    await client.query("select pg_advisory_unlock($1)", [SETUP_LOCK]).catch(() => {})
    client.release()
  }
}

/**
 * Waits for its turn by asking again. A statement that waits holds a snapshot, and one of DBOS's own migrations builds an
 * index concurrently, which waits for all older snapshots: two first runs at once would wait for each other for ever.
 */
async function lockForSetup(client: PoolClient): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>("select pg_try_advisory_lock($1) as mine", [SETUP_LOCK])
    if (rows[0]?.mine === true) return
    await sleep(SETUP_RETRY_MS)
  }
}

const SETUP_RETRY_MS = 50

/** All unfinished workflows; also without durable execution being open, for those who only look. */
export async function pendingWorkflows(pool: Pool): Promise<Pending[]> {
  let rows: { id: string; name: string; executor: string; created: string }[]
  try {
    ;({ rows } = await pool.query(
      `select workflow_uuid as id, name, coalesce(executor_id, '') as executor, created_at as created
       from dbos.workflow_status where status in ('PENDING', 'ENQUEUED') order by created_at, workflow_uuid`,
    ))
  } catch (error) {
    // No such table: nothing ever ran here.
    if (codeOf(error) === "42P01" || codeOf(error) === "3F000") return []
    throw error
  }
  const alive = await living(pool, [...new Set(rows.map((row) => row.executor))])
  return rows.map(({ created, ...row }) => ({
    ...row,
    alive: alive.has(row.executor),
    createdAt: new Date(Number(created)).toISOString(),
  }))
}

/**
 * Makes `executor` the owner of the dead executors' unfinished workflows. Two processes that try at once share them out:
 * a workflow changes hands only if its executor is still the one that was seen, and is not in the table of living ones.
 * `owner` is DBOS's fencing token; a late writer that holds another one is refused.
 */
export async function claimWorkflows(
  pool: Pool,
  executor: string,
  takes: (workflow: Pending) => boolean,
): Promise<(Pending & { owner: string })[]> {
  const orphans = (await pendingWorkflows(pool)).filter(
    (workflow) => !workflow.alive && workflow.executor !== executor && takes(workflow),
  )
  if (orphans.length === 0) return []
  const owner = randomUUID()
  const dead = [...new Set(orphans.map((workflow) => workflow.executor))]
  const client = await pool.connect()
  try {
    await client.query("begin")
    await strike(client, dead)
    const { rows } = await client.query<{ id: string }>(
      `update dbos.workflow_status as w
       set status = 'PENDING', queue_name = null, executor_id = $1, owner_xid = $2, recovery_attempts = recovery_attempts + 1,
           started_at_epoch_ms = (extract(epoch from now()) * 1000)::bigint, updated_at = (extract(epoch from now()) * 1000)::bigint
       from (select unnest($3::text[]) as id, unnest($4::text[]) as executor) as seen
       where w.workflow_uuid = seen.id and coalesce(w.executor_id, '') = seen.executor and w.status in ('PENDING', 'ENQUEUED')
         and not exists (select from flyball.executor e where e.id = seen.executor)
       returning w.workflow_uuid as id`,
      [executor, owner, orphans.map((workflow) => workflow.id), orphans.map((workflow) => workflow.executor)],
    )
    await client.query("commit")
    const mine = new Set(rows.map((row) => row.id))
    return orphans
      .filter((workflow) => mine.has(workflow.id))
      .map((workflow) => ({ ...workflow, executor, alive: true, owner }))
  } catch (error) {
    await client.query("rollback").catch(() => {})
    throw error
  } finally {
    client.release()
  }
}
