import type { Change } from "../core/change.ts"
import type { Finding } from "../core/finding.ts"
import { chosenOf } from "../core/round.ts"
import { workKeys } from "../discover/same-work.ts"
import type { StateRow, StateView } from "../discover/state/view.ts"
import { NOT_TRIAGED } from "../discover/triage.ts"
import type { WordRow } from "../record/words.ts"
import type { Said } from "./state-words.ts"
import { outcomeOf, type Stage, viewOf } from "./view.ts"

export type Standings = {
  /** The day of the write. */
  at: string
  /** What the newest run found, and when it began to look. */
  findings: readonly Finding[]
  seenAt: string
  /** Oldest first. */
  changes: readonly Change[]
  said: Said
}

/** What the ledger says the state file should show: every finding of the last run, and every change that is not old. */
export function stateView(loop: string, { at, findings, seenAt, changes, said }: Standings): StateView {
  const latest = newestOfEach(changes)
  const taken = new Set(
    latest.filter((change) => !isOver(change, seenAt)).flatMap((change) => workKeys(change.finding)),
  )
  const open = findings.filter((finding) => !workKeys(finding).some((key) => taken.has(key)))
  const rows = [
    ...open.map((finding) => withWords(openRow(finding), said, finding)),
    ...recent(latest).map((change) => withWords(changeRow(change), said, change.finding)),
  ]
  return { loop, at, rows }
}

/** The newest change of each piece of work. */
function newestOfEach(changes: readonly Change[]): Change[] {
  const seen = new Set<string>()
  const newest: Change[] = []
  for (const change of [...changes].reverse()) {
    const keys = workKeys(change.finding)
    if (!keys.some((key) => seen.has(key))) newest.unshift(change)
    for (const key of keys) seen.add(key)
  }
  return newest
}

/** Landed before the finding was seen again: it came back, and is open. */
function isOver(change: Change, seenAt: string): boolean {
  return viewOf(change, false).stage === "done" && change.updatedAt < seenAt
}

const MAX_DONE = 20

/** All that is not done, and of what is done the newest. */
function recent(changes: readonly Change[]): Change[] {
  const done = changes.filter((change) => viewOf(change, false).stage === "done")
  const kept = new Set([...done].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt)).slice(0, MAX_DONE))
  const rest = changes.filter((change) => viewOf(change, false).stage !== "done")
  return [...rest, ...kept]
}

/** What people said of it, as read; and what they ticked stands with what is done, as they left it. */
function withWords(row: StateRow, said: Said, finding: Finding): StateRow {
  const read = said.allOn(finding).flatMap(readLine)
  const ticked = row.section === "blocked" && said.wordOn(finding)?.is === "ticked"
  return { ...row, ...(ticked ? { section: "done" as const } : {}), ...(read.length === 0 ? {} : { read }) }
}

function readLine({ word, at }: WordRow): string[] {
  if (word.is === "added") return []
  const text = word.is === "noted" ? `note: ${word.text}` : word.is
  return [`${text}, read ${at.toISOString().slice(0, 10)}`]
}

function openRow(finding: Finding): StateRow {
  const { attemptable, reason = "" } = finding
  // A person's own word in the file blocks it; a rule of discovery leaves it to a person; what is not sorted yet waits.
  const open = attemptable || reason.startsWith(`${NOT_TRIAGED}:`)
  const section = open ? "open" : /^state-/.test(reason) ? "blocked" : "needs_a_person"
  return { ...rowOf(finding), section, why: finding.reason }
}

function changeRow(change: Change): StateRow {
  const view = viewOf(change, false)
  const last = chosenOf(change)
  return {
    ...rowOf(change.finding),
    section: sectionOf[view.stage],
    commit: change.merged ?? view.commit ?? change.finding.commit,
    where: change.proposal?.branch ?? change.finding.url ?? change.finding.file,
    tried: change.attempts.map((attempt) => `attempt ${attempt.n}: ${outcomeOf(attempt)}`),
    passed: last?.evidence.filter((each) => each.outcome === "pass").map((each) => each.check),
    why: view.question === undefined ? (view.waits ?? view.says) : `${view.reason}: ${view.question}`,
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
  const { fingerprint, title, severity, source, module, size, confidence, commit, suggested } = finding
  return {
    fingerprint,
    title,
    severity,
    source,
    module,
    size,
    confidence,
    commit,
    suggested,
    where: finding.url ?? finding.file,
  }
}
