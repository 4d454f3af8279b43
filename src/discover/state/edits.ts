import { fingerprint, wordsOf } from "../fingerprint.ts"
import { bodyOf, titleOf } from "../text.ts"
import type { Document, Item, Line } from "./document.ts"
import { digestOf, type Marker, sha, withoutReadMark, writeMarker } from "./marker.ts"
import type { StateEdit } from "./view.ts"

const NOTE_CHARS = 4_000

/** An item that Flyball wrote. */
export type MarkedItem = Item & { marker: Marker }

/** The items that Flyball wrote, by fingerprint: of an item that was copied, the copy that was moved comes first. */
export function markedItems({ items }: Document): Map<string, [MarkedItem, ...MarkedItem[]]> {
  const known = new Map<string, [MarkedItem, ...MarkedItem[]]>()
  for (const item of items) {
    const { marker } = item
    if (marker === undefined) continue
    const marked = { ...item, marker }
    const others = known.get(marker.fingerprint)
    if (others === undefined) known.set(marker.fingerprint, [marked])
    else if (isMoved(marked) && !isMoved(others[0])) others.unshift(marked)
    else others.push(marked)
  }
  return known
}

/** What people did to the items, and the items they added. */
export function readEdits(document: Document): StateEdit[] {
  const edits: StateEdit[] = []
  for (const [item, ...copies] of markedItems(document).values()) {
    edits.push(...placeEdits(item), ...titleEdits(item), ...noteEdits(item.marker, [item, ...copies]))
  }
  for (const item of document.items) {
    const added = addedEdit(item)
    if (added !== undefined && !edits.some(({ key }) => key === added.key)) edits.push(added)
  }
  return edits
}

/** Boxes and places that differ from what Flyball wrote. */
export function placeEdits(item: MarkedItem): StateEdit[] {
  const { marker, section, checked } = item
  const { fingerprint } = marker
  const edits: StateEdit[] = []
  const key = (is: string) => editKey(is, marker)
  const tick = () => edits.push({ key: key("ticked"), is: "ticked", fingerprint })
  const untick = () => edits.push({ key: key("unticked"), is: "unticked", fingerprint })
  const wasDone = marker.section === "done"
  if (isMoved(item) && section !== undefined) {
    if (section === "done") tick()
    else if (wasDone && section === "open") untick()
    else edits.push({ key: key(`moved ${section}`), is: "moved", fingerprint, to: section })
  }
  if (checked === true && !wasDone && section !== "done") tick()
  if (checked !== true && wasDone && !isMoved(item)) untick()
  return edits
}

/** A title in a person's words; Flyball's own comes back, theirs stays as a note. */
function titleEdits({ marker, head }: MarkedItem): Extract<StateEdit, { is: "noted" }>[] {
  if (!isRetitled({ marker, head })) return []
  const digest = digestOf(head)
  return [
    {
      key: editKey(`noted ${digest}`, marker),
      is: "noted",
      fingerprint: marker.fingerprint,
      text: titleOf(head),
      lines: [digest],
    },
  ]
}

/** Whether a person changed an item's first line. */
export function isRetitled({ marker, head }: Pick<MarkedItem, "marker" | "head">): boolean {
  const digest = digestOf(head)
  return head !== "" && !marker.own.includes(digest) && !marker.read.includes(digest)
}

/**
 * The edit that an item of a person's own is; undefined for one that is ticked, done, empty or Flyball's. An empty box says that it
 * is to be done wherever it stands: what is appended to the file comes last, and there what is done is told.
 */
function addedEdit(item: Item): Extract<StateEdit, { is: "added" }> | undefined {
  const { checked, head, lines } = item
  const section = item.section === "done" && checked === false ? "open" : item.section
  const id = addedFingerprint(item)
  if (id === undefined || section === undefined || section === "done" || checked === true) return undefined
  const detail = said(lines)
  const digests = lines.filter((line) => !line.read).map(({ digest }) => digest)
  return { key: `added ${id}`, is: "added", fingerprint: id, section, text: titleOf(head), detail, lines: digests }
}

/** What an item of a person's own is known by: its words. */
export function addedFingerprint({ marker, section, head }: Item): string | undefined {
  const words = wordsOf(head)
  return marker !== undefined || section === undefined || words === ""
    ? undefined
    : fingerprint({ kind: "state", wrong: words })
}

function noteEdits(marker: Marker, items: readonly MarkedItem[]): StateEdit[] {
  const { fingerprint } = marker
  return items.flatMap(({ lines }) =>
    unreadRuns(lines).flatMap((run): StateEdit[] => {
      const text = said(run)
      if (text === "") return []
      const digests = run.filter((line) => !line.read).map(({ digest }) => digest)
      return [{ key: editKey(`noted ${digestOf(text)}`, marker), is: "noted", fingerprint, text, lines: digests }]
    }),
  )
}

/**
 * The same as long as Flyball has not written the item anew: an edit read twice is one edit, and a box that is ticked
 * again next month is another one, for the item says by then that it was ticked before.
 */
function editKey(what: string, marker: Marker): string {
  return `${what} ${marker.fingerprint} ${sha(writeMarker(marker)).slice(0, 12)}`
}

/** Neighbouring lines that nobody has read, blank lines between them included. */
function unreadRuns(lines: readonly Line[]): Line[][] {
  const runs: Line[][] = []
  let run: Line[] = []
  for (const line of lines) {
    const blank = line.raw.trim() === ""
    if (!line.read || (blank && run.length > 0)) run.push(line)
    else if (run.length > 0) {
      runs.push(run)
      run = []
    }
  }
  return run.length > 0 ? [...runs, run] : runs
}

/** A person's lines as text; what only they see (HTML comments) is not said to anybody. */
function said(lines: readonly Line[]): string {
  const text = lines.map(({ raw }) => withoutReadMark(raw).replace(/^[ \t]*(?:[-*+][ \t]+)?/, "")).join("\n")
  return bodyOf(text.replace(/<!--[\s\S]*?(?:-->|$)/g, ""), NOTE_CHARS)
}

function isMoved({ section, marker }: MarkedItem): boolean {
  return section !== undefined && section !== marker.section
}
