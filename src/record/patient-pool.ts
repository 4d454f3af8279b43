import type { Pool, PoolClient } from "pg"

/** How long a query waits for a database that went away; the embedded one is back within a second. */
const PATIENCE_MS = 15_000
const PAUSE_MS = 50

/**
 * The same connections for Kysely, for which a database that dies and comes back is a pause: a connection that is refused
 * is asked for again, and a single statement that was cut short is sent again. That is safe because each of ours, said twice,
 * does what it does once. A transaction is its caller's to begin again (`transact`).
 */
export function patientPool(pool: Pool): { connect(): Promise<PatientClient>; end(): Promise<void> } {
  return {
    connect: async () => patientClient(pool, await connectPatiently(pool)),
    // Its opener ends it.
    end: async () => {},
  }
}

export type PatientClient = Pick<PoolClient, "query" | "release">

/** Runs a transaction again when the database died under it: each of ours can be repeated. */
export async function transact<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act()
    } catch (error) {
      if (tries === 3 || !isLost(error)) throw error
    }
  }
}

async function connectPatiently(pool: Pool): Promise<PoolClient> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await pool.connect()
    } catch (error) {
      if (!isLost(error) || performance.now() > until) throw error
      // Nothing tells when it is back but that it answers.
      await new Promise((again) => setTimeout(again, PAUSE_MS))
    }
  }
}

function patientClient(pool: Pool, first: PoolClient): PatientClient {
  let client = first
  let inTransaction = false
  const query = async (...args: Parameters<PoolClient["query"]>): Promise<unknown> => {
    const text = textOf(args[0])
    if (/^\s*(begin|start transaction)/i.test(text)) inTransaction = true
    try {
      return await client.query(...args)
    } catch (error) {
      if (inTransaction || !isLost(error)) throw error
      client.release(true)
      client = await connectPatiently(pool)
      return await client.query(...args)
    } finally {
      if (/^\s*(commit|rollback)\s*;?\s*$/i.test(text)) inTransaction = false
    }
  }
  return Object.assign(Object.create(first), {
    query,
    release: (broken?: Error | boolean) => client.release(broken),
  })
}

function textOf(query: unknown): string {
  if (typeof query === "string") return query
  return typeof query === "object" && query !== null && "text" in query && typeof query.text === "string"
    ? query.text
    : ""
}

const LOST: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "57P01",
  "57P02",
  "57P03",
  "08006",
  "08003",
])

/** Whether a database error says that the connection is gone, rather than that the statement was wrong. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // Another process changed a table under a statement that this connection had prepared: the next connection plans anew.
  if (/cached plan must not change result type/i.test(error.message)) return true
  if ("code" in error && typeof error.code === "string") return LOST.has(error.code)
  return /Connection terminated|not queryable|timeout exceeded when trying to connect/i.test(error.message)
}
