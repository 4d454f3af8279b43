import type { Change } from "../core/change.ts"
import type { Finding } from "../core/finding.ts"
import type { StateRow, StateView } from "../discover/state/view.ts"
import { outcomeOf, type Stage, viewOf } from "./view.ts"

/** What the ledger says the state file should show: every finding of the last run, and every change that is not old. */
export function stateView(
  loop: string,
  at: string,
  findings: readonly Finding[],
  changes: readonly Change[],
  notes: ReadonlyMap<string, string[]>,
): StateView {
  const latest = new Map(changes.map((change) => [change.finding.fingerprint, change]))
  const open = findings.filter((finding) => !latest.has(finding.fingerprint)).map(openRow)
  const rows = [...open, ...[...latest.values()].filter(isRecent).map(changeRow)].map((row) => {
    const read = notes.get(row.fingerprint)
    return read === undefined ? row : { ...row, read }
  })
  return { loop, at, rows }
}

const MAX_DONE = 20

function isRecent(change: Change, _index: number, all: readonly Change[]): boolean {
  if (viewOf(change, false).stage !== "done") return true
  const newer = all.filter((other) => viewOf(other, false).stage === "done" && other.updatedAt > change.updatedAt)
  return newer.length < MAX_DONE
}

function openRow(finding: Finding): StateRow {
  return { ...rowOf(finding), section: finding.attemptable ? "open" : "blocked", why: finding.reason }
}

function changeRow(change: Change): StateRow {
  const view = viewOf(change, false)
  const last = change.attempts.at(-1)
  return {
    ...rowOf(change.finding),
    section: sectionOf[view.stage],
    commit: change.merged ?? view.commit ?? change.finding.commit,
    where: change.proposal?.branch,
    tried: change.attempts.map((attempt) => `attempt ${attempt.n}: ${outcomeOf(attempt)}`),
    passed: last?.evidence.filter((each) => each.outcome === "pass").map((each) => each.check),
    why: view.question === undefined ? view.says : `${view.reason}: ${view.question}`,
  }
}

const sectionOf: Record<Stage, StateRow["section"]> = {
  in_progress: "in_progress",
  awaiting_review: "awaiting_review",
  needs_a_person: "needs_a_person",
  blocked: "blocked",
  done: "done",
}

function rowOf(finding: Finding): Omit<StateRow, "section"> {
  const { fingerprint, title, severity, source, module, commit, suggested } = finding
  return { fingerprint, title, severity, source, module, commit, suggested, where: finding.url ?? finding.file }
}
