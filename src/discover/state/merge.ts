import { Failure } from "../../core/failure.ts"
import { type Document, type Item, type Line, parseDocument } from "./document.ts"
import { addedFingerprint, isRetitled, type MarkedItem, markedItems, placeEdits } from "./edits.ts"
import { digestOf } from "./marker.ts"
import { type Kept, renderItem } from "./render.ts"
import { headings, type Section, type StateEdit, type StateRow, type StateView, sections } from "./view.ts"

const MOST_DONE = 20
const MOST_ROWS = 300

/**
 * The file's next text: the view's rows in their sections, each with what people wrote under it; edits that are not in
 * `taken` stay where people made them; all other text stays as it is, byte for byte.
 */
export function mergeState(text: string, view: StateView, taken: readonly StateEdit[]): string {
  const eol = /\r\n/.test(text) ? "\r\n" : "\n"
  const whole = text === "" || text.endsWith("\n") ? text : text + eol
  const document = parseDocument(whole)
  const plan = planItems(document, limited(view.rows), taken, view.at, eol)
  const merged = splice(whole, [...sectionSplices(document, plan, eol), ...plan.elsewhere])
  assertReadable(merged, plan)
  return merged
}

/** Replaces a range of the text. */
type Splice = { start: number; end: number; text: string }
type Placed = { fingerprint: string; section: Section; rendered: string }
type Plan = {
  placed: Placed[]
  /** Items whose lines Flyball may rewrite. */
  slots: ReadonlySet<Item>
  /** Items that stand under a heading of a person's own: renewed where they are. */
  elsewhere: (Splice & { fingerprint?: string })[]
}

/** The rows that a file shows: all that people can still look through, and of what is done the newest. */
export function limited(rows: readonly StateRow[]): StateRow[] {
  const done = rows.filter((row) => row.section === "done").slice(0, MOST_DONE)
  return [...rows.filter((row) => row.section !== "done").slice(0, MOST_ROWS), ...done]
}

function planItems(
  document: Document,
  rows: readonly StateRow[],
  taken: readonly StateEdit[],
  at: string,
  eol: string,
): Plan {
  const marked = markedItems(document)
  const plan = { placed: [] as Placed[], slots: new Set<Item>(), elsewhere: [] as Plan["elsewhere"] }
  const originals = new Map(document.items.map((item) => [item.start, item]))
  const slot = (item: Item) => plan.slots.add(originals.get(item.start) ?? item)

  const seen = new Set<string>()
  for (const row of rows) {
    if (seen.has(row.fingerprint)) continue
    seen.add(row.fingerprint)
    const items = marked.get(row.fingerprint) ?? []
    const [own, ...copies] = items
    const item: Item | undefined = own ?? document.items.find((other) => addedFingerprint(other) === row.fingerprint)
    const kept = keep(row, item, copies, taken)
    const rendered = renderItem(row, kept.kept, at, eol)
    for (const copy of copies) slot(copy)
    if (item !== undefined && item.section === undefined) {
      plan.elsewhere.push({ start: item.start, end: item.end, text: rendered, fingerprint: row.fingerprint })
      continue
    }
    if (item !== undefined) slot(item)
    plan.placed.push({ fingerprint: row.fingerprint, section: kept.section, rendered })
  }

  // What the view no longer speaks of goes, unless somebody said something of it that nobody has read.
  for (const [fingerprint, items] of marked) {
    if (seen.has(fingerprint)) continue
    for (const item of items) if (!hasNews(item, taken)) removeItem(item, plan, slot)
  }
  return plan
}

function removeItem(item: Item, plan: Plan, slot: (item: Item) => void): void {
  if (item.section === undefined) plan.elsewhere.push({ start: item.start, end: item.end, text: "" })
  else slot(item)
}

function keep(
  row: StateRow,
  item: Item | undefined,
  copies: readonly MarkedItem[],
  taken: readonly StateEdit[],
): { kept: Kept; section: Section } {
  const fresh: Kept = {
    lines: [],
    read: [],
    newlyRead: new Set(),
    checked: row.section === "done",
    writtenSection: row.section,
  }
  if (item === undefined) return { kept: fresh, section: row.section }
  const { marker } = item
  const newlyRead = linesTaken(row.fingerprint, taken)
  const lines = [...item.lines, ...copies.flatMap((copy) => copy.lines)]
  const present = new Set(lines.map(({ digest }) => digest))
  const known = [...(marker?.read ?? []), ...copies.flatMap((copy) => copy.marker.read), ...newlyRead]
  const theirs = row.source === "state" || marker === undefined
  const base: Kept = { ...fresh, lines, newlyRead, read: known.filter((digest) => present.has(digest)) }
  // Ticked after it was read as added: the tick is news.
  if (marker === undefined)
    return {
      kept: { ...base, rawHead: item.rawHead, checked: base.checked || item.checked === true },
      section: row.section,
    }

  const own: MarkedItem = { ...item, marker }
  const retitled = isRetitled(own)
  const pending = placeEdits(own).some((edit) => !taken.some(({ key }) => key === edit.key))
  const kept: Kept = {
    ...base,
    ...(pending ? { checked: item.checked === true, writtenSection: marker.section } : {}),
    ...(theirs ? { rawHead: item.rawHead, unreadHead: retitled && !newlyRead.has(digestOf(item.head)) } : {}),
    ...(retitled && !theirs ? withOldHead(base, item) : {}),
  }
  return { kept, section: pending ? (item.section ?? row.section) : row.section }
}

/** A head that a person rewrote becomes their first note; Flyball's own takes its place again. */
function withOldHead(base: Kept, item: Item): Pick<Kept, "lines" | "read"> {
  const digest = digestOf(item.head)
  const line: Line = { raw: `  - ${item.rawHead.replace(/\s*\r?\n\s*/g, " ")}\n`, digest, read: false, opaque: false }
  return { lines: [line, ...base.lines], read: base.newlyRead.has(digest) ? [digest, ...base.read] : base.read }
}

function linesTaken(fingerprint: string, taken: readonly StateEdit[]): Set<string> {
  return new Set(
    taken.flatMap((edit) =>
      edit.fingerprint === fingerprint && (edit.is === "noted" || edit.is === "added") ? edit.lines : [],
    ),
  )
}

function hasNews(item: MarkedItem, taken: readonly StateEdit[]): boolean {
  const read = linesTaken(item.marker.fingerprint, taken)
  const place = placeEdits(item).some((edit) => !taken.some(({ key }) => key === edit.key))
  return (
    place ||
    item.lines.some((line) => !line.read && !read.has(line.digest)) ||
    (isRetitled(item) && !read.has(digestOf(item.head)))
  )
}

/** Per section: the rows go, in their order, where Flyball's items stood; the rest after them. */
function sectionSplices(document: Document, { placed, slots }: Plan, eol: string): Splice[] {
  return sections.flatMap((section) => {
    const rows = placed.filter((row) => row.section === section).map((row) => row.rendered)
    const span = document.spans.find((known) => known.section === section)
    if (span === undefined) return [newSection(document, section, rows, eol)]
    const inside = document.items.filter((item) => item.section === section)
    const own = inside.filter((item) => slots.has(item))
    const splices: Splice[] = own.map((item, index) => ({ start: item.start, end: item.end, text: rows[index] ?? "" }))
    const rest = rows.slice(own.length).join("")
    if (rest === "") return splices
    const last = own.at(-1) ?? inside.at(-1)
    if (last !== undefined) return [...splices, { start: last.end, end: last.end, text: rest }]
    return [...splices, atEnd(document.text, span.headingEnd, span.end, rest, eol)]
  })
}

/** Behind the section's last words, with one blank line before and after. */
function atEnd(text: string, from: number, to: number, rows: string, eol: string): Splice {
  const words = text.slice(from, to).trimEnd()
  const start =
    words === "" ? from : from + words.length + (/^\r?\n/.exec(text.slice(from + words.length))?.[0].length ?? 0)
  return { start, end: to, text: `${eol}${rows}${to === text.length ? "" : eol}` }
}

function newSection(document: Document, section: Section, rows: readonly string[], eol: string): Splice {
  const order = sections.indexOf(section)
  const next = document.spans
    .filter((span) => sections.indexOf(span.section) > order)
    .sort((a, b) => a.start - b.start)[0]
  const ends = document.spans.map((span) => span.end)
  const at = next?.start ?? (ends.length === 0 ? document.text.length : Math.max(...ends))
  const blank = at === 0 || /(?:^|\n)\r?\n$/.test(document.text.slice(0, at)) ? "" : eol
  const items = rows.length === 0 ? "" : `${rows.join("")}${eol}`
  return { start: at, end: at, text: `${blank}## ${headings[section]}${eol}${eol}${items}` }
}

function splice(text: string, splices: readonly Splice[]): string {
  let result = ""
  let from = 0
  for (const { start, end, text: replacement } of [...splices].sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(from, Math.max(from, start)) + replacement
    from = Math.max(from, end)
  }
  return result + text.slice(from)
}

/** Reads the result again: a text that swallows what follows it (a fence left open) must not make the file grow for ever. */
function assertReadable(merged: string, { placed, elsewhere }: Plan): void {
  const document = parseDocument(merged)
  const found = document.items.flatMap(({ marker, section }) =>
    marker === undefined ? [] : [`${marker.fingerprint} ${section}`],
  )
  const rows = [
    ...placed.map(({ fingerprint, section }) => `${fingerprint} ${section}`),
    ...elsewhere.flatMap(({ fingerprint }) => (fingerprint === undefined ? [] : [`${fingerprint} undefined`])),
  ]
  const whole =
    rows.every((row) => found.filter((item) => item === row).length === 1) &&
    sections.every((section) => document.spans.some((span) => span.section === section))
  if (whole) return
  throw new Failure(
    "STATE_FILE_UNREADABLE",
    "The state file's Markdown hides its own sections, so it was left as it is.",
    {
      hint: "Look for a code fence or an HTML comment that is never closed.",
      retry: "person",
    },
  )
}
