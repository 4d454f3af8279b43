import { sql } from "kysely"
import type { Db } from "./database.ts"

/** An agent of a loop as it is defined now: a new definition is another one. */
export type Asked = { repo: string; loop: string; who: string }
/** How often in a row it was asked in vain, why the last time, and how long that is ago. */
export type Unanswered = { times: number; why: string; agoMs: number }

/** What is known against it; undefined where it answered the last time, or never was asked. */
export async function readUnanswered(db: Db, { repo, loop, who }: Asked): Promise<Unanswered | undefined> {
  const row = await db
    .selectFrom("unanswered")
    .select(["times", "why", sql<number>`extract(epoch from clock_timestamp() - at) * 1000`.as("ago")])
    .where("repo", "=", repo)
    .where("loop", "=", loop)
    .where("who", "=", who)
    .executeTakeFirst()
  return row === undefined || row.times === 0 ? undefined : { times: row.times, why: row.why, agoMs: Number(row.ago) }
}

/** Counts a question as asked in vain: until it is answered nobody knows whether it will be. */
export async function countUnanswered(db: Db, asked: Asked, why: string): Promise<void> {
  await db
    .insertInto("unanswered")
    .values({ ...asked, times: 1, why })
    .onConflict((conflict) =>
      conflict
        .columns(["repo", "loop", "who"])
        .doUpdateSet({ times: sql<number>`unanswered.times + 1`, why, at: sql<Date>`clock_timestamp()` }),
    )
    .execute()
}

/** Says why the last question came to nothing. */
export async function explainUnanswered(db: Db, { repo, loop, who }: Asked, why: string): Promise<void> {
  await db
    .updateTable("unanswered")
    .set({ why, at: sql<Date>`clock_timestamp()` })
    .where("repo", "=", repo)
    .where("loop", "=", loop)
    .where("who", "=", who)
    .execute()
}

/** Takes the last question back: that it came to nothing was not the agent's doing. */
export async function forgiveUnanswered(db: Db, { repo, loop, who }: Asked): Promise<void> {
  await db
    .updateTable("unanswered")
    .set({ times: sql<number>`greatest(times - 1, 0)` })
    .where("repo", "=", repo)
    .where("loop", "=", loop)
    .where("who", "=", who)
    .execute()
}

/** It answered. */
export async function clearUnanswered(db: Db, { repo, loop, who }: Asked): Promise<void> {
  await db.deleteFrom("unanswered").where("repo", "=", repo).where("loop", "=", loop).where("who", "=", who).execute()
}
