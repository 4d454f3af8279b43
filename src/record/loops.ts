import { sql, type Transaction } from "kysely"
import type { Loop } from "../core/loop.ts"
import { Priority } from "../core/priority.ts"
import type { Db, Tables } from "./database.ts"

/** A loop that shares a ceiling with others, and where it stands among them. */
export type RankedLoop = { repo: string; loop: string; priority: Priority }

/** Notes that a loop runs here, and who goes before it and after it under a ceiling that it shares. */
export async function noteLoop(db: Db, repo: string, { name, guardrails }: Loop): Promise<void> {
  const row = { repo, loop: name, priority: guardrails.priority ?? "normal" }
  await db
    .insertInto("loop")
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(["repo", "loop"]).doUpdateSet({ priority: row.priority, seen_at: sql`now()` }),
    )
    .execute()
}

/** The loops of all repositories that this ledger knows to have been at work since a moment, but for one; high ones first. */
export async function loopsSince(
  db: Db | Transaction<Tables>,
  { but, since }: { but: { repo: string; loop: string }; since: Date },
): Promise<RankedLoop[]> {
  const rows = await db
    .selectFrom("loop")
    .select(["repo", "loop", "priority"])
    .where("seen_at", ">=", since)
    .orderBy(sql`priority = 'high'`, "desc")
    .orderBy("loop")
    .limit(MOST)
    .execute()
  return rows
    .filter((row) => row.repo !== but.repo || row.loop !== but.loop)
    .map(({ repo, loop, priority }) => ({ repo, loop, priority: Priority.catch("normal").parse(priority) }))
}

/** What is said of them names a few; whether there is one that goes first, a thousand tell as well as all. */
const MOST = 1_000
