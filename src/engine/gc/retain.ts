import { readdir, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Change } from "../../core/change.ts"
import { Failure } from "../../core/failure.ts"
import { readChanges } from "../../record/ledger.ts"
import { pruneLedger } from "../../record/prune.ts"
import type { Retention } from "../../spec/retention.ts"
import type { Session } from "../session.ts"
import { megabytes, sizeOf } from "./disk.ts"
import { oldArtefacts, oldCaches } from "./folders.ts"
import { isOver } from "./refs.ts"

const DAY_MS = 24 * 60 * 60_000
/** What one run removes at most, so that none is held up by it; the next one goes on. */
const MOST_REMOVED = 200

/**
 * Keeps what is stored within its ceilings, once a day before a run begins anything: what is over and old goes, then, while a
 * ceiling is passed, the oldest of what is over. Events, evidence, approvals and money are never touched. Throws Failure
 * STORAGE_LIMIT when what may not go is more than the ceiling alone. Returns what it did, in words.
 */
export async function retain(session: Session, retention: Retention): Promise<string[]> {
  const { repo } = session
  const stamp = join(repo.dataDir, "retained")
  const last = await stat(stamp).catch(() => undefined)
  if (last !== undefined && Math.abs(Date.now() - last.mtimeMs) < DAY_MS) return []
  const notes = [...(await retainArtefacts(session, retention)), ...(await retainRows(session, retention))]
  // Only then: who was refused is looked at again.
  await writeFile(stamp, "", { mode: 0o600 })
  return notes
}

async function retainArtefacts({ db, repo }: Session, { keepMs, artifactsBytes }: Retention): Promise<string[]> {
  const before = Date.now() - keepMs
  const kept = new Set(await readdir(join(repo.dataDir, "changes")).catch(() => []))
  // Those that may still move are always among them.
  const changes = await readChanges(db, { repo: repo.key }, MOST_REMOVED, (finding) => finding.fingerprint !== "")
  const over = changes.filter((change) => isOver(change) && kept.has(change.id)).sort(byAge)
  const old = over.filter((change) => Date.parse(change.updatedAt) < before)
  const dead = [...(await oldArtefacts(repo, new Set(old.map(({ id }) => id)))), ...(await oldCaches(repo, before))]
  for (const each of dead.slice(0, MOST_REMOVED)) await each.remove()

  const folders = ["changes", "checks", "measure"].map((name) => join(repo.dataDir, name))
  let bytes = 0
  for (const folder of folders) bytes += await sizeOf(folder)
  let removed = 0
  for (const change of over.filter((each) => !old.includes(each))) {
    if (bytes <= artifactsBytes) break
    for (const each of await oldArtefacts(repo, new Set([change.id]))) {
      bytes -= each.path === undefined ? 0 : await sizeOf(each.path)
      await each.remove()
      removed += 1
    }
  }
  for (const cache of bytes > artifactsBytes ? await oldCaches(repo, Date.now() - DAY_MS) : []) {
    if (bytes <= artifactsBytes) break
    bytes -= cache.path === undefined ? 0 : await sizeOf(cache.path)
    await cache.remove()
    removed += 1
  }
  if (bytes > artifactsBytes) throw overLimit("prompts, logs and outputs", "artifacts", bytes, artifactsBytes)
  return removed === 0
    ? []
    : [`prompts and logs of ${removed} that were over longest went: the limit is ${megabytes(artifactsBytes)}`]
}

async function retainRows({ db, pool }: Session, { keepMs, databaseBytes }: Retention): Promise<string[]> {
  await pruneLedger(db, { before: new Date(Date.now() - keepMs), dryRun: false })
  const bytes = await usedBytes(pool)
  if (bytes <= databaseBytes) return []
  const gone = await pruneLedger(db, { before: new Date(Date.now() - DAY_MS), dryRun: false })
  // What was deleted is room for new rows only once it is vacuumed.
  await pool.query("vacuum")
  const rows = gone.reduce((sum, each) => sum + each.count, 0)
  if (rows === 0) throw overLimit("the database", "database", bytes, databaseBytes)
  return [
    `${rows} rows that prove nothing went early: the database has ${megabytes(bytes)}, its limit is ${megabytes(databaseBytes)}`,
  ]
}

async function usedBytes(pool: Session["pool"]): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>("select pg_database_size(current_database()) as bytes")
  return Number(rows[0]?.bytes ?? 0)
}

function byAge(a: Change, b: Change): number {
  return a.updatedAt.localeCompare(b.updatedAt)
}

function overLimit(what: string, setting: string, bytes: number, limit: number): Failure {
  return new Failure(
    "STORAGE_LIMIT",
    `Of ${what} ${megabytes(bytes)} must stay, and the limit is ${megabytes(limit)} (retention.${setting}).`,
    {
      hint: `Answer or close what waits (\`flyball inbox\`), run \`flyball gc\`, or raise \`retention: { ${setting}: … }\` in .flyball/config.yaml. Nothing was begun.`,
      retry: "person",
      facts: { exitCode: 3 },
    },
  )
}
