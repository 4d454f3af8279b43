import type { ListItem, Nodes, Root } from "mdast"
import { parseMarkdown, span, textOf } from "../markdown.ts"
import { lineDigest, type Marker, readMarker, withoutReadMark } from "./marker.ts"
import { headings, type Section, sections } from "./view.ts"

/** A line of a person's under an item, byte for byte with its line break. */
export type Line = {
  raw: string
  digest: string
  /** Blank, a mark alone, or a line that Flyball has read already. */
  read: boolean
  /** Inside code, HTML and the like: no mark may be written after it. */
  opaque: boolean
}

/** A top-level list item. `start` and `end` are offsets of whole lines, the last line break included. */
export type Item = {
  start: number
  end: number
  /** Undefined under a heading that is not Flyball's. */
  section: Section | undefined
  marker: Marker | undefined
  checked: boolean | undefined
  /** The first line's text without box and marker: as a reader sees it, and as it is written. */
  head: string
  rawHead: string
  lines: Line[]
}

/** Where a known section lies: from its heading's line to the line of the next heading of its rank. */
type SectionSpan = { section: Section; start: number; headingEnd: number; end: number }

export type Document = { text: string; items: Item[]; spans: SectionSpan[] }

/** A state file's structure. The text has neither BOM nor anything but `\n` or `\r\n` as line breaks. */
export function parseDocument(text: string): Document {
  const root = parseMarkdown(text)
  const spans = findSections(root, text)
  const items = root.children.flatMap((node) => {
    if (node.type !== "list") return []
    const { start } = span(node)
    const section = spans.find((range) => start >= range.headingEnd && start < range.end)?.section
    return node.children.map((item) => readItem(item, section, text))
  })
  return { text, items, spans }
}

function findSections(root: Root, text: string): SectionSpan[] {
  const spans: SectionSpan[] = []
  let open: (SectionSpan & { depth: number }) | undefined
  for (const node of root.children) {
    if (node.type !== "heading") continue
    const { start, end } = span(node)
    if (open !== undefined && node.depth <= open.depth) {
      spans.push({ ...open, end: lineStart(text, start) })
      open = undefined
    }
    const section = sectionOf(textOf(node))
    const taken = spans.some((known) => known.section === section) || open?.section === section
    if (open === undefined && section !== undefined && !taken) {
      open = {
        section,
        start: lineStart(text, start),
        headingEnd: lineEnd(text, end),
        end: text.length,
        depth: node.depth,
      }
    }
  }
  if (open !== undefined) spans.push(open)
  return spans.map(({ section, start, headingEnd, end }) => ({ section, start, headingEnd, end }))
}

function sectionOf(heading: string): Section | undefined {
  const words = heading.trim().toLowerCase().replace(/\s+/g, " ")
  return sections.find(
    (section) => headings[section].toLowerCase() === words || (section === "done" && words === "done"),
  )
}

function readItem(item: ListItem, section: Section | undefined, text: string): Item {
  const range = span(item)
  const start = lineStart(text, range.start)
  const end = lineEnd(text, range.end)
  const [first] = item.children
  const comment =
    first?.type === "paragraph"
      ? first.children.find((node) => node.type === "html" && readMarker(node.value) !== undefined)
      : undefined
  const marker = comment?.type === "html" ? readMarker(comment.value) : undefined
  // Its first line, and for Flyball's own all lines up to the marker: formatters wrap.
  const headEnd = lineEnd(
    text,
    comment === undefined ? (first === undefined ? range.start : span(first).start) : span(comment).end,
  )
  const headStart = first === undefined ? range.start : span(first).start
  const rawHead = text.slice(headStart, comment === undefined ? headEnd : span(comment).start).trim()
  return {
    start,
    end,
    section,
    marker,
    checked: item.checked ?? undefined,
    head: headText(first, headStart, headEnd, text),
    rawHead: rawHead.replace(/^\[[ xX]\][ \t]+/, ""),
    lines: readLines(text.slice(headEnd, end), headEnd, item, marker),
  }
}

/** Text of the nodes that begin on the head's lines; a paragraph that goes on below ends at the line break. */
function headText(first: Nodes | undefined, start: number, end: number, text: string): string {
  if (first === undefined) return ""
  if (first.type !== "paragraph") return text.slice(start, end).trim()
  const lines = text.slice(start, end).split("\n").length
  return textOf(first)
    .split("\n")
    .slice(0, Math.max(1, lines - 1))
    .join(" ")
    .trim()
}

/** The lines under an item's head that are not Flyball's own. */
function readLines(body: string, offset: number, item: ListItem, marker: Marker | undefined): Line[] {
  const own = new Set(marker?.own)
  const read = new Set(marker?.read)
  const blocks = opaqueBlocks(item)
  let at = offset
  return (body.match(/[^\n]*\n|[^\n]+$/g) ?? []).flatMap((raw) => {
    const opaque = blocks.some(({ start, end }) => at >= start && at < end)
    at += raw.length
    const said = withoutReadMark(raw).replace(/^[ \t]*(?:[-*+][ \t]*)?/, "")
    const digest = lineDigest(raw)
    if (said !== "" && !opaque && own.has(digest)) return []
    return [{ raw, digest, read: said === "" || read.has(digest), opaque }]
  })
}

type Block = { start: number; end: number }

/** Code, HTML and the like under an item: nothing is to be read into their lines, and nothing written after them. */
function opaqueBlocks(node: Nodes): Block[] {
  if (node.type === "code" || node.type === "html" || node.type === "heading" || node.type === "thematicBreak") {
    const { start, end } = span(node)
    return [{ start: Math.max(0, start - (node.position?.start.column ?? 1) + 1), end: end + 1 }]
  }
  return "children" in node && node.type !== "paragraph" ? node.children.flatMap(opaqueBlocks) : []
}

/** Offset of the first character of the line that `offset` is on. */
function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1
}

/** Offset behind the line break that ends the line of `offset`. */
function lineEnd(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === "\n") return offset
  const end = text.indexOf("\n", offset)
  return end === -1 ? text.length : end + 1
}
