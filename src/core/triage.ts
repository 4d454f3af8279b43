import { z } from "zod"
import { type Finding, Severity } from "./finding.ts"
import { closingJson } from "./review.ts"
import { inert, inertLine, repositoryPath } from "./untrusted.ts"

/*
 * What a triager answers, as the last line of its last message, and what of it may change a finding. It stands in core because
 * make/ asks agents for it, engine/ reads it and discover/ takes it over.
 */

/** What it may say of one finding. Whether that is attempted it can only forbid. */
export const TriageEntry = z.strictObject({
  /** The name that the prompt gave to the finding. */
  id: z.string().min(1).max(40),
  severity: Severity,
  confidence: z.number().min(0).max(1),
  size: z.enum(["small", "medium", "large"]),
  module: z.string().max(400).nullish(),
  suggested: z.string().max(8_000).nullish(),
  attempt: z.boolean().nullish(),
  reason: z.string().max(8_000).nullish(),
})
export type TriageEntry = z.infer<typeof TriageEntry>

/** The same without the name, which means something in that answer alone. */
export const TriageWord = TriageEntry.omit({ id: true })
export type TriageWord = z.infer<typeof TriageWord>

/** The whole answer, as agents that can be are held to it. What is read is read entry by entry: see `parseTriage`. */
export const Triage = z.strictObject({ findings: z.array(TriageEntry).max(200) })

const Answer = z.strictObject({ findings: z.array(z.unknown()).max(200) })

/** What of an answer counts, by the names that were given; `problems` says why the rest doesn't. */
export type ReadTriage = { entries: ReadonlyMap<string, TriageEntry>; problems: string[] }

/** Reads a triager's answer from the end of what it said. What is sound counts; an entry said twice is not. */
export function parseTriage(said: string, asked: readonly string[]): ReadTriage {
  const none = (why: string): ReadTriage => ({ entries: new Map(), problems: [why] })
  const value = closingJson(said)
  if (value === undefined) return none("its last line is not the agreed JSON")
  const answer = Answer.safeParse(value)
  if (!answer.success) return none(`its answer is malformed: ${wrongWith(answer.error)}`)
  const known = new Set(asked)
  const entries = new Map<string, TriageEntry>()
  const twice = new Set<string>()
  let unknown = 0
  let malformed: string | undefined
  for (const raw of answer.data.findings) {
    const entry = TriageEntry.safeParse(raw)
    if (!entry.success) malformed ??= wrongWith(entry.error)
    else if (!known.has(entry.data.id)) unknown += 1
    else if (entries.has(entry.data.id)) twice.add(entry.data.id)
    else entries.set(entry.data.id, entry.data)
  }
  // Two answers to one question are none.
  for (const id of twice) entries.delete(id)
  return {
    entries,
    problems: [
      ...(malformed === undefined ? [] : [`of its answer a part is malformed: ${malformed}`]),
      ...(unknown === 0 ? [] : [`it spoke of ${unknown} that it was not asked about`]),
      ...(twice.size === 0 ? [] : [`it spoke of ${twice.size} twice`]),
    ],
  }
}

/**
 * The finding as the triager has sorted it. It never becomes one that may be attempted, and keeps its text, its file, its
 * author and how it is reproduced; what the triager words is outside text.
 */
export function withTriage(finding: Finding, entry: TriageWord): Finding {
  const { severity, confidence, size } = entry
  const module = moduleIn(entry.module)
  const suggested = inert(entry.suggested ?? "", SUGGESTED_CHARS).trim()
  const sorted: Finding = {
    ...finding,
    severity,
    confidence,
    size,
    ...(module === undefined ? {} : { module }),
    ...(suggested === "" ? {} : { suggested }),
  }
  if (entry.attempt !== false || !finding.attemptable) return sorted
  const why = inertLine(entry.reason ?? "", REASON_CHARS)
  return { ...sorted, attemptable: false, reason: `triage: ${why === "" ? "left to a person, without a reason" : why}` }
}

const SUGGESTED_CHARS = 1_000
const REASON_CHARS = 400
const MODULE_CHARS = 80

/** A folder of the repository, or no module at all. */
function moduleIn(text: string | null | undefined): string | undefined {
  const path = repositoryPath((text ?? "").trim().replace(/[\\/]+$/, ""))
  return path === undefined || path === "." || path.length > MODULE_CHARS ? undefined : path
}

/** Shares things out: each share has at most `most` of them and, unless one alone has more, at most `bytes`. */
export function inShares<T>(
  things: readonly T[],
  { most, bytes, sizeOf }: { most: number; bytes: number; sizeOf: (thing: T) => number },
): T[][] {
  const shares: T[][] = []
  let left = 0
  for (const thing of things) {
    const size = sizeOf(thing)
    const share = shares.at(-1)
    if (share === undefined || share.length >= most || size > left) {
      shares.push([thing])
      left = bytes - size
    } else {
      share.push(thing)
      left -= size
    }
  }
  return shares
}

function wrongWith(error: z.ZodError): string {
  return inertLine(z.prettifyError(error), 200)
}
