import { inMarkdown } from "../../core/untrusted.ts"
import { parseMarkdown, textOf } from "../markdown.ts"
import type { Line } from "./document.ts"
import { digestOf, lineDigest, type Marker, readMark, withoutReadMark, writeMarker } from "./marker.ts"
import { headings, type Section, type StateRow, sections } from "./view.ts"

const TITLE_CHARS = 160
const FACT_CHARS = 300
const MOST_TRIED = 5
const MOST_READ = 5

/** What an item carries that is not Flyball's: a person's lines, a head in their words, an edit nobody has read. */
export type Kept = {
  lines: readonly Line[]
  /** The first line as a person wrote it, for items that people added. */
  rawHead?: string | undefined
  /** Digests of a person's lines that were read, now or before. */
  read: readonly string[]
  /** Digests of lines that are read by this very write: they get their mark. */
  newlyRead: ReadonlySet<string>
  checked: boolean
  /** The section that Flyball last put it in, as long as an edit of its place was not read. */
  writtenSection: Section
  /** A head that a person changed and nobody has read yet: it must stay news. */
  unreadHead?: boolean
}

/** One item: head with marker, Flyball's facts, then what people wrote under it. */
export function renderItem(row: StateRow, kept: Kept, at: string, eol: string): string {
  const head = kept.rawHead ?? inMarkdown(row.title, TITLE_CHARS)
  // In Flyball's own there is no mark-up that a reader would not see.
  const shown = kept.rawHead === undefined ? head : visible(head)
  const facts = factsOf(row).map((fact) => `  - ${fact}`)
  const own = facts.map(lineDigest)
  if (kept.unreadHead !== true) own.unshift(digestOf(shown))
  const marker: Marker = { fingerprint: row.fingerprint, section: kept.writtenSection, own, read: kept.read }
  const lines = [`- [${kept.checked ? "x" : " "}] ${head} ${writeMarker(marker)}`, ...facts]
  return lines.map((line) => line + eol).join("") + marked(kept, at, eol)
}

/** A new file: what it is for, in a few words, and its sections. */
export function emptyFile(loop: string): string {
  const title = inMarkdown(loop, 80)
  const intro = [
    "Flyball writes this file and reads it again at the next run: tick an item that is done, move one to Blocked, write a",
    "note under it, or add one of your own. What you write yourself stays as it is; a deleted item comes back.",
  ]
  return [`# ${title}`, "", ...intro, "", ...sections.flatMap((section) => [`## ${headings[section]}`, ""])].join("\n")
}

function factsOf(row: StateRow): string[] {
  const say = (text: string) => inMarkdown(text, FACT_CHARS)
  const sure = row.confidence === undefined ? undefined : `confidence ${Number(row.confidence.toFixed(2))}`
  const first = [row.severity, row.module, row.size, sure, row.commit?.slice(0, 10), row.source]
    .filter((fact) => fact !== undefined)
    .map((fact) => inMarkdown(fact, 80))
  const tried = row.tried ?? []
  const earlier = tried.length > MOST_TRIED ? [`tried before: ${tried.length - MOST_TRIED} more attempts`] : []
  return [
    first.join(" · "),
    ...(row.suggested === undefined ? [] : [`suggested: ${say(row.suggested)}`]),
    ...earlier,
    ...tried.slice(-MOST_TRIED).map((attempt) => `tried: ${say(attempt)}`),
    ...(row.passed === undefined || row.passed.length === 0 ? [] : [`passed: ${say(row.passed.join(", "))}`]),
    ...(row.why === undefined ? [] : [`why: ${say(row.why)}`]),
    ...(row.where === undefined ? [] : [`see: ${say(row.where)}`]),
    ...(row.read ?? []).slice(-MOST_READ).map((read) => `read: ${say(read)}`),
  ]
}

/** A person's lines as they are; after the last of those that were read now stands the mark. */
function marked({ lines, newlyRead }: Kept, at: string, eol: string): string {
  const isNew = (line: Line | undefined) => line !== undefined && !line.read && newlyRead.has(line.digest)
  const nextText = (from: number) => lines.slice(from).find(({ raw }) => raw.trim() !== "")
  return lines
    .map((line, index) => {
      const text = line.raw.replace(/\r?\n$/, "")
      const end = line.raw.length > text.length ? line.raw.slice(text.length) : eol
      if (!isNew(line) || isNew(nextText(index + 1))) return text + end
      const mark = readMark(at)
      return line.opaque ? `${text}${end}  - ${mark}${eol}` : `${withoutReadMark(text)} ${mark}${end}`
    })
    .join("")
}

/** A line of Markdown as a reader sees it, which is what a head's digest is of. */
function visible(markdown: string): string {
  const [first] = parseMarkdown(`- [ ] ${markdown}`).children
  const item = first?.type === "list" ? first.children[0]?.children[0] : undefined
  return item === undefined ? markdown : textOf(item).replace(/\s+/g, " ").trim()
}
