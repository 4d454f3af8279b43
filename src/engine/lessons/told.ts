import type { Change } from "../../core/change.ts"
import type { Repo } from "../../core/ports.ts"
import { sameWork, workIn } from "../../discover/same-work.ts"
import { tryGit } from "../../lib/git.ts"
import type { Db } from "../../record/database.ts"
import { readChanges } from "../../record/ledger.ts"
import { outcomeOf } from "../view.ts"
import { lessonsFiles, lessonsIn } from "./guide.ts"

/** What the base's files of lessons say, oldest first; read once for each base. */
export function openLessons(
  gitDir: string,
  path: string | undefined,
): (base: string, signal: AbortSignal) => Promise<string[]> {
  const known = new Map<string, string[]>()
  return async (base, signal) => {
    const found = known.get(base) ?? []
    if (known.has(base)) return found
    for (const file of lessonsFiles(path)) {
      const blob = await tryGit(["cat-file", "blob", `${base}:${file}`], { cwd: gitDir, signal })
      if (blob.exitCode === 0) found.push(...lessonsIn(blob.stdout.slice(-MAX_FILE_CHARS)))
    }
    // What an abort cut short is no answer.
    if (!signal.aborted) known.set(base, found)
    return found
  }
}

/** What changes for the same work came to before this one, by whatever loop; the newest last. */
export async function triedElsewhere(db: Db, repo: Pick<Repo, "key">, change: Change): Promise<string[]> {
  const changes = await readChanges(db, { repo: repo.key }, undefined, workIn([change.finding]))
  return earlierOf(change, changes)
}

/** The same of changes that are read already. Pure. */
export function earlierOf(change: Change, changes: readonly Change[]): string[] {
  return changes
    .filter((other) => other.id !== change.id && other.finished !== undefined)
    .filter((other) => sameWork(other.finding, change.finding) && other.startedAt <= change.startedAt)
    .filter((other) => other.attempts.some((attempt) => attempt.made !== undefined))
    .slice(-MOST_CHANGES)
    .map((other) => {
      const tried = other.attempts.filter((attempt) => attempt.made !== undefined).slice(-MOST_ATTEMPTS)
      const lines = tried.map((attempt) => `  attempt ${attempt.n}: ${outcomeOf(attempt)}`)
      return [`change ${other.id} of ${other.updatedAt.slice(0, 10)}, ${endOf(other)}`, ...lines].join("\n")
    })
}

/** How it ended, and what was said at its end. */
function endOf({ finished, answer, stopped, question, merged }: Change): string {
  switch (finished) {
    case "merged":
      return `merged as ${merged?.slice(0, 10) ?? "?"}: it did not last, for the finding is back`
    case "closed":
      return `closed by a person: ${answer?.is === "close" ? answer.why : "no reason given"}`
    case "stopped":
      return `stopped (${stopped?.reason ?? "?"}): ${stopped?.detail ?? ""}`
    case "asked":
      return `waits for a person (${question?.reason ?? "?"}): ${question?.text ?? ""}`
    default:
      return `ended as ${finished ?? "?"}`
  }
}

const MAX_FILE_CHARS = 200_000
const MOST_CHANGES = 3
const MOST_ATTEMPTS = 4
