import { z } from "zod"
import type { Db } from "./database.ts"
import { toJson } from "./json.ts"

/** What a person said of a finding in the state file. */
export const Word = z.discriminatedUnion("is", [
  z.object({ is: z.literal("ticked") }),
  z.object({ is: z.literal("blocked") }),
  z.object({ is: z.literal("reopened") }),
  z.object({ is: z.literal("noted"), text: z.string() }),
  z.object({ is: z.literal("added"), text: z.string(), detail: z.string() }),
])
export type Word = z.infer<typeof Word>
export type WordRow = { key: string; fingerprint: string; word: Word; at: Date }

/** Writes down what a person said; true where it was not known yet. */
export async function recordWord(
  db: Db,
  where: { repo: string; loop: string },
  key: string,
  fingerprint: string,
  word: Word,
): Promise<boolean> {
  const row = await db
    .insertInto("word")
    .values({ ...where, key, fingerprint, body: toJson(word) })
    .onConflict((conflict) => conflict.columns(["repo", "loop", "key"]).doNothing())
    .returning("key")
    .executeTakeFirst()
  return row !== undefined
}

/** Everything people said of the loop's findings, oldest first. */
export async function readWords(db: Db, where: { repo: string; loop: string }): Promise<WordRow[]> {
  const rows = await db
    .selectFrom("word")
    .selectAll()
    .where("repo", "=", where.repo)
    .where("loop", "=", where.loop)
    .orderBy("at")
    .execute()
  return rows.map((row) => ({ key: row.key, fingerprint: row.fingerprint, word: Word.parse(row.body), at: row.at }))
}
