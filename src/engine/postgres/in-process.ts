import { existsSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { notWritable } from "./errors.ts"
import type { Database } from "./launch.ts"
import { LiteSocket, type Protocol } from "./lite-socket.ts"
import { holdAlone } from "./own-lock.ts"

/** Whether a home keeps its ledger in the database in process: where the ledger is, there it stays. */
export function keptInProcess(home: string): boolean {
  return existsSync(join(home, "pglite", "data", "PG_VERSION"))
}

/**
 * PostgreSQL inside this process, for where no cluster can run. It has one connection and belongs to one process at a time,
 * and a process that is killed while it writes may leave it damaged: whoever uses it is told so. PGlite is loaded here and
 * nowhere else.
 */
export async function openInProcess(home: string, why: string): Promise<Database> {
  const folder = join(home, "pglite")
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw notWritable(folder, cause)
  })
  const lock = await holdAlone(join(folder, "owner.json"))
  try {
    const [{ PGlite }, { default: pg }] = await Promise.all([import("@electric-sql/pglite"), import("pg")])
    const lite = await PGlite.create({ dataDir: join(folder, "data") })
    const protocol: Protocol = { turn: Promise.resolve(), answer: (message) => lite.execProtocolRaw(message) }
    const pool = new pg.Pool({ stream: () => new LiteSocket(protocol), max: 10, ssl: false, allowExitOnIdle: true })
    const { rows } = await pool.query<{ version: string }>("select current_setting('server_version') as version")
    return {
      url: "",
      kind: "in-process",
      version: rows[0]?.version ?? "unknown",
      notCrashSafe: why,
      pool,
      async close() {
        await pool.end().catch(() => {})
        await lite.close().catch(() => {})
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}
