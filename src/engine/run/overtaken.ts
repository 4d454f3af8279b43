import { type Change, goesOnByItself } from "../../core/change.ts"
import type { Finding } from "../../core/finding.ts"
import type { Base, Evaluated } from "../../core/ports.ts"
import type { Standing } from "../../core/standing.ts"
import { sameWork } from "../../discover/same-work.ts"
import { append, readChanges } from "../../record/ledger.ts"
import type { OpenContext } from "../open-context.ts"

/**
 * Ends the changes that wait for a person although their finding is gone from the base: somebody merged the proposal
 * elsewhere, or fixed it otherwise (catalogue D7). Only a finding's own check can say so, or the evaluator where it was the one that found it, and only for what this run did
 * not find again. Returns a note for each.
 */
export async function endOvertaken(
  { db, repo, loop, standing }: OpenContext,
  { base, findings, evaluated, signal }: Seen & { signal: AbortSignal },
): Promise<string[]> {
  const changes = await readChanges(db, { repo: repo.key, loop: loop.name })
  const notes: string[] = []
  for (const change of changes.filter(waits)) {
    if (findings.some((finding) => sameWork(change.finding, finding))) continue
    const now =
      change.finding.evaluated === undefined ? await standing(change.finding, base.sha, signal) : metNow(evaluated)
    if (now.is !== "gone") continue
    const attempt = (change.attempts.at(-1)?.n ?? 0) + 1
    await append(db, change.id, `isolate.ended/${change.length}`, {
      type: "isolate.ended",
      attempt,
      base: base.sha,
      workspace: "",
      standing: "gone",
      detail: now.why,
    })
    await append(db, change.id, `finished/${change.length + 1}`, { type: "finished", outcome: "already_fixed" })
    const branch = change.proposal === undefined ? "" : `; its branch ${change.proposal.branch} stays`
    notes.push(`${change.id} waits no longer: it is fixed on ${base.branch} by now${branch}.`)
  }
  return notes
}

/** What this run saw: of a goal, what its evaluator said of the base. */
type Seen = { base: Base; findings: readonly Finding[]; evaluated?: Evaluated | undefined }

function metNow(evaluated: Evaluated | undefined): Standing {
  if (evaluated?.is !== "answer" || evaluated.answer !== "met")
    return { is: "unknown", why: "nobody says that it is met" }
  return { is: "gone", why: `met, says ${evaluated.by}: ${evaluated.reason}` }
}

function waits(change: Change): boolean {
  const { finished, finding, answer } = change
  // Approved, and cut short by the machine: it may have landed by itself, and goes on by itself to see whether it did.
  if (answer?.is === "approve" && goesOnByItself(change)) return false
  const canBeSeen = finding.reproduce !== undefined || finding.evaluated !== undefined
  return canBeSeen && (finished === "proposed" || finished === "asked" || finished === "stopped")
}
