import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Change } from "../core/change.ts"
import { asFailure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import type { Loop } from "../core/loop.ts"
import type { Progress } from "../core/ports.ts"
import { sameWork } from "../discover/same-work.ts"
import type { StatePlace } from "../discover/state/place.ts"
import type { ReadBack, StateEdit } from "../discover/state/view.ts"
import { readStateFile, writeStateFile } from "../discover/state-file.ts"
import { append, readChanges } from "../record/ledger.ts"
import { readFindings, readRun } from "../record/runs.ts"
import { recordWord, type Word, type WordRow } from "../record/words.ts"
import type { Session } from "./session.ts"
import { keepStateVersion } from "./state-history.ts"
import { stateView } from "./state-view.ts"
import { readSaid, type Said } from "./state-words.ts"
import { viewOf } from "./view.ts"

export type Heard = {
  /** What people said, as discovery takes it. */
  said: Said
  added: Finding[]
  /** Given back to the write; undefined where there is no file to write. */
  readBack: ReadBack | undefined
  notes: string[]
}

/**
 * Reads the loop's state file: what people ticked, moved, noted or added since is written into the ledger, once each.
 * With `lookOnly` it is taken into account and written nowhere.
 */
export async function hear(
  session: Session,
  loop: Loop,
  { progress = () => {}, lookOnly = false }: { progress?: Progress; lookOnly?: boolean } = {},
): Promise<Heard> {
  const path = loop.steps.discover.writeTo
  const where = { repo: session.repo.key, loop: loop.name }
  const changes = await readChanges(session.db, where)
  if (path === undefined)
    return { said: await readSaid(session, loop, changes), added: [], readBack: undefined, notes: [] }
  const { readBack, notes } = await read(session, path)
  const fresh: WordRow[] = []
  for (const edit of readBack?.edits ?? []) {
    const { key, fingerprint } = edit
    const word = wordOf(edit)
    if (lookOnly) {
      fresh.push({ key, fingerprint, word, at: new Date() })
      continue
    }
    if (!(await recordWord(session.db, where, key, fingerprint, word))) continue
    progress({ verb: "discover", text: `read in ${path}: ${told(edit, changes)}` })
    await act(session, edit, changes)
  }
  notes.push(...conflicts(path, readBack?.edits ?? [], changes))
  const said = await readSaid(session, loop, changes, fresh)
  return { said, added: said.added.map(addedFinding).filter((each) => !isLanded(each, changes)), readBack, notes }
}

/** Where what people wrote says two things at once, or something else than what has happened: told, with what counts. */
function conflicts(path: string, edits: readonly StateEdit[], changes: readonly Change[]): string[] {
  const places = edits.filter((edit) => edit.is !== "noted" && edit.is !== "added")
  return [...new Set(places.map((edit) => edit.fingerprint))].flatMap((fingerprint) => {
    const mine = places.filter((edit) => edit.fingerprint === fingerprint)
    const last = mine.at(-1)
    const change = changes.findLast((each) => each.finding.fingerprint === fingerprint)
    const what = change === undefined ? fingerprint : `"${change.finding.title}"`
    const notes: string[] = []
    if (last !== undefined && new Set(mine.map((edit) => wordOf(edit).is)).size > 1) {
      const each = mine.map((edit) => (edit.is === "moved" ? `moved to ${edit.to}` : edit.is)).join(" and ")
      notes.push(`${path} says two things of ${what} (${each}): the last one, ${wordOf(last).is}, counts.`)
    }
    if (last === undefined || change === undefined) return notes
    const ends = wordOf(last).is === "ticked" || wordOf(last).is === "blocked"
    const { stage } = viewOf(change, false)
    if (ends && stage === "in_progress")
      notes.push(
        `${what} is ${wordOf(last).is} in ${path} while ${change.id} is under way: it goes on to its end, which waits for you; \`flyball halt ${change.id}\` ends it now.`,
      )
    if (!ends && change.finished === "merged")
      notes.push(
        `${what} was reopened in ${path}, and ${change.id} is merged: it is attempted again once it is found again.`,
      )
    return notes
  })
}

async function read(session: Session, path: string): Promise<Pick<Heard, "readBack" | "notes">> {
  try {
    return { readBack: await readStateFile(placeOf(session, path)), notes: [] }
  } catch (thrown) {
    const { message, hint } = asFailure(thrown)
    return {
      readBack: undefined,
      notes: [`${path} was left as it is: ${message}${hint === undefined ? "" : ` ${hint}`}`],
    }
  }
}

function wordOf(edit: StateEdit): Word {
  switch (edit.is) {
    case "ticked":
      return { is: "ticked" }
    case "unticked":
      return { is: "reopened" }
    case "moved":
      return edit.to === "blocked" ? { is: "blocked" } : edit.to === "done" ? { is: "ticked" } : { is: "reopened" }
    case "noted":
      return { is: "noted", text: edit.text }
    case "added":
      return { is: "added", text: edit.text, detail: edit.detail }
  }
}

/** What a person's edit means for the change that is already there: ticked or blocked ends it, moved back opens it again. */
async function act({ db }: Session, edit: StateEdit, changes: readonly Change[]): Promise<void> {
  const change = changes.findLast((each) => each.finding.fingerprint === edit.fingerprint)
  if (change === undefined) return
  const { stage } = viewOf(change, false)
  const waits = stage === "awaiting_review" || stage === "needs_a_person"
  const word = wordOf(edit)
  const say = (answer: { is: "close"; why: string } | { is: "answer"; text: string }) =>
    append(db, change.id, `answered/${change.length}`, { type: "answered", by: "state file", answer })
  if (waits && word.is === "ticked") await say({ is: "close", why: "ticked in the state file" })
  if (waits && word.is === "blocked") await say({ is: "close", why: "moved to Blocked in the state file" })
  const opens = edit.is === "unticked" || (edit.is === "moved" && edit.to === "open")
  if (opens && (waits || stage === "blocked")) await say({ is: "answer", text: "Moved back to Open: try again." })
}

/** An item that a person wrote into the file is a finding like any other; no check can say when it is gone. */
function addedFinding({ fingerprint, word }: Said["added"][number]): Finding {
  return {
    fingerprint,
    source: "state",
    title: word.text,
    body: word.detail,
    severity: "medium",
    attemptable: true,
  }
}

/** Done, and by nobody but us: the item stands in the file no more as something to do. */
function isLanded(finding: Finding, changes: readonly Change[]): boolean {
  return changes.some(
    (change) =>
      (change.finished === "merged" || change.finished === "already_fixed") && sameWork(change.finding, finding),
  )
}

function placeOf({ repo }: Session, path: string): StatePlace {
  return { root: repo.root, path, lockDir: join(repo.dataDir, "locks") }
}

function told(edit: StateEdit, changes: readonly Change[]): string {
  if (edit.is === "added") return `a new item, "${edit.text}"`
  const change = changes.findLast((each) => each.finding.fingerprint === edit.fingerprint)
  const what = change === undefined ? edit.fingerprint : `"${change.finding.title}"`
  if (edit.is === "noted") return `a note on ${what}: ${edit.text}`
  return edit.is === "moved" ? `${what} moved to ${edit.to}` : `${what} ${edit.is}`
}

/**
 * Writes the state file as the ledger now stands, with what people edited meanwhile left in place. `run` is the one
 * whose findings are shown. Returns what people should know of it.
 */
export async function tell(
  session: Session,
  loop: Loop,
  run: string,
  { readBack }: Pick<Heard, "readBack">,
  signal: AbortSignal,
): Promise<string[]> {
  const path = loop.steps.discover.writeTo
  if (path === undefined || readBack === undefined) return []
  const where = { repo: session.repo.key, loop: loop.name }
  const [findings, changes, row] = await Promise.all([
    readFindings(session.db, { ...where, seenBy: run }),
    readChanges(session.db, where),
    readRun(session.db, run),
  ])
  const view = stateView(loop.name, {
    at: new Date().toISOString().slice(0, 10),
    findings,
    seenAt: row?.startedAt.toISOString() ?? "",
    changes,
    said: await readSaid(session, loop, changes),
  })
  try {
    const { omitted } = await writeStateFile(placeOf(session, path), view, readBack, signal)
    const kept = await keepHistory(session, loop, path, run, signal)
    return omitted === 0
      ? kept
      : [...kept, `${path} has no room for ${omitted} more; \`flyball status\` and \`flyball inbox\` show all.`]
  } catch (thrown) {
    signal.throwIfAborted()
    const { message, hint } = asFailure(thrown)
    return [`${path} was not written: ${message}${hint === undefined ? "" : ` ${hint}`}`]
  }
}

/** What now stands in the file, as one more commit on the loop's own branch; why not, where that can't be. */
async function keepHistory(
  { repo }: Session,
  loop: Loop,
  path: string,
  run: string,
  signal: AbortSignal,
): Promise<string[]> {
  const branch = loop.state?.branch
  if (branch === undefined) return []
  try {
    const text = await readFile(join(repo.root, path), "utf8")
    await keepStateVersion(repo, { branch, path, text, message: `${loop.name}: state after run ${run}` }, signal)
    return []
  } catch (thrown) {
    signal.throwIfAborted()
    const { message, hint } = asFailure(thrown)
    return [`${path} is written, its history on ${branch} is not: ${message}${hint === undefined ? "" : ` ${hint}`}`]
  }
}
