import { createHash } from "node:crypto"
import { join } from "node:path"
import { asFailure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Base, Said } from "../../core/ports.ts"
import { inShares, parseTriage, Triage, type TriageWord } from "../../core/triage.ts"
import type { Sorted } from "../../discover/discover.ts"
import type { FoundSkill } from "../../make/skills.ts"
import { namedSection, type TriagerFacts, triagerPrompt } from "../../make/triager-prompt.ts"
import { type KeptTriage, keepTriage, readTriage } from "../../record/triage.ts"
import { consult, noFinding, workOfRun } from "../consult.ts"
import type { Context } from "../context.ts"
import { dollarsOf, priceOfAttempt } from "../money.ts"
import { ownSkillsOf } from "../skills/own.ts"
import { aroundHere } from "../skills/places.ts"
import { triageKeys } from "./triage-keys.ts"

/** Of one session. */
const MOST_AT_ONCE = 20
const BYTES_AT_ONCE = 60_000
/** Of one run. */
const MOST_SESSIONS = 5
/** So often a triager is asked of one finding that it says nothing of. */
const MOST_MISSES = 2

export type Triaging = {
  base: Base
  /** The run that pays; without one nobody is asked, and it is said what would be. */
  run?: string | undefined
  /** Whether its work is under way, waits or is over: that is not sorted again. */
  settled: (finding: Finding) => boolean
  signal: AbortSignal
}

/** `atMostUsd`: what those who would be asked may cost, in a rehearsal. */
export type Triaged = Sorted & { atMostUsd?: number }

/**
 * Has the loop's triager sort findings; what it said before of the same finding is remembered. Whatever goes wrong is a note, and
 * what it said nothing of stays as its source tells it: no run ends here, but for whoever stops it.
 */
export async function triage(
  context: Context,
  findings: readonly Finding[],
  lines: readonly string[],
  { base, run, settled, signal }: Triaging,
): Promise<Triaged> {
  const { loop, db, repo } = context
  const name = loop.steps.discover.triage ?? ""
  const agent = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
  if (agent === undefined) return nothing(`triage: the loop has no agent \`${name}\`.`)
  const skills = await ownSkillsOf(agent, aroundHere(repo))
  const facts = { agent, goal: loop.description ?? loop.goal?.doneWhen, path: loop.path, skills }
  const keys = await triageKeys(findings, { agent, facts, repo, base, signal })
  const kept = await readTriage(db, repo.key, [...keys.values()], { use: run !== undefined })
  const entries = new Map<string, TriageWord>()
  const misses = new Map<string, number>()
  for (const { fingerprint } of findings) {
    const known = kept.get(keys.get(fingerprint) ?? "")
    if (known !== undefined && "entry" in known) entries.set(fingerprint, known.entry)
    else if (known !== undefined) misses.set(fingerprint, known.missed)
  }
  const unknown = findings.filter((finding) => !entries.has(finding.fingerprint) && !settled(finding))
  const given = unknown.filter(({ fingerprint }) => (misses.get(fingerprint) ?? 0) < MOST_MISSES)
  const remembered = findings.filter((finding) => entries.has(finding.fingerprint) && !settled(finding)).length
  const notes = unknown.length === given.length ? [] : [silentNote(agent, unknown.length - given.length)]
  // Twice as many as may be begun: what it holds back or thinks little of must not keep the run from its work.
  const room = Math.max(0, 2 * loop.guardrails.maxFindings - remembered)
  const { sessions, over } = shareOut(given, room, { context, facts, lines })
  if (over > 0) notes.push(`${agent.name}: ${countOf(over)} more to sort than one run asks of; later runs do.`)
  const pending = new Set(given.map(({ fingerprint }) => fingerprint))
  if (run === undefined) {
    const told = rehearsed(context, agent, { sessions, remembered })
    return { entries, pending, notes: [...told.notes, ...notes], atMostUsd: told.atMostUsd }
  }
  const asking: Asking = {
    context,
    agent,
    skills,
    facts,
    lines,
    base,
    run,
    keys,
    misses,
    signal: withinTime(context, signal),
  }
  const asked = await askAll(sessions, asking, signal)
  for (const [fingerprint, entry] of asked.entries) {
    entries.set(fingerprint, entry)
    pending.delete(fingerprint)
  }
  for (const fingerprint of asked.givenUp) pending.delete(fingerprint)
  const summary = asked.sessions + remembered === 0 ? [] : [summaryOf(agent, asked, remembered)]
  return { entries, pending, notes: [...summary, ...asked.notes, ...notes] }
}

type Named = { id: string; finding: Finding }

function nothing(note: string): Triaged {
  return { entries: new Map(), pending: new Set(), notes: [note] }
}

/** Sessions for the first of them, within a run's room and the limit on prompts; and how many are left for later runs. */
function shareOut(
  findings: readonly Finding[],
  room: number,
  { context: { loop }, facts, lines }: { context: Context; facts: TriagerFacts; lines: readonly string[] },
): { sessions: Finding[][]; over: number } {
  const { promptBytes } = limitsOf(loop.guardrails)
  const bare = Buffer.byteLength(triagerPrompt(facts, [], lines))
  const sessions = inShares(findings.slice(0, room), {
    most: MOST_AT_ONCE,
    bytes: Math.min(BYTES_AT_ONCE, promptBytes - bare),
    sizeOf: (finding) => Buffer.byteLength(namedSection({ id: "0".repeat(ID_CHARS), finding })) + 2,
  }).slice(0, MOST_SESSIONS)
  return { sessions, over: findings.length - sessions.flat().length }
}

type Asking = {
  context: Context
  agent: AgentSpec
  skills: readonly FoundSkill[]
  facts: TriagerFacts
  lines: readonly string[]
  base: Base
  run: string
  /** By fingerprint: under what its word is kept, and how often it said nothing before. */
  keys: ReadonlyMap<string, string>
  misses: ReadonlyMap<string, number>
  signal: AbortSignal
}

type Asked = {
  entries: Map<string, TriageWord>
  /** Asked of often enough: from now on they are what their source says. */
  givenUp: Set<string>
  notes: string[]
  sessions: number
  usd: number
}

/** One session after the other; the first that says nothing sound ends it, so that no money goes after it. */
async function askAll(sessions: readonly Finding[][], asking: Asking, whole: AbortSignal): Promise<Asked> {
  const asked: Asked = { entries: new Map(), givenUp: new Set(), notes: [], sessions: 0, usd: 0 }
  const { context, agent } = asking
  let left = sessions.flat().length
  for (const [index, findings] of sessions.entries()) {
    const text = `${agent.name} (${agent.use}) sorts ${countOf(findings.length)}`
    context.progress({
      verb: "discover",
      text: sessions.length === 1 ? text : `${text}, ${index + 1} of ${sessions.length}`,
    })
    const named = findings.map((finding) => ({ id: nameOf(asking.run, finding), finding }))
    const said = await ask(named, index, asking).catch((thrown: unknown): Said => {
      whole.throwIfAborted()
      return { is: "nothing", why: whyOf(thrown, asking) }
    })
    const before = asked.entries.size
    await take(said, named, asking, asked)
    left -= findings.length
    if (asked.entries.size > before || left === 0) continue
    asked.notes.push(`${agent.name}: ${countOf(left)} not asked of after that.`)
    break
  }
  for (const note of asked.notes) context.progress({ verb: "discover", text: note })
  return asked
}

/** Takes over what is sound, keeps it for later runs, and says what is not. */
async function take(said: Said, named: readonly Named[], asking: Asking, asked: Asked): Promise<void> {
  const { agent, context, keys, misses } = asking
  if (said.is === "nothing") {
    asked.notes.push(`${agent.name} sorted nothing: ${said.why} ${stay(named.length)}`)
    return
  }
  asked.sessions += 1
  asked.usd += said.usd
  const { entries, problems } = parseTriage(
    said.said,
    named.map(({ id }) => id),
  )
  const kept = new Map<string, KeptTriage>()
  let missed = 0
  for (const { id, finding } of named) {
    const { fingerprint } = finding
    const key = keys.get(fingerprint) ?? ""
    const found = entries.get(id)
    if (found === undefined) {
      const times = (misses.get(fingerprint) ?? 0) + 1
      if (times >= MOST_MISSES) asked.givenUp.add(fingerprint)
      kept.set(key, { missed: times })
      missed += 1
      continue
    }
    const { id: _name, ...entry } = found
    asked.entries.set(fingerprint, entry)
    kept.set(key, { entry })
  }
  await keepTriage(context.db, context.repo.key, kept)
  if (problems.length > 0 || missed > 0) {
    const why = problems.length === 0 ? "it said nothing of the rest" : problems.join("; ")
    asked.notes.push(`${agent.name}: ${why}.${missed === 0 ? "" : ` ${stay(missed)}`}`)
  }
}

async function ask(named: readonly Named[], index: number, asking: Asking): Promise<Said> {
  const { context, agent, skills, facts, lines, base, run, signal } = asking
  const { repo, loop } = context
  const prompt = triagerPrompt(facts, named, lines)
  const { promptBytes } = limitsOf(loop.guardrails)
  if (Buffer.byteLength(prompt) > promptBytes)
    return { is: "nothing", why: `its prompt would be over ${promptBytes} bytes (limits.prompt).` }
  const work = workOfRun(run)
  return consult(
    context,
    {
      role: "triager",
      agent,
      run,
      work,
      key: `triage/${agent.name}/${index + 1}`,
      commit: base.sha,
      prompt,
      skills,
      answer: Triage,
      finding: noFinding({
        source: "triage",
        title: `Sort ${countOf(named.length)}`,
        commit: base.sha,
        // For commands, which may read the findings as data: one JSON object a line.
        body: named.map(({ id, finding }) => JSON.stringify({ id, ...finding })).join("\n"),
      }),
      artifactDir: join(repo.dataDir, "triage", work, String(index + 1)),
    },
    signal,
  )
}

/** A name that no finding's text can know, so that none can speak of another. */
function nameOf(run: string, { fingerprint }: Finding): string {
  return createHash("sha256").update(`${run}\n${fingerprint}`).digest("hex").slice(0, ID_CHARS)
}

const ID_CHARS = 8

function withinTime({ loop }: Context, signal: AbortSignal): AbortSignal {
  const { sourceMs } = limitsOf(loop.guardrails)
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(sourceMs, MOST_TIMER_MS))])
}

/** Timers take no more. */
const MOST_TIMER_MS = 2 ** 31 - 1

/** Why a session came to nothing. Who stops the run, or took over its work, is heard. */
function whyOf(thrown: unknown, { context: { loop }, signal }: Asking): string {
  const failure = asFailure(thrown)
  if (failure.code === "HALTED" || failure.code === "EXECUTOR_LOST") throw thrown
  if (signal.aborted)
    return `it did not end within ${Math.round(limitsOf(loop.guardrails).sourceMs / 1000)} s (limits.source), and was ended.`
  return failure.message
}

function rehearsed(
  context: Context,
  agent: AgentSpec,
  { sessions, remembered }: { sessions: readonly Finding[][]; remembered: number },
): { notes: string[]; atMostUsd: number } {
  const atMostUsd = sessions.length * priceOfAttempt(context, agent).usd
  const known = remembered === 0 ? "" : `${countOf(remembered)} as ${agent.name} sorted before. `
  if (sessions.length === 0)
    return { notes: known === "" ? [] : [`${known}It would not be asked again.`], atMostUsd: 0 }
  const times = sessions.length === 1 ? "one session" : `${sessions.length} sessions`
  const cost = atMostUsd === 0 ? "" : `, at most ${dollarsOf(atMostUsd)}`
  const asks = `${agent.name} would be asked to sort ${countOf(sessions.flat().length)} in ${times}${cost}; they stand here as their sources tell them.`
  return { notes: [`${known}${asks}`], atMostUsd }
}

function summaryOf(agent: AgentSpec, { entries, usd }: Asked, remembered: number): string {
  const known = remembered === 0 ? "" : `, ${remembered} as before`
  return `${agent.name}: ${countOf(entries.size)} sorted${known}, ${dollarsOf(usd)}.`
}

function silentNote(agent: AgentSpec, many: number): string {
  return `${agent.name} was asked ${MOST_MISSES} times and said nothing of ${countOf(many)}: ${many === 1 ? "it is" : "they are"} what the source says.`
}

function stay(many: number): string {
  return many === 1 ? "One finding stays as its source tells it." : `${many} findings stay as their sources tell them.`
}

function countOf(many: number): string {
  return many === 1 ? "one finding" : `${many} findings`
}
