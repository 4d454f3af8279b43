import { sql } from "kysely"
import { EventBody } from "../core/event.ts"
import type { Db } from "./database.ts"

/** A commit that left or landed, by whichever change. */
export type Shipped = { change: string; commit: string; head: string }

/** What changes of a repository (or of all of them) shipped, the newest first. */
export async function readShipped(
  db: Db,
  where: { repo?: string; commits?: readonly string[] },
  limit = 1_000,
): Promise<Shipped[]> {
  const { repo, commits } = where
  if (commits?.length === 0) return []
  const rows = await db
    .selectFrom("event")
    .innerJoin("change", "change.id", "event.change")
    .select(["event.change", "event.body"])
    .where(sql`event.body->>'type'`, "=", "ship.ended")
    .$if(repo !== undefined, (query) => query.where("change.repo", "=", repo ?? ""))
    .$if(commits !== undefined, (query) => query.where(sql<string>`event.body->>'commit'`, "in", [...(commits ?? [])]))
    .orderBy("event.seq", "desc")
    .limit(limit)
    .execute()
  return rows.flatMap(({ change, body }) => {
    const read = EventBody.safeParse(body)
    return read.success && read.data.type === "ship.ended"
      ? [{ change, commit: read.data.commit, head: read.data.head }]
      : []
  })
}
