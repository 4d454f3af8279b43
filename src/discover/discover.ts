import { asFailure, Failure } from "../core/failure.ts"
import type { Finding, Severity } from "../core/finding.ts"
import type { Found, SourceContext } from "../core/ports.ts"
import { dedupe } from "./same-work.ts"
import { sources } from "./sources/index.ts"
import { count, oneLine } from "./text.ts"
import { leftToPerson, needsPerson } from "./triage.ts"

const MOST_CONTEXT_LINES = 200
const order: Severity[] = ["critical", "high", "medium", "low"]

/** What a person said of a finding in the state file, or elsewhere. */
export type PersonsWord = { is: "ticked" } | { is: "blocked"; why?: string | undefined }

export type DiscoverOptions = {
  /** The loop's `attempt_if`, bound to an evaluator: whether this finding may be attempted. Absent: all may. */
  attemptIf?: (finding: Finding) => boolean
  /** Findings that people added themselves; they come first. */
  added?: readonly Finding[]
  /** What a person said of a finding. */
  wordOn?: (finding: Finding) => PersonsWord | undefined
  /** Findings whose work is under way or waits for somebody; they don't count against `maxFindings`. */
  underWay?: (finding: Finding) => boolean
}

/**
 * Runs the loop's sources and says what there is to do: one finding for each piece of work, the gravest first.
 * A source that fails is a note, and what the others find still counts; when they find nothing, it is a Failure. No model is asked.
 */
export async function discover(context: SourceContext, options: DiscoverOptions = {}): Promise<Found> {
  const { found, broke } = await runSources(context)
  // "Nothing found" must never mean "nothing could be looked at": a source that is silent does not speak for one that broke.
  if (broke !== undefined && found.findings.length === 0 && !options.added?.length) throw broke
  const { findings: single, merged } = dedupe([...(options.added ?? []), ...found.findings])
  if (merged > 0) found.notes.push(`${count(merged, "finding")} seen twice; taken as one.`)
  const judged = inOrder(single.map((finding) => judge(finding, context.loop.steps.discover.attemptIf, options)))
  const { findings, notes } = capped(judged, context.loop.guardrails.maxFindings, options)
  return { findings, context: found.context.slice(0, MOST_CONTEXT_LINES), notes: [...found.notes, ...notes] }
}

async function runSources(context: SourceContext): Promise<{ found: Found; broke: Failure | undefined }> {
  const all: Found = { findings: [], context: [], notes: [] }
  const failures: Failure[] = []
  let broke: Failure | undefined
  const calls = context.loop.steps.discover.run
  for (const call of calls) {
    context.signal.throwIfAborted()
    const source = Object.hasOwn(sources, call.name) ? sources[call.name] : undefined
    // A name that means nothing was refused when the loop was loaded: this is one that a later version delivers.
    if (source === undefined) {
      const known = Object.keys(sources).join(", ")
      failures.push(
        new Failure("SOURCE_UNAVAILABLE", `The source \`${call.name}\` is not available yet.`, {
          hint: `These are: ${known}.`,
          retry: "person",
        }),
      )
      all.notes.push(`${call.name} was left out: it is not available yet.`)
      continue
    }
    const named = Object.keys(call.named)
    if (named.length > 0) all.notes.push(`${call.name} takes no named arguments; left out: ${named.join(", ")}.`)
    const unavailable = source.available?.(context.loop)
    if (unavailable !== undefined && call.args.length === 0) {
      failures.push(new Failure("SOURCE_UNAVAILABLE", `${call.name}: ${unavailable}`, { retry: "person" }))
      all.notes.push(`${call.name} was left out: ${unavailable}`)
      continue
    }
    try {
      const found = await source.discover(context, call.args)
      all.findings.push(...found.findings)
      all.context.push(...found.context)
      all.notes.push(...found.notes)
    } catch (thrown) {
      context.signal.throwIfAborted()
      const failure = asFailure(thrown)
      failures.push(failure)
      broke ??= failure
      all.notes.push(`${call.name} failed: ${oneLine(failure.message, 300)}`)
    }
  }
  const [first] = failures
  if (first !== undefined && failures.length === calls.length) throw first
  return { found: all, broke }
}

/** Marks what must not be attempted, and says by which rule; the first that speaks wins. */
function judge(finding: Finding, condition: string | undefined, { attemptIf, wordOn }: DiscoverOptions): Finding {
  const word = wordOn?.(finding)
  if (word?.is === "ticked")
    return leftToPerson(finding, { rule: "state-ticked", why: "a person ticked it in the state file" })
  if (word?.is === "blocked") {
    const why = word.why === undefined ? "" : `: ${oneLine(word.why, 200)}`
    return leftToPerson(finding, { rule: "state-blocked", why: `a person moved it to Blocked${why}` })
  }
  if (!finding.attemptable) return finding
  const person = needsPerson(finding)
  if (person !== undefined) return leftToPerson(finding, person)
  if (attemptIf === undefined || attemptIf(finding)) return finding
  return leftToPerson(finding, { rule: "attempt-if", why: `\`${condition ?? "attempt_if"}\` does not hold` })
}

/** Gravest first; what is equally grave stays in the order of the sources. */
function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}

/** At most `most` new findings that may be attempted and as many that may not; what waits already comes on top. */
function capped(
  findings: readonly Finding[],
  most: number,
  { underWay }: DiscoverOptions,
): { findings: Finding[]; notes: string[] } {
  const left = { attempted: most, shown: most }
  const kept = findings.filter((finding) => {
    if (underWay?.(finding) === true) return true
    const kind = finding.attemptable ? "attempted" : "shown"
    left[kind] -= 1
    return left[kind] >= 0
  })
  const over = findings.length - kept.length
  const notes =
    over === 0
      ? []
      : [
          `${count(over, "more finding")} over \`max_findings\` (${most}); the gravest came first, the rest comes with later runs.`,
        ]
  return { findings: kept, notes }
}
