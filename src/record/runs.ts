import { createHash } from "node:crypto"
import { sql } from "kysely"
import { Finding } from "../core/finding.ts"
import { Loop } from "../core/loop.ts"
import type { Db } from "./database.ts"
import { toJson } from "./json.ts"
import { noteLoop } from "./loops.ts"

export type RunRow = {
  id: string
  repo: string
  loop: Loop
  trigger: string
  executor: string
  startedAt: Date
  endedAt?: Date
  summary?: unknown
}

/** Writes the firing down with its frozen loop, before it does anything. */
export async function startRun(
  db: Db,
  run: { id: string; repo: string; loop: Loop; trigger: string; executor: string },
): Promise<void> {
  await noteLoop(db, run.repo, run.loop)
  await db
    .insertInto("run")
    .values({
      id: run.id,
      repo: run.repo,
      loop: run.loop.name,
      loop_hash: run.loop.hash,
      frozen: toJson(run.loop),
      trigger: run.trigger,
      executor: run.executor,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute()
}

/** Marks a run as over. One that was killed stays open; nothing is concluded from that but the facts of its changes. */
export async function endRun(db: Db, id: string, summary: unknown): Promise<void> {
  await db
    .updateTable("run")
    .set({ ended_at: new Date(), summary: toJson(summary) })
    .where("id", "=", id)
    .execute()
}

/** The run with its frozen loop. */
export async function readRun(db: Db, id: string): Promise<RunRow | undefined> {
  const row = await db.selectFrom("run").selectAll().where("id", "=", id).executeTakeFirst()
  return row === undefined ? undefined : asRun(row)
}

/** The newest runs first. */
export async function readRuns(db: Db, where: { repo?: string; loop?: string }, limit = 20): Promise<RunRow[]> {
  const rows = await db
    .selectFrom("run")
    .selectAll()
    .$if(where.repo !== undefined, (query) => query.where("repo", "=", where.repo ?? ""))
    .$if(where.loop !== undefined, (query) => query.where("loop", "=", where.loop ?? ""))
    .orderBy("started_at", "desc")
    .limit(limit)
    .execute()
  return rows.map(asRun)
}

function asRun(row: {
  id: string
  repo: string
  frozen: unknown
  trigger: string
  executor: string
  started_at: Date
  ended_at: Date | null
  summary: unknown
}): RunRow {
  return {
    id: row.id,
    repo: row.repo,
    loop: Loop.parse(row.frozen),
    trigger: row.trigger,
    executor: row.executor,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.summary === null ? {} : { summary: row.summary }),
  }
}

/** Stores what a run found. A finding known from earlier runs keeps its first date; its text is the newest. */
export async function recordFindings(
  db: Db,
  run: { id: string; repo: string; loop: Loop },
  findings: readonly Finding[],
): Promise<void> {
  // One statement can't write a row twice: of two findings with one fingerprint the last counts, as if it came later.
  const rows = [...new Map(findings.map((finding) => [finding.fingerprint, toJson(finding)]))]
  // `now()` is the same for all rows of a statement, and they are read in the order in which they were seen first.
  const inOrder = sql<Date>`clock_timestamp()`
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const values = rows.slice(from, from + AT_ONCE).map(([fingerprint, body]) => {
      return { repo: run.repo, loop: run.loop.name, fingerprint, body, seen_by: run.id, first_seen_at: inOrder }
    })
    await db
      .insertInto("finding")
      .values(values)
      .onConflict((conflict) =>
        conflict
          .columns(["repo", "loop", "fingerprint"])
          .doUpdateSet({ body: sql`excluded.body`, seen_by: run.id, last_seen_at: sql`now()` }),
      )
      .execute()
  }
}

const AT_ONCE = 100

/** Every finding the newest run of the loop saw. */
export async function readFindings(db: Db, where: { repo: string; loop: string; seenBy: string }): Promise<Finding[]> {
  const rows = await db
    .selectFrom("finding")
    .select("body")
    .where("repo", "=", where.repo)
    .where("loop", "=", where.loop)
    .where("seen_by", "=", where.seenBy)
    .orderBy("first_seen_at")
    .execute()
  return rows.map((row) => Finding.parse(row.body))
}

/** Findings of the loop by their fingerprints, whenever they were seen last. */
export async function readFindingsOf(
  db: Db,
  where: { repo: string; loop: string },
  fingerprints: readonly string[],
): Promise<Finding[]> {
  if (fingerprints.length === 0) return []
  const rows = await db
    .selectFrom("finding")
    .select("body")
    .where("repo", "=", where.repo)
    .where("loop", "=", where.loop)
    .where("fingerprint", "in", [...fingerprints])
    .execute()
  return rows.map((row) => Finding.parse(row.body))
}

/**
 * Opens a change for a finding: one per finding at a time, whatever the number of runs (catalogue T7, M7).
 * Returns the id; a change of the same ordinal that exists already is the same change.
 */
export async function admit(
  db: Db,
  run: { id: string; repo: string; loop: Loop },
  finding: Finding,
  ordinal: number,
): Promise<string> {
  const id = changeId(run.repo, run.loop.name, finding, ordinal)
  const { repo, loop } = run
  const body = { type: "found", finding, run: run.id, loop: loop.name, loopHash: loop.hash }
  // Both or none: one statement is a transaction of its own.
  await sql`
    with fresh as (
      insert into flyball.change (id, repo, loop, fingerprint, ordinal, run)
      values (${id}, ${repo}, ${loop.name}, ${finding.fingerprint}, ${ordinal}, ${run.id})
      on conflict do nothing returning id)
    insert into flyball.event (change, key, body) select id, 'found', ${toJson(body)}::jsonb from fresh`.execute(db)
  return id
}

/** Readable and the same whoever computes it: words of the title, then a digest. */
export function changeId(repo: string, loop: string, finding: Finding, ordinal: number): string {
  const words = finding.title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .split("-")
    .filter((word) => word.length > 1)
  let slug = ""
  for (const word of words) {
    if (slug.length + word.length > 28) break
    slug = slug === "" ? word : `${slug}-${word}`
  }
  const digest = createHash("sha256")
    .update(`${repo}\n${loop}\n${finding.fingerprint}\n${ordinal}`)
    .digest("hex")
    .slice(0, 6)
  return slug === "" ? `change-${digest}` : `${slug}-${digest}`
}
