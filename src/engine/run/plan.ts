import { type Change, goesOnByItself } from "../../core/change.ts"
import type { Finding } from "../../core/finding.ts"
import type { Loop } from "../../core/loop.ts"
import { sameWork, workIn } from "../../discover/same-work.ts"
import { leavesAlone } from "../../discover/triage.ts"
import { tryGit } from "../../lib/git.ts"
import { readChanges } from "../../record/ledger.ts"
import { readLeases } from "../leases.ts"
import type { Session } from "../session.ts"
import type { Piece } from "../work.ts"

/** What a run does with a finding, and why not more. */
export type Planned = {
  finding: Finding
  plan: "attempt" | "ask" | "skip" | "under_way"
  why?: string
  change?: Change
  ordinal: number
}

/**
 * One change for each piece of work, whatever the number of runs (catalogue T7): a finding whose change waits, landed,
 * or was closed is not begun again, unless it came back after it had landed. Changes that a person answered, or that
 * waited for the machine to mend, go on even where nothing found them again.
 */
export async function planFor(
  session: Session,
  loop: Loop,
  findings: readonly Finding[],
  base: string,
  { anew = false }: { anew?: boolean } = {},
): Promise<Planned[]> {
  // In this order: what ends in between is then seen as ended, never as left behind.
  const driven = new Set((await readLeases(session.pool)).map((lease) => lease.change))
  const alike = workIn(findings)
  const changes = await readChanges(session.db, { repo: session.repo.key, loop: loop.name }, undefined, alike)
  const goesOn = (change: Change) => !driven.has(change.id) && mayGoOn(change)
  const planned = await Promise.all(
    findings.map((finding) => unlessLandedSince(planOne(finding, changes, { goesOn, anew }), changes, session, base)),
  )
  const seen = new Set(planned.flatMap((each) => (each.change === undefined ? [] : [each.change.id])))
  const orphans = changes
    .filter((change) => !seen.has(change.id) && goesOn(change))
    .map((change): Planned => ({ finding: change.finding, plan: "attempt", change, ordinal: 0 }))
  return [...orphans, ...planned]
}

/** What was found on a base that its last change had not reached yet has not come back: it landed while work was looked for. */
async function unlessLandedSince(
  planned: Planned,
  changes: readonly Change[],
  { repo }: Session,
  base: string,
): Promise<Planned> {
  if (planned.plan !== "attempt" || planned.change !== undefined || planned.ordinal === 1) return planned
  const last = changes.findLast((change) => sameWork(change.finding, planned.finding))
  const landed = last?.merged ?? last?.attempts.findLast((attempt) => attempt.standing === "gone")?.base
  if (last === undefined || landed === undefined) return planned
  const ran = await tryGit(["merge-base", "--is-ancestor", landed, base], { cwd: repo.gitDir })
  if (ran.exitCode !== 1) return planned
  return { ...planned, plan: "skip", why: `${last.id} landed while work was looked for`, change: last }
}

type Planning = {
  goesOn: (change: Change) => boolean
  /** Whether a person's new word opens what their last one closed. */
  anew: boolean
}

function planOne(finding: Finding, changes: readonly Change[], { goesOn, anew }: Planning): Planned {
  const mine = changes.filter((change) => sameWork(change.finding, finding))
  const change = mine.at(-1)
  const ordinal = mine.length + 1
  if (change === undefined) {
    return finding.attemptable ? { finding, plan: "attempt", ordinal } : leftAlone(finding, ordinal)
  }
  if (goesOn(change)) return { finding, plan: "attempt", change, ordinal }
  switch (change.finished) {
    case undefined:
      return { finding, plan: "under_way", why: `${change.id} is under way`, change, ordinal }
    case "proposed":
    case "reported":
      return { finding, plan: "skip", why: `${change.id} waits for review`, change, ordinal }
    case "asked":
    case "stopped":
      return { finding, plan: "skip", why: `${change.id} waits for a person`, change, ordinal }
    case "closed":
      if (anew && finding.attemptable) return { finding, plan: "attempt", ordinal }
      return { finding, plan: "skip", why: `${change.id} was closed by a person`, change, ordinal }
    // Merged, or already fixed, and found again: it came back. Of what nothing can reproduce that can't be said.
    default:
      if (finding.reproduce === undefined && finding.evaluated === undefined) {
        const why = `${change.id} was merged, and nothing can show whether it is still open: close it where it was found`
        return { finding, plan: "skip", why, change, ordinal }
      }
      return finding.attemptable ? { finding, plan: "attempt", ordinal } : leftAlone(finding, ordinal)
  }
}

/** A rule that leaves it to a person opens an inbox item; a person's own word in the state file needs none, nor does what is not sorted yet. */
function leftAlone(finding: Finding, ordinal: number): Planned {
  const why = finding.reason ?? "not to be attempted"
  return { finding, plan: leavesAlone(finding) ? "skip" : "ask", why, ordinal }
}

/** Whether a change may go on by itself now: begun and never driven, answered by a person, or waiting for the machine. */
function mayGoOn(change: Change): boolean {
  if (change.finished === "asked") return goesOnByItself(change)
  return change.finished === undefined
}

/** The planned work as pieces for `workOff`, what goes on first. */
export function admitAll(
  plan: readonly Planned[],
  act: { admit(finding: Finding, ordinal: number): Promise<string>; goOn(change: Change): Promise<string> },
): Piece<string>[] {
  const pieces = plan.flatMap(({ finding, plan: what, change, ordinal }): Piece<string>[] => {
    if (what !== "attempt" && what !== "ask") return []
    if (change !== undefined) {
      // What waits for its turn is no more than new work until there is room.
      const isNew = change.question?.reason === "priority"
      return [{ title: finding.title, isNew, begin: () => act.goOn(change) }]
    }
    // What only asks a person costs nothing and waits for no limit.
    return [{ title: finding.title, isNew: finding.attemptable, begin: () => act.admit(finding, ordinal) }]
  })
  return [...pieces.filter((piece) => !piece.isNew), ...pieces.filter((piece) => piece.isNew)]
}
