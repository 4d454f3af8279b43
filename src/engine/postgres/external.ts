import { Failure } from "../../core/failure.ts"
import { codeOf } from "./errors.ts"
import type { Database } from "./launch.ts"

const OLDEST = 15

/** A PostgreSQL of the user's own: reached once, to fail early and clearly. */
export async function openExternal(url: string, signal: AbortSignal): Promise<Database> {
  const where = describe(url)
  const { default: pg } = await import("pg")
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 10_000 })
  client.on("error", () => {})
  const abort = () => void client.end().catch(() => {})
  signal.addEventListener("abort", abort, { once: true })
  try {
    await client.connect()
    const { rows } = await client.query<{ number: string; version: string }>(
      "select current_setting('server_version_num') as number, current_setting('server_version') as version",
    )
    const { number, version } = rows[0] ?? { number: "0", version: "unknown" }
    if (Number(number) < OLDEST * 10_000) {
      throw new Failure(
        "DATABASE_TOO_OLD",
        `DATABASE_URL (${where}) is PostgreSQL ${version}; Flyball needs ${OLDEST} or newer.`,
        {
          hint: "Point DATABASE_URL at a newer server, or unset it to use Flyball's own.",
          retry: "person",
        },
      )
    }
    return { url, kind: "external", version, close: async () => {} }
  } catch (error) {
    throw error instanceof Failure ? error : failureOf(error, where)
  } finally {
    signal.removeEventListener("abort", abort)
    await client.end().catch(() => {})
  }
}

function failureOf(cause: unknown, where: string): Failure {
  const code = codeOf(cause)
  const why = cause instanceof Error ? cause.message || code || cause.name : String(cause)
  // Class 28 is invalid authorization, 3D000 no such database, 42501 no privilege.
  if (code?.startsWith("28") || code === "3D000" || code === "42501" || /SASL|password/i.test(why)) {
    return new Failure("DATABASE_REFUSED", `DATABASE_URL (${where}) refused us: ${why}.`, {
      hint: "Check the user, the password and the database's name in DATABASE_URL.",
      retry: "person",
      cause,
    })
  }
  return new Failure("DATABASE_UNREACHABLE", `DATABASE_URL (${where}) can't be reached: ${why}.`, {
    hint: "Check that the server runs and is reachable from here, or unset DATABASE_URL to use Flyball's own.",
    retry: "later",
    cause,
  })
}

/** Host and database only: never the password. */
function describe(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    if (/^postgres(ql)?:$/.test(protocol)) return `${host}${pathname}`
  } catch {
    // said below
  }
  throw new Failure("DATABASE_URL_INVALID", "DATABASE_URL is not a PostgreSQL address.", {
    hint: "It reads like postgresql://user:password@host:5432/database.",
    retry: "person",
  })
}
