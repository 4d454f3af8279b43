import { Failure } from "../core/failure.ts"
import { parseDocument } from "./state/document.ts"
import { readEdits } from "./state/edits.ts"
import { withLock } from "./state/lock.ts"
import { sha } from "./state/marker.ts"
import { limited, mergeState } from "./state/merge.ts"
import { type OnDisk, readPlace, replacePlace, type StatePlace } from "./state/place.ts"
import { emptyFile } from "./state/render.ts"
import type { ReadBack, StateRow, StateView } from "./state/view.ts"

const LOCK_WAIT_MS = 10_000
/** How often an editor may win the race before the write is put off. */
const MOST_TRIES = 5

/** What people did to a state file since Flyball last wrote it. */
export function readState(text: string): ReadBack {
  const plain = text.startsWith("\uFEFF") ? text.slice(1) : text
  return { edits: readEdits(parseDocument(plain)), hash: sha(plain) }
}

/** The same for the file in its place; a file that does not exist holds no edits. Throws a Failure when it must be left alone. */
export async function readStateFile(place: StatePlace): Promise<ReadBack> {
  const disk = await readPlace(place)
  return disk.is === "missing" ? { edits: [], hash: undefined } : readState(disk.text)
}

/**
 * What a write came to. `news`: edits are in the file that `readBack` does not hold; the next read brings them.
 * `omitted`: rows that are not done and found no room.
 */
export type Written = { written: boolean; hash: string; news: boolean; omitted: number }

/**
 * Brings the file up to the view. `readBack` is what was read before this run and is in the ledger by now: those edits
 * are shown as read; edits made since stay as they are. One writer at a time; the file is replaced in one step, and not
 * touched when nothing changes. A file that can't be understood is left as it is, and a Failure says why.
 */
export async function writeStateFile(
  place: StatePlace,
  view: StateView,
  readBack: ReadBack,
  signal: AbortSignal,
): Promise<Written> {
  return withLock(
    place.lockDir,
    `state-${sha(`${place.root}\u0000${place.path}`).slice(0, 16)}`,
    LOCK_WAIT_MS,
    signal,
    async () => {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        signal.throwIfAborted()
        const before = await readPlace(place)
        const text = mergeState(textOf(before, view), view, readBack.edits)
        const written = {
          hash: sha(text),
          news: hasNews(before, readBack),
          omitted: view.rows.filter(isOpen).length - limited(view.rows).filter(isOpen).length,
        }
        if (before.is === "file" && text === before.text) return { written: false, ...written }
        // Somebody may have saved while we merged: then theirs is merged too.
        if (!isSame(before, await readPlace(place))) continue
        const bom = before.is === "file" && before.bom ? "\uFEFF" : ""
        await replacePlace(place, bom + text, before)
        return { written: true, ...written }
      }
      throw new Failure(
        "STATE_FILE_BUSY",
        `${place.path} changed each of the ${MOST_TRIES} times it was about to be written.`,
        {
          hint: "Nothing is lost: it is written at the end of the next run.",
          retry: "later",
        },
      )
    },
  )
}

function textOf(disk: OnDisk, { loop }: StateView): string {
  return disk.is === "file" && disk.text.trim() !== "" ? disk.text : emptyFile(loop)
}

function isSame(a: OnDisk, b: OnDisk): boolean {
  return a.is === "file" && b.is === "file" ? a.bytes.equals(b.bytes) : a.is === b.is
}

function hasNews(disk: OnDisk, { edits }: ReadBack): boolean {
  if (disk.is === "missing") return false
  const taken = new Set(edits.map(({ key }) => key))
  return readState(disk.text).edits.some(({ key }) => !taken.has(key))
}

function isOpen({ section }: StateRow): boolean {
  return section !== "done"
}
