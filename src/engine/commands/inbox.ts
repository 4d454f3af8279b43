import { z } from "zod"
import type { Change } from "../../core/change.ts"
import { bestOf, roundsOf } from "../../core/round.ts"
import { tryGit } from "../../lib/git.ts"
import { readChanges } from "../../record/ledger.ts"
import { pickChange, type Session } from "../session.ts"
import { ChangeView, viewOf } from "../view.ts"

export const InboxReport = z.object({ items: z.array(ChangeView) })
export type InboxReport = z.infer<typeof InboxReport>

export const InboxItem = z.object({
  change: ChangeView,
  /** What the finding says: outside text. */
  finding: z.object({
    title: z.string(),
    body: z.string(),
    file: z.string().optional(),
    line: z.number().optional(),
    url: z.string().optional(),
  }),
  /** The change against its base, size-limited; empty where nothing was made. */
  diff: z.string(),
  /** What a person can do now, as command lines. */
  next: z.array(z.string()),
})
export type InboxItem = z.infer<typeof InboxItem>

/** What waits for a person, oldest first: proposals, questions, and what a guard rail stopped. */
export async function inbox({ db, repo }: Session): Promise<InboxReport> {
  const changes = await readChanges(db, { repo: repo.key })
  return { items: changes.map((change) => viewOf(change, false)).filter((view) => waits(view)) }
}

/** Whether it waits for a person. */
export function waits(view: ChangeView): boolean {
  return view.stage === "awaiting_review" || view.stage === "needs_a_person"
}

/** Whether it waits to be attempted at all: an approval of it lands nothing, and lets the next run begin. */
export function waitsForNod(view: ChangeView): boolean {
  return view.stage === "needs_a_person" && view.reason === "triage" && view.attempts.length === 0
}

const MAX_DIFF_BYTES = 512 * 1024

/** All that is needed to decide on one change. */
export async function inboxItem(session: Session, wanted: string, signal: AbortSignal): Promise<InboxItem> {
  const change = await findChange(session, wanted)
  const view = viewOf(change, false)
  const { title, body, file, line, url } = change.finding
  return {
    change: view,
    finding: {
      title,
      body,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(url === undefined ? {} : { url }),
    },
    diff: await diffOf(session, change, signal),
    next: nextSteps(view),
  }
}

async function diffOf({ repo }: Session, change: Change, signal: AbortSignal): Promise<string> {
  const made = roundsOf(change.attempts).map(bestOf)
  const attempt = made.findLast((each) => each.made?.is === "commit")
  const base = attempt?.verifiedBase ?? attempt?.base
  if (attempt?.made?.is !== "commit" || base === undefined) return ""
  // From where the two parted, so that what landed on the base since does not show as undone.
  const ran = await tryGit(["diff", "--no-ext-diff", "--no-textconv", "--no-color", `${base}...${attempt.made.head}`], {
    cwd: repo.gitDir,
    signal,
  })
  if (ran.stdout.length <= MAX_DIFF_BYTES) return ran.stdout
  return `${ran.stdout.slice(0, MAX_DIFF_BYTES)}\n… cut at ${MAX_DIFF_BYTES / 1024} KiB\n`
}

/** What can be done with a change in its present state; the commands themselves refuse the rest with a reason. */
export function nextSteps(view: ChangeView): string[] {
  if (!waits(view)) return []
  const steps: string[] = []
  if (waitsForNod(view)) steps.push(`flyball inbox approve ${view.id}`)
  if (
    view.head !== undefined &&
    (view.stage === "awaiting_review" ||
      view.reason === "gate_asks" ||
      view.reason === "reviewer_asks" ||
      view.reason === "reviewers_disagree" ||
      view.reason === "goal_impossible" ||
      view.reason === "approval")
  ) {
    steps.push(`flyball inbox approve ${view.id}`)
  }
  // Nobody makes lessons anew.
  if (view.source === "lessons") return [...steps, `flyball inbox reject ${view.id} "why" --close`]
  if (view.stage === "needs_a_person") steps.push(`flyball inbox answer ${view.id} "what it should know"`)
  steps.push(`flyball inbox reject ${view.id} "why"`, `flyball inbox reject ${view.id} "why" --close`)
  return steps
}

/** The change that a person means, of this repository. */
export async function findChange(session: Session, wanted: string): Promise<Change> {
  const changes = await readChanges(session.db, { repo: session.repo.key })
  return pickChange(changes, wanted, (change) => waits(viewOf(change, false)))
}
