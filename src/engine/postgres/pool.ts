import { createHash } from "node:crypto"
import { Socket } from "node:net"
import pg, { type Pool } from "pg"
import { codeOf } from "./errors.ts"

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
    // A change that is taken up holds one for its lock and asks with another; a loop may have 64 at once.
    max: 72,
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
