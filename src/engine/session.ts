import type { Pool } from "pg"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { openRepo } from "../isolate/repo.ts"
import { type Db, openTables } from "../record/database.ts"
import { flyballHome, openHome } from "./home.ts"
import { codeOf } from "./postgres/errors.ts"
import { type Database, openDatabase } from "./postgres/launch.ts"
import { openPool } from "./postgres/pool.ts"

/** A repository and the ledger: what every command needs that looks at what happened. */
export type Session = AsyncDisposable & {
  repo: Repo
  home: string
  db: Db
  pool: Pool
  url: string
  /** What it is, for statuses, and whether what it has written survives a kill at any moment. */
  database: { kind: Database["kind"]; crashSafe: boolean; name: string }
}

export type SessionOptions = {
  cwd: string
  signal: AbortSignal
  progress?: (text: string) => void
  env?: Readonly<Record<string, string | undefined>>
}

/** Opens the repository around `cwd`, and the database. */
export async function openSession({ cwd, signal, progress, env = process.env }: SessionOptions): Promise<Session> {
  const home = flyballHome(env)
  openHome(home)
  const [repo, database] = await Promise.all([
    openRepo(cwd, home),
    openDatabase({ home, signal, databaseUrl: env.DATABASE_URL, ...(progress === undefined ? {} : { progress }) }),
  ])
  const pool = database.pool ?? openPool(database.url, { prepares: database.kind === "embedded" })
  if (database.notCrashSafe !== undefined) process.stderr.write(`${announcementOf(database.notCrashSafe)}\n`)
  const close = async () => {
    await pool.end().catch(() => {})
    await database.close()
  }
  try {
    const db = await openTables(pool)
    return { repo, home, db, pool, url: database.url, database: describe(database), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw mayNotSetUp(error)
  }
}

function describe({ kind, url, notCrashSafe }: Database): Session["database"] {
  const names = { embedded: "embedded PostgreSQL", external: "", "in-process": NOT_CRASH_SAFE }
  const name = kind === "external" ? new URL(url).host : names[kind]
  return { kind, crashSafe: notCrashSafe === undefined, name }
}

/** What every status calls the database in process. */
export const NOT_CRASH_SAFE = "PGlite in process, not crash-safe"

/** A database user without the right to set up, in words; every other error as it is. */
function mayNotSetUp(error: unknown): unknown {
  if (codeOf(error) !== "42501") return error
  return new Failure("DATABASE_REFUSED", "The database user may not create the schema `flyball`.", {
    hint: "Grant it CREATE on the database in DATABASE_URL.",
    retry: "person",
    cause: error,
  })
}

function announcementOf(why: string): string {
  return `flyball: no PostgreSQL here (${why.replace(/\s+/g, " ").slice(0, 200)}): PGlite in process, not crash-safe, one process at a time. DATABASE_URL takes a PostgreSQL of your own.`
}

/**
 * The change that a person means by its id, or by a part of it that only one change has; of several, the one that waits
 * for a person, since finished ones are rarely meant.
 */
export function pickChange<T extends { id: string }>(
  changes: readonly T[],
  wanted: string,
  waits: (change: T) => boolean = () => false,
): T {
  const exact = changes.find((change) => change.id === wanted)
  if (exact !== undefined) return exact
  const all = changes.filter((change) => change.id.includes(wanted))
  const waiting = all.filter(waits)
  const like = waiting.length > 0 ? waiting : all
  const [only, second] = like
  if (only !== undefined && second === undefined) return only
  if (second !== undefined) {
    throw new Failure(
      "CHANGE_AMBIGUOUS",
      `"${wanted}" may be ${like
        .slice(0, 6)
        .map((change) => change.id)
        .join(", ")}.`,
      { hint: "Give more of the id." },
    )
  }
  const known = changes.slice(-6).map((change) => change.id)
  throw new Failure("NO_SUCH_CHANGE", `There is no change "${wanted}" in this repository.`, {
    hint:
      known.length === 0
        ? "Nothing has run here yet: `flyball run LOOP`."
        : `The newest: ${known.reverse().join(", ")}.`,
  })
}
