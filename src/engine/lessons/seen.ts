import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import type { Repo } from "../../core/ports.ts"
import { writeWhole } from "../../lib/write-whole.ts"

/** Up to when a loop's changes were looked at for lessons, and what was seen of each of the last ones. */
const Seen = z.object({ until: z.string(), signatures: z.record(z.string(), z.string()) })
export type Seen = z.infer<typeof Seen>

/** Undefined where nobody looked yet, or the file is broken: then what this run brought is what counts. */
export async function readSeen(repo: Repo, loop: string): Promise<Seen | undefined> {
  const text = await readFile(fileOf(repo, loop), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return Seen.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Whole, or as it was before. */
export async function writeSeen(repo: Repo, loop: string, { until, signatures }: Seen): Promise<void> {
  const newest = Object.fromEntries(Object.entries(signatures).slice(-MOST_SIGNATURES))
  await writeWhole(fileOf(repo, loop), JSON.stringify({ until, signatures: newest }))
}

function fileOf({ dataDir }: Repo, loop: string): string {
  return join(dataDir, "lessons", `${loop}.json`)
}

const MOST_SIGNATURES = 500
