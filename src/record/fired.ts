import type { Db } from "./database.ts"

/** When each loop of a repository last fired by itself. */
export async function readFired(db: Db, repo: string): Promise<Map<string, Date>> {
  const rows = await db.selectFrom("fired").select(["loop", "at"]).where("repo", "=", repo).execute()
  return new Map(rows.map((row) => [row.loop, row.at]))
}

/** Notes a firing. */
export async function recordFired(db: Db, where: { repo: string; loop: string }, at: Date): Promise<void> {
  await db
    .insertInto("fired")
    .values({ ...where, at })
    .onConflict((conflict) => conflict.columns(["repo", "loop"]).doUpdateSet({ at }))
    .execute()
}
