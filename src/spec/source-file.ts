import { LineCounter } from "yaml"
import type { Diagnostic } from "./diagnostic.ts"

export type Path = readonly (string | number)[]

/** From `start` to `end` (exclusive), as offsets into the text. */
export type Span = { start: number; end: number }

/**
 * A file that is being read, and what there is to say about it. `span` finds the key or the value at a path of the
 * data; where there is none, that of the nearest parent that exists.
 */
export type SourceFile = {
  file: string
  text: string
  lines: LineCounter
  span: (path: Path, part: "key" | "value") => Span
  diagnostics: Diagnostic[]
}

/** What is wrong. `at` is a place inside the text value at the path; without it the value, or the key, is marked. */
export type Complaint = {
  code: string
  message: string
  severity?: Diagnostic["severity"]
  hint?: string | undefined
  suggestion?: string | undefined
  part?: "key" | "value"
  at?: { value: string; offset: number; length: number }
}

/** Notes a problem at a path of the data. */
export function complain(source: SourceFile, path: Path, complaint: Complaint): void {
  const span = source.span(path, complaint.part ?? "value")
  const place = complaint.at === undefined ? span : within(source.text, span, complaint.at)
  complainAt(source, place, complaint)
}

/** Notes a problem at a place of the text. */
export function complainAt(source: SourceFile, span: Span, complaint: Complaint): void {
  const { line, col } = position(source, span.start)
  const text = lineText(source, line)
  const end = Math.min(span.end, span.start + (text.length - (col - 1)))
  const before = line > 1 ? [{ line: line - 1, text: lineText(source, line - 1) }] : []
  source.diagnostics.push({
    severity: complaint.severity ?? "error",
    code: complaint.code,
    message: complaint.message,
    file: source.file,
    line,
    column: col,
    ...(end > span.start ? { endColumn: col + end - span.start } : {}),
    ...(complaint.hint === undefined ? {} : { hint: complaint.hint }),
    ...(complaint.suggestion === undefined ? {} : { suggestion: complaint.suggestion }),
    excerpt: [...before, { line, text }],
  })
}

/** A text whose lines are counted, before anything is known of what it holds. */
export function openText(file: string, text: string, diagnostics: Diagnostic[]): SourceFile {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) lines.addNewLine(i + 1)
  return { file, text, lines, span: () => ({ start: 0, end: 0 }), diagnostics }
}

function position(source: SourceFile, offset: number): { line: number; col: number } {
  const { line, col } = source.lines.linePos(Math.max(0, Math.min(offset, source.text.length)))
  return line === 0 ? { line: 1, col: 1 } : { line, col }
}

function lineText(source: SourceFile, line: number): string {
  const start = source.lines.lineStarts[line - 1] ?? 0
  const next = source.lines.lineStarts[line] ?? source.text.length + 1
  return source.text
    .slice(start, next)
    .replace(/\r?\n$/, "")
    .slice(0, 2000)
}

/** Maps an offset in a value to the file: quoted and folded text differs from what was written. */
function within(
  text: string,
  span: Span,
  { value, offset, length }: { value: string; offset: number; length: number },
): Span {
  const written = text.slice(span.start, span.end)
  const whole = written.indexOf(value)
  if (whole !== -1) return place(span.start + whole + offset, length, span)
  // Block and folded text: the words before the offset are looked for one after the other.
  let from = 0
  for (const word of value.slice(0, offset).split(/\s+/).filter(Boolean)) {
    const found = written.indexOf(word, from)
    if (found === -1) return span
    from = found + word.length
  }
  const marked = value.slice(offset, offset + length).split(/\s+/)[0] ?? ""
  const found = marked === "" ? -1 : written.indexOf(marked, from)
  return found === -1 ? span : place(span.start + found, marked.length, span)
}

function place(start: number, length: number, span: Span): Span {
  // Past the end (something is missing there): the last character, so that there is something to point at.
  const from = Math.min(start, Math.max(span.start, span.end - 1))
  return { start: from, end: Math.max(from + 1, Math.min(from + length, span.end)) }
}
