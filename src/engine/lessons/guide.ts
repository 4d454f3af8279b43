import type { Heading, List } from "mdast"
import { likeness } from "../../core/likeness.ts"
import { inMarkdown } from "../../core/untrusted.ts"
import { parseMarkdown, span } from "../../discover/markdown.ts"

/** Where lessons stand, in the folder that the loop works in. */
const LESSONS_FILE = ".flyball/LESSONS.md"

/** The file that a loop's lessons are proposed for. */
export function lessonsFile(path: string | undefined): string {
  return path === undefined ? LESSONS_FILE : `${path}/${LESSONS_FILE}`
}

/** The files whose lessons a loop's agents are told, the nearest last. */
export function lessonsFiles(path: string | undefined): string[] {
  return [...new Set([LESSONS_FILE, lessonsFile(path)])]
}

/** A lesson as one line of Markdown in which nothing is a link, a picture, HTML or a mention. */
export function lessonLine(text: string): string {
  const line = inMarkdown(text.replace(/^\s*(?:[-*+>#]+\s+)*/, ""), MAX_LESSON_CHARS)
  // What would begin a list, a rule or a heading at the front of its line.
  return /^(?:\d+[.)](?:\s|$)|[^\p{L}\p{N}`(])/u.test(line) ? `\`${line}\`` : line
}

/** The lines of a file of lessons, oldest first: its list items, each as one text. Prose between them is for people. */
export function lessonsIn(text: string): string[] {
  return parseMarkdown(text)
    .children.flatMap((node) => (node.type === "list" ? node.children : []))
    .map((item) => {
      const { start, end } = span(item)
      return text
        .slice(start, end)
        .replace(/^(?:[-*+]|\d+[.)])\s+/, "")
        .replace(/\s+/g, " ")
        .trim()
    })
    .filter((line) => line !== "")
}

/** Whether the same is said already, in these words or nearly these. */
export function isSaid(lesson: string, said: readonly string[]): boolean {
  return said.some((line) => likeness(line, lesson) >= ALIKE)
}

/** The text with one more line under its heading `Lessons`; a file that is not there yet begins with it. */
export function withLesson(text: string | undefined, line: string): string {
  if (text === undefined || text.trim() === "") return `# Lessons\n\n- ${line}\n`
  const eol = text.includes("\r\n") ? "\r\n" : "\n"
  const place = placeFor(text)
  if (place === undefined) return `${text.trimEnd()}${eol}${eol}## Lessons${eol}${eol}- ${line}${eol}`
  const rest = text.slice(place.at)
  const gap = place.inList ? eol : `${eol}${eol}`
  return `${text.slice(0, place.at)}${gap}- ${line}${rest === "" ? eol : rest}`
}

/** Behind the last thing of the section, so that the newest stands last; undefined without such a section. */
function placeFor(text: string): { at: number; inList: boolean } | undefined {
  const nodes = parseMarkdown(text).children
  const from = nodes.findIndex((node) => node.type === "heading" && isLessons(text, node))
  const heading = nodes[from]
  if (heading?.type !== "heading") return undefined
  const after = nodes.slice(from + 1)
  const next = after.findIndex((node) => node.type === "heading" && node.depth <= heading.depth)
  const last = (next === -1 ? after : after.slice(0, next)).at(-1) ?? heading
  return { at: span(last).end, inList: last.type === "list" && isBulleted(last) }
}

function isLessons(text: string, node: Heading): boolean {
  const { start, end } = span(node)
  return /^#{1,3}\s+lessons(?:\s+learned)?\s*#*$/i.test(text.slice(start, end).trim())
}

function isBulleted({ ordered }: List): boolean {
  return ordered !== true
}

/** Sentences this alike say the same. */
const ALIKE = 0.6
const MAX_LESSON_CHARS = 300
