import { userInfo } from "node:os"
import type { Change } from "../../core/change.ts"
import type { EventBody } from "../../core/event.ts"
import { Failure } from "../../core/failure.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { chosenOf } from "../../core/round.ts"
import { tryGit } from "../../lib/git.ts"
import { append, readChange } from "../../record/ledger.ts"
import { readRuns } from "../../record/runs.ts"
import { openEngine } from "../engine.ts"
import { refuseHalted } from "../halting.ts"
import { NOD } from "../lessons/teaches.ts"
import { withChangeLock } from "../run/lock.ts"
import { openSession, type Session } from "../session.ts"
import { hear, tell } from "../state-file.ts"
import { type ChangeView, viewOf } from "../view.ts"
import { findChange, waits, waitsForNod } from "./inbox.ts"

/** What a person says of a change that waits. */
export type Said =
  | { is: "approve" }
  | { is: "retry"; why: string }
  | { is: "close"; why: string }
  | { is: "answer"; text: string }

export type AnswerOptions = {
  cwd: string
  /** An id, or a part of one. */
  change: string
  said: Said
  /** Act on it in this process; otherwise the loop's next run does. An approval and a close are always acted on. */
  now: boolean
  signal: AbortSignal
  progress: Progress
  onStep?: Parameters<typeof openEngine>[0]["onStep"]
}

/** Writes a person's word into the ledger, acts on it if it is to be acted on now, and brings the state file up to date. */
export async function answerChange(options: AnswerOptions): Promise<{ change: ChangeView; notes: string[] }> {
  const { cwd, signal, progress } = options
  await using session = await openSession({ cwd, signal, progress: (text) => progress({ verb: "record", text }) })
  const found = await findChange(session, options.change)
  const nod = options.said.is === "approve" && waitsForNod(viewOf(found, false))
  const said: Said = nod ? { is: "answer", text: NOD } : options.said
  if (found.finding.lessons !== undefined) refuseOtherWords(found, said)
  // What can't be said is refused before anything is opened for it.
  answerFor(found, said)
  // What is not to be acted on now may be said; it waits in the ledger.
  const { id, loop, run } = found
  const acts = (options.now && !nod) || said.is === "approve"
  if (acts) refuseHalted(session.home, { repo: session.repo.key, loop, run, change: id })
  if (said.is === "approve") await refuseElsewhere(session.repo, found, signal)
  const now = acts || said.is === "close"
  const change = now ? await goOn(session, found, { ...options, said }) : await record(session, found, said)
  return { change: viewOf(change, false), notes: await show(session, change, signal) }
}

/**
 * Without a remote an approval lands on the branch that is checked out. What was made for another one, which is still there, must
 * not land here because somebody happened to stand here.
 */
async function refuseElsewhere(repo: Repo, { id, onto }: Change, signal: AbortSignal): Promise<void> {
  if (onto === undefined) return
  const options = { cwd: repo.root, signal }
  const head = await tryGit(["symbolic-ref", "--quiet", "HEAD"], options)
  if (head.stdout.trim() === `refs/heads/${onto}`) return
  const remotes = await tryGit(["config", "--get-regexp", "^remote\\..*\\.url$"], options)
  if (remotes.stdout.trim() !== "") return
  const there = await tryGit(["rev-parse", "--verify", "--quiet", `refs/heads/${onto}`], options)
  if (there.exitCode !== 0) return
  const here = head.stdout.trim().replace(/^refs\/heads\//, "") || "no branch"
  throw new Failure("OTHER_BRANCH", `${id} was made for ${onto}, and ${here} is checked out.`, {
    hint: `\`git switch ${onto}\`, then approve again.`,
    retry: "person",
  })
}

/** Nobody makes lessons anew: their lines are as they are. */
function refuseOtherWords({ id }: Change, said: Said): void {
  if (said.is === "approve" || said.is === "close") return
  throw new Failure("LESSONS_ARE_GIVEN", `${id} proposes lines that nobody rewrites: approve it, or close it.`, {
    hint: `\`flyball inbox approve ${id}\`, or \`flyball inbox reject ${id} "why" --close\`: closed lessons are not proposed again.`,
  })
}

async function record(session: Session, found: Change, said: Said): Promise<Change> {
  // Read again: another process may have acted on it meanwhile.
  const change = (await readChange(session.db, found.id)) ?? found
  const answer = answerFor(change, said)
  await append(session.db, change.id, `answered/${change.length}`, { type: "answered", by: userName(), answer })
  return (await readChange(session.db, change.id)) ?? change
}

/** The word as the ledger takes it, if it fits the state that the change is in. */
function answerFor(change: Change, said: Said): Extract<EventBody, { type: "answered" }>["answer"] {
  const view = viewOf(change, false)
  if (!waits(view)) {
    throw new Failure("NOT_WAITING", `${change.id} does not wait for a person: ${view.says}.`, {
      hint: "`flyball inbox` lists what does.",
    })
  }
  return said.is === "approve" ? approvable(change) : said
}

/** The commit that an approval would land, or why there is none. */
function approvable(change: Change): { is: "approve"; head: string } {
  const view = viewOf(change, false)
  if (view.head === undefined) {
    throw new Failure("NOTHING_TO_APPROVE", `${change.id} has no commit to merge: ${view.says}.`, {
      hint: `Reply with \`flyball inbox answer ${change.id} "…"\`, or end it with \`flyball inbox reject ${change.id} "why" --close\`.`,
    })
  }
  const verdict = chosenOf(change)?.verdict?.is
  if (verdict !== "accept" && verdict !== "ask") {
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

/** Says it and carries the change on in this process, under the run that it belongs to. */
async function goOn(
  session: Session,
  found: Change,
  { said, signal, progress, onStep }: AnswerOptions,
): Promise<Change> {
  await using engine = await openEngine({ session, signal, progress, ...(onStep === undefined ? {} : { onStep }) })
  const { outcome } = await withChangeLock(session.pool, found.id, async () => {
    const change = await record(session, found, said)
    return engine.drive(change.id, change.run)
  })
  await outcome
  return (await readChange(session.db, found.id)) ?? found
}

/** The state file as it is after the word; what people edited in it meanwhile is read too. */
async function show(session: Session, change: Change, signal: AbortSignal): Promise<string[]> {
  const [run] = await readRuns(session.db, { repo: session.repo.key, loop: change.loop }, 1)
  if (run === undefined) return []
  const heard = await hear(session, run.loop)
  return [...heard.notes, ...(await tell(session, run.loop, run.id, heard, signal))]
}

/** Who answers: the login name. On a machine that several people share as one user, that is all there is to know. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "?"}`
  }
}
