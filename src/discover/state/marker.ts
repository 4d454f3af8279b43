import { createHash } from "node:crypto"
import { type Section, sections } from "./view.ts"

/**
 * The comment at the end of an item's first line, by which Flyball knows it again:
 * `<!-- flyball:<fingerprint> <section> <digest>… | <digest>… -->`. `section` is where Flyball put it; the first digests
 * are of the lines that Flyball wrote, the others of a person's lines that it has read. All else under it is news.
 */
export type Marker = { fingerprint: string; section: Section; own: readonly string[]; read: readonly string[] }

const PATTERN = /^<!-- flyball:([\da-f]{8,64}) ([a-z_]+)((?: [\da-f]{8})*)(?: \|((?: [\da-f]{8})*))? -->$/

/** The marker in an HTML comment; undefined when the comment is another. */
export function readMarker(html: string): Marker | undefined {
  const [, fingerprint, written, own = "", read = ""] = PATTERN.exec(html.trim()) ?? []
  const section = sections.find((known) => known === written)
  if (fingerprint === undefined || section === undefined) return undefined
  return { fingerprint, section, own: words(own), read: words(read) }
}

/** The comment that holds a marker. */
export function writeMarker({ fingerprint, section, own, read }: Marker): string {
  const taken = read.length === 0 ? [] : ["|", ...new Set(read)]
  return `<!-- flyball:${[fingerprint, section, ...new Set(own), ...taken].join(" ")} -->`
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "")
}

/** Digest of a text's letters and digits: bullets, emphasis, escapes and wrapping are formatters' business. */
export function digestOf(text: string): string {
  const letters = text.replace(/[^\p{L}\p{N}]+/gu, "")
  // A text without a letter (`???`) is still a text.
  return sha(letters === "" ? text.trim() : letters).slice(0, 8)
}

/** The same for a line as it is written, whether it bears the mark that it was read or not. */
export function lineDigest(line: string): string {
  return digestOf(withoutReadMark(line))
}

const READ = /[ \t]*[*_]\(read \d{4}-\d{2}-\d{2}\)[*_][ \t]*$/

/** What is appended to a note that was read. */
export function readMark(at: string): string {
  return `*(read ${at.slice(0, 10)})*`
}

/** A line without the mark at its end that it was read. */
export function withoutReadMark(line: string): string {
  return line.replace(/\r?\n$/, "").replace(READ, "")
}

/** SHA-256, hex. */
export function sha(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex")
}
