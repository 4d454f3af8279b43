import { Parser } from "tap-parser"
import { z } from "zod"

/** What a test point says of its failure, as far as it is plain data. */
export type Diagnostic = Readonly<Record<string, unknown>>

/** One line of TAP that matters: a test point, with the points nested before it, or a comment. */
export type Line =
  | {
      is: "point"
      ok: boolean
      name: string
      mark: "skip" | "todo" | undefined
      ms: number | undefined
      said: Diagnostic
      inside: readonly Line[] | undefined
    }
  | { is: "comment"; text: string }

/** TAP as read: `planned` says whether it came to its end as announced; `bailed` is why it gave up. */
export type Tap = { lines: Line[]; isTap: boolean; planned: boolean; bailed: string | undefined }

const Point = z.object({
  ok: z.boolean(),
  name: z.string(),
  id: z.number().nullish(),
  skip: z.union([z.boolean(), z.string()]).nullish(),
  todo: z.union([z.boolean(), z.string()]).nullish(),
  time: z.number().nullish(),
  diag: z.unknown(),
})
const Complete = z.object({
  plan: z.object({ start: z.number().nullable(), end: z.number().nullable() }),
  failures: z.array(z.object({ tapError: z.unknown() })),
})
const Event = z.tuple([z.string()]).rest(z.unknown())

/** Longest text of TAP that is read, of all files of a run together: some 100,000 assertions. */
export const TAP_CHARACTERS = 4 * 1024 * 1024

/** Reads TAP 13 or 14; whatever else a program printed between its lines is nothing. */
export function readTap(text: string): Tap {
  if (text.length > TAP_CHARACTERS) return { lines: [], isTap: true, planned: false, bailed: TOO_MUCH }
  const events = z.array(Event).parse(Parser.parse(text.replaceAll("\r\n", "\n"), {}))
  const of = (type: string) => events.flatMap(([name, value]) => (name === type ? [value] : []))
  const complete = Complete.safeParse(of("complete").at(-1))
  const planned =
    complete.success &&
    complete.data.plan.end !== null &&
    !complete.data.failures.some(({ tapError }) => tapError !== undefined && tapError !== null)
  const bailed = of("bailout").map(String).at(0)
  const isTap = /^\s*(?:TAP version \d+|1\.\.\d+|(?:not )?ok\b)/m.test(text)
  return { lines: linesOf(events), isTap, planned, bailed }
}

/** Why so much is not read. */
export const TOO_MUCH = `it printed more than ${TAP_CHARACTERS / 1024 / 1024} MiB of TAP, and no more is read`

function linesOf(events: readonly z.infer<typeof Event>[]): Line[] {
  const lines: Line[] = []
  let inside: Line[] | undefined
  for (const [type, value] of events) {
    if (type === "comment") lines.push({ is: "comment", text: commentOf(value) })
    if (type === "child") {
      const child = z.array(Event).safeParse(value)
      inside = child.success ? linesOf(child.data) : undefined
    }
    if (type !== "assert") continue
    const point = Point.safeParse(value)
    if (!point.success) continue
    const { ok, name, id, skip, todo, time, diag } = point.data
    const mark = isSet(skip) ? "skip" : isSet(todo) ? "todo" : undefined
    const said = z.record(z.string(), z.unknown()).safeParse(diag)
    lines.push({
      is: "point",
      ok,
      name: name.trim() === "" ? `${id ?? lines.length + 1}` : name.trim(),
      mark,
      ms: time ?? undefined,
      said: said.success ? said.data : {},
      inside,
    })
    inside = undefined
  }
  // Broken off inside of a subtest, whose own point never came.
  return inside === undefined ? lines : [...lines, ...inside]
}

function commentOf(value: unknown): string {
  return String(value).trim().replace(/^#\s?/, "").trim()
}

function isSet(mark: boolean | string | null | undefined): boolean {
  return mark !== undefined && mark !== null && mark !== false
}
