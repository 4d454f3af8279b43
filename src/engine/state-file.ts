import { join } from "node:path"
import type { Change } from "../core/change.ts"
import { asFailure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import type { Loop } from "../core/loop.ts"
import type { Progress } from "../core/ports.ts"
import type { PersonsWord } from "../discover/discover.ts"
import type { StatePlace } from "../discover/state/place.ts"
import type { ReadBack, StateEdit } from "../discover/state/view.ts"
import { readStateFile, writeStateFile } from "../discover/state-file.ts"
import { append, readChanges } from "../record/ledger.ts"
import { readFindings } from "../record/runs.ts"
import { readWords, recordWord, type Word, type WordRow } from "../record/words.ts"
import type { Session } from "./session.ts"
import { stateView } from "./state-view.ts"
import { viewOf } from "./view.ts"

export type Heard = {
  /** What people said, as discovery takes it. */
  words: Map<string, PersonsWord>
  added: Finding[]
  /** Given back to the write. */
  readBack: ReadBack | undefined
  notes: string[]
}

/** Reads the loop's state file: what people ticked, moved, noted or added since is written into the ledger, once each. */
export async function hear(session: Session, loop: Loop, progress: Progress): Promise<Heard> {
  const path = loop.steps.discover.writeTo
  const heard: Heard = { words: new Map(), added: [], readBack: undefined, notes: [] }
  if (path === undefined) return heard
  const where = { repo: session.repo.key, loop: loop.name }
  try {
    heard.readBack = await readStateFile(placeOf(session, path))
  } catch (thrown) {
    const { message, hint } = asFailure(thrown)
    heard.notes.push(`${path} was left as it is: ${message}${hint === undefined ? "" : ` ${hint}`}`)
  }
  const changes = await readChanges(session.db, where)
  for (const edit of heard.readBack?.edits ?? []) {
    if (!(await recordWord(session.db, where, edit.key, edit.fingerprint, wordOf(edit)))) continue
    progress({ verb: "discover", text: `read in ${path}: ${told(edit)}` })
    await act(session, edit, changes)
  }
  for (const row of await readWords(session.db, where)) apply(heard, row)
  return heard
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
  const waits = ["awaiting_review", "needs_a_person"].includes(viewOf(change, false).stage)
  const word = wordOf(edit)
  if (!waits) return
  if (word.is === "ticked" || word.is === "blocked") {
    const why = word.is === "ticked" ? "ticked in the state file" : "moved to Blocked in the state file"
    await append(db, change.id, `answered/${change.length}`, {
      type: "answered",
      by: "state file",
      answer: { is: "close", why },
    })
  } else if (word.is === "reopened" && edit.is === "moved" && edit.to === "open") {
    await append(db, change.id, `answered/${change.length}`, {
      type: "answered",
      by: "state file",
      answer: { is: "answer", text: "Moved back to Open: try again." },
    })
  }
}

function apply(heard: Heard, { fingerprint, word }: WordRow): void {
  if (word.is === "ticked") heard.words.set(fingerprint, { is: "ticked" })
  if (word.is === "blocked") heard.words.set(fingerprint, { is: "blocked" })
  if (word.is === "reopened") heard.words.delete(fingerprint)
  if (word.is === "added") heard.added.push(addedFinding(fingerprint, word))
}

/** An item that a person wrote into the file is a finding like any other; no check can say when it is gone. */
function addedFinding(fingerprint: string, { text, detail }: Extract<Word, { is: "added" }>): Finding {
  return { fingerprint, source: "state", title: text, body: detail, severity: "medium", attemptable: true }
}

function placeOf({ repo }: Session, path: string): StatePlace {
  return { root: repo.root, path, lockDir: join(repo.dataDir, "locks") }
}

function told(edit: StateEdit): string {
  switch (edit.is) {
    case "noted":
      return `a note on ${edit.fingerprint}`
    case "added":
      return `a new item, "${edit.text}"`
    case "moved":
      return `${edit.fingerprint} moved to ${edit.to}`
    default:
      return `${edit.fingerprint} ${edit.is}`
  }
}

/** Writes the state file as the ledger now stands, with what people edited meanwhile left in place. */
export async function tell(
  session: Session,
  loop: Loop,
  run: string,
  heard: Heard,
  signal: AbortSignal,
): Promise<string[]> {
  const path = loop.steps.discover.writeTo
  if (path === undefined || heard.readBack === undefined) return []
  const where = { repo: session.repo.key, loop: loop.name }
  const [findings, changes, words] = await Promise.all([
    readFindings(session.db, { ...where, seenBy: run }),
    readChanges(session.db, where),
    readWords(session.db, where),
  ])
  const notes = new Map<string, string[]>()
  for (const { fingerprint, word, at } of words) {
    if (word.is === "added") continue
    const text = word.is === "noted" ? `note: ${word.text}` : word.is
    notes.set(fingerprint, [...(notes.get(fingerprint) ?? []), `${text}, read ${at.toISOString().slice(0, 10)}`])
  }
  const view = stateView(loop.name, new Date().toISOString().slice(0, 10), findings, changes, notes)
  try {
    await writeStateFile(placeOf(session, path), view, heard.readBack, signal)
    return []
  } catch (thrown) {
    const { message, hint } = asFailure(thrown)
    return [`${path} was not written: ${message}${hint === undefined ? "" : ` ${hint}`}`]
  }
}
