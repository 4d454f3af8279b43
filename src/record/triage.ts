import { sql } from "kysely"
import { z } from "zod"
import { TriageWord } from "../core/triage.ts"
import type { Db } from "./database.ts"
import { toJson } from "./json.ts"

/** What a triager said of a finding, or how often it was asked and said nothing that could be read. */
export const KeptTriage = z.union([z.strictObject({ entry: TriageWord }), z.strictObject({ missed: z.number().int() })])
export type KeptTriage = z.infer<typeof KeptTriage>

/** What is kept under these keys; what can't be read counts as not kept. With `use` it is marked as asked for today. */
export async function readTriage(
  db: Db,
  repo: string,
  keys: readonly string[],
  { use }: { use: boolean },
): Promise<Map<string, KeptTriage>> {
  if (keys.length === 0) return new Map()
  const rows = await db
    .selectFrom("triage")
    .select(["key", "body"])
    .where("repo", "=", repo)
    .where("key", "=", anyOf(keys))
    .execute()
  const known = new Map<string, KeptTriage>()
  for (const { key, body } of rows) {
    const kept = KeptTriage.safeParse(body)
    if (kept.success) known.set(key, kept.data)
  }
  if (use && known.size > 0)
    await db
      .updateTable("triage")
      .set({ used_at: new Date() })
      .where("repo", "=", repo)
      .where("key", "=", anyOf([...known.keys()]))
      .execute()
  return known
}

/** Keeps what was said, or that nothing was, under its key; the newest word counts. */
export async function keepTriage(db: Db, repo: string, kept: ReadonlyMap<string, KeptTriage>): Promise<void> {
  for (const [key, body] of kept) {
    await db
      .insertInto("triage")
      .values({ repo, key, body: toJson(body) })
      .onConflict((conflict) =>
        conflict.columns(["repo", "key"]).doUpdateSet({ body: toJson(body), used_at: new Date() }),
      )
      .execute()
  }
}

/** As one parameter, however many there are. */
function anyOf(keys: readonly string[]) {
  return sql<string>`any(${[...keys]}::text[])`
}
