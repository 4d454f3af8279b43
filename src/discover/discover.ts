import { asFailure, Failure } from "../core/failure.ts"
import type { Finding, Severity } from "../core/finding.ts"
import { limitsOf } from "../core/limits.ts"
import type { Call } from "../core/loop.ts"
import type { Found, Source, SourceContext } from "../core/ports.ts"
import { type TriageWord, withTriage } from "../core/triage.ts"
import { asData, findingAsData } from "./as-data.ts"
import { sources } from "./sources/index.ts"
import { withStrangersApart } from "./strangers.ts"
import { count, oneLine } from "./text.ts"
import { leftToPerson, NOT_TRIAGED, needsPerson } from "./triage.ts"
import { withinPath } from "./within-path.ts"

const MOST_CONTEXT_LINES = 200
const order: Severity[] = ["critical", "high", "medium", "low"]

/** What a triager said of findings, by their fingerprints. */
export type Sorted = {
  entries: ReadonlyMap<string, TriageWord>
  /** It was due, and said nothing of them yet: what the loop's condition makes of them is not known before. */
  pending: ReadonlySet<string>
  notes: readonly string[]
}

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
  /** Has an agent sort what may be attempted, the gravest first, or remembers what it said; never called for nothing. */
  triage?: (findings: readonly Finding[], context: readonly string[]) => Promise<Sorted>
}

/**
 * Runs the loop's sources and says what there is to do: one finding for each piece of work, the gravest first.
 * A source that fails is a note, and what the others find still counts; when they find nothing, it is a Failure. No model is asked
 * but by `triage`, which can hold back what rules, people and trust let through, and never the other way round.
 */
export async function discover(context: SourceContext, options: DiscoverOptions = {}): Promise<Found> {
  const { found, broke } = await runSources(context)
  // "Nothing found" must never mean "nothing could be looked at": a source that is silent does not speak for one that broke.
  if (broke !== undefined && found.findings.length === 0 && !options.added?.length) throw broke
  const added = (options.added ?? []).map(findingAsData)
  const { findings: single, merged } = withStrangersApart([...added, ...found.findings], context.trust)
  if (merged > 0) found.notes.push(`${count(merged, "finding")} seen twice; taken as one.`)
  const lines = found.context.slice(0, MOST_CONTEXT_LINES)
  const sorted = await sort(
    single.map((finding) => byRule(finding, options)),
    lines,
    options,
  )
  const { attemptIf } = context.loop.steps.discover
  const judged = inOrder(sorted.findings.map((finding) => judge(finding, attemptIf, sorted.pending, options)))
  const { findings, notes } = capped(judged, context.loop.guardrails.maxFindings, options)
  return { findings, context: lines, notes: [...found.notes, ...sorted.notes, ...notes] }
}

/** What may be attempted as the triager sees it; it is not shown what may not. */
async function sort(
  findings: readonly Finding[],
  context: readonly string[],
  { triage }: DiscoverOptions,
): Promise<{ findings: readonly Finding[]; pending: ReadonlySet<string>; notes: readonly string[] }> {
  const candidates = inOrder(findings.filter(({ attemptable }) => attemptable))
  if (triage === undefined || candidates.length === 0) return { findings, pending: new Set(), notes: [] }
  const { entries, pending, notes } = await triage(candidates, context)
  const seen = findings.map((finding) => {
    const entry = finding.attemptable ? entries.get(finding.fingerprint) : undefined
    return entry === undefined ? finding : findingAsData(withTriage(finding, entry))
  })
  return { findings: seen, pending, notes: notes.map((note) => oneLine(note, 800)) }
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
      const inPath = withinPath(await withinLimit(source, context, call), call.name, context.loop.path)
      const found = asData(inPath, call.name)
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

/**
 * What a source finds, or Failure SOURCE_TIMEOUT: one that hangs must not keep what the others found. What it runs is ended
 * and cleared away; a source that doesn't even end then is left to itself.
 */
async function withinLimit(source: Source, context: SourceContext, call: Call): Promise<Found> {
  const { sourceMs } = limitsOf(context.loop.guardrails)
  const limit = new AbortController()
  const signal = AbortSignal.any([context.signal, limit.signal])
  const { explore, exploreBy, evaluate } = context
  const bound: SourceContext = {
    ...context,
    signal,
    shell: (command, timeoutMs) => context.shell(command, timeoutMs, signal),
    ...(explore === undefined ? {} : { explore: (agent) => explore(agent, signal) }),
    ...(evaluate === undefined ? {} : { evaluate: (green) => evaluate(green, signal) }),
    ...(exploreBy === undefined ? {} : { exploreBy: (skill) => exploreBy(skill, signal) }),
  }
  let timer: NodeJS.Timeout | undefined
  const over = new AbortController()
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(signal.reason)
    const ended = () => {
      clearTimeout(timer)
      timer = setTimeout(giveUp, CLEAR_AWAY_MS)
    }
    // No longer than it runs: an interruption afterwards would keep the process waiting for nothing.
    signal.addEventListener("abort", ended, { once: true, signal: over.signal })
    timer = setTimeout(() => limit.abort(), Math.min(sourceMs, MOST_TIMER_MS))
  })
  const work = source.discover(bound, call.args)
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } catch (thrown) {
    context.signal.throwIfAborted()
    if (!limit.signal.aborted) throw thrown
    const took = sourceMs < 120_000 ? `${sourceMs / 1000} s` : `${Math.round(sourceMs / 60_000)} min`
    const name = `${call.name}${call.args.length === 0 ? "" : `(${oneLine(call.args.join(", "), 60)})`}`
    throw new Failure(
      "SOURCE_TIMEOUT",
      `${name} did not end within ${took} (limits.source), and was ended: what it would have found is missing.`,
      {
        hint: "The next run asks it again; `guardrails.limits.source` gives it longer.",
        retry: "later",
        facts: { exitCode: 3 },
      },
    )
  } finally {
    over.abort()
    clearTimeout(timer)
  }
}

/** For a source that was ended: its processes die, its checkout goes, its money is settled. */
const CLEAR_AWAY_MS = 10_000
/** Timers take no more. */
const MOST_TIMER_MS = 2 ** 31 - 1

/** Marks what must not be attempted, whatever a triager or a condition says of it; the first rule that speaks wins. */
function byRule(finding: Finding, { wordOn }: DiscoverOptions): Finding {
  const word = wordOn?.(finding)
  if (word?.is === "ticked")
    return leftToPerson(finding, { rule: "state-ticked", why: "a person ticked it in the state file" })
  if (word?.is === "blocked") {
    const why = word.why === undefined ? "" : `: ${oneLine(word.why, 200)}`
    return leftToPerson(finding, { rule: "state-blocked", why: `a person moved it to Blocked${why}` })
  }
  if (!finding.attemptable) return finding
  const person = needsPerson(finding)
  return person === undefined ? finding : leftToPerson(finding, person)
}

/** The same once it is sorted, and then the loop's own condition. */
function judge(
  finding: Finding,
  condition: string | undefined,
  pending: ReadonlySet<string>,
  { attemptIf }: DiscoverOptions,
): Finding {
  if (!finding.attemptable) return finding
  const person = needsPerson(finding)
  if (person !== undefined) return leftToPerson(finding, person)
  if (attemptIf === undefined || attemptIf(finding)) return finding
  if (pending.has(finding.fingerprint))
    return leftToPerson(finding, {
      rule: NOT_TRIAGED,
      why: `\`${condition ?? "attempt_if"}\` does not hold as its source tells it, and the triager has said nothing yet`,
    })
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
