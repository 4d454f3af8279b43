import { userInfo } from "node:os"
import { z } from "zod"
import type { Change } from "../../core/change.ts"
import type { EventBody } from "../../core/event.ts"
import { Failure } from "../../core/failure.ts"
import { tryGit } from "../../lib/git.ts"
import { append, readChange, readChanges } from "../../record/ledger.ts"
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

function waits(view: ChangeView): boolean {
  return view.stage === "awaiting_review" || view.stage === "needs_a_person"
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
  const attempt = change.attempts.findLast((each) => each.made?.is === "commit")
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
  if (
    view.head !== undefined &&
    (view.stage === "awaiting_review" ||
      view.reason === "gate_asks" ||
      view.reason === "reviewer_asks" ||
      view.reason === "approval")
  ) {
    steps.push(`flyball inbox approve ${view.id}`)
  }
  if (view.stage === "needs_a_person") steps.push(`flyball inbox answer ${view.id} "what it should know"`)
  steps.push(`flyball inbox reject ${view.id} "why"`, `flyball inbox reject ${view.id} "why" --close`)
  return steps
}

type Answer = Extract<EventBody, { type: "answered" }>["answer"]

/** Writes a person's word into the ledger, once it is seen to fit the change's state. Returns the change with it. */
export async function recordAnswer(
  session: Session,
  wanted: string,
  make: (change: Change) => Answer,
): Promise<Change> {
  const change = await findChange(session, wanted)
  const view = viewOf(change, false)
  if (!waits(view)) {
    throw new Failure("NOT_WAITING", `${change.id} does not wait for a person: ${view.says}.`, {
      hint: "`flyball inbox` lists what does.",
    })
  }
  const answer = make(change)
  await append(session.db, change.id, `answered/${change.length}`, { type: "answered", by: userName(), answer })
  return (await readChange(session.db, change.id)) ?? change
}

/** The commit that an approval would land, or why there is none. */
export function approvable(change: Change): Answer {
  const view = viewOf(change, false)
  if (view.head === undefined) {
    throw new Failure("NOTHING_TO_APPROVE", `${change.id} has no commit: ${view.says}.`, {
      hint: "Answer its question, or reject it with a reason.",
    })
  }
  const last = change.attempts.at(-1)
  if (last?.verdict?.is !== "accept" && last?.verdict?.is !== "ask") {
    throw new Failure(
      "NOT_ACCEPTED",
      `The gate did not accept ${change.id}: ${view.says}. An approval can't make it pass.`,
      {
        hint: `See \`flyball inbox show ${change.id}\`; reject it with a reason for another attempt, or take the commit by hand.`,
      },
    )
  }
  return { is: "approve", head: view.head }
}

async function findChange(session: Session, wanted: string): Promise<Change> {
  const changes = await readChanges(session.db, { repo: session.repo.key })
  const { id } = pickChange(
    changes.map((change) => ({ id: change.id, title: change.finding.title })),
    wanted,
  )
  const change = changes.find((each) => each.id === id)
  if (change === undefined) throw new Failure("NO_SUCH_CHANGE", `There is no change "${wanted}".`)
  return change
}

/** Who answers: the login name. On a machine that several people share as one user, that is all there is to know. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "?"}`
  }
}
