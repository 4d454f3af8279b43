import { isAbsolute, join } from "node:path"
import type { Change } from "../../core/change.ts"
import { asFailure } from "../../core/failure.ts"
import { bestOf, roundsOf } from "../../core/round.ts"
import { inertLine } from "../../core/untrusted.ts"
import { tryGit } from "../../lib/git.ts"
import { type HardChange, scribePrompt } from "../../make/scribe-prompt.ts"
import { readChanges, readEvents } from "../../record/ledger.ts"
import { admit, readRun } from "../../record/runs.ts"
import { consult, noFinding, workOfRun } from "../consult.ts"
import type { Context } from "../context.ts"
import { outcomeOf } from "../view.ts"
import { findingOf, guidePath } from "./finding-of.ts"
import { lessonsFile, lessonsFiles, lessonsIn } from "./guide.ts"
import { isLessons } from "./lessons-loop.ts"
import { MOST_LESSONS, parseScribed, Scribed } from "./scribed.ts"
import { readSeen, type Seen, writeSeen } from "./seen.ts"
import { type Teaching, teachingOf } from "./teaches.ts"

/** What of a run lessons may come from. */
export type Learning = {
  run: string
  base: string
  /** Carries a change on until it waits for a person. */
  drive(change: string): Promise<unknown>
}

/**
 * At the end of a run: what changes taught that were hard to make is asked of the loop's scribe, and what it says becomes a
 * proposal of its own. Nobody is asked where nothing was hard, or while an earlier proposal of lessons waits. Returns notes.
 */
export async function learn(context: Context, learning: Learning, signal: AbortSignal): Promise<string[]> {
  if (context.loop.learn === undefined) return []
  try {
    return await lookBack(context, context.loop.learn.agent, learning, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const failure = asFailure(thrown)
    if (failure.code === "HALTED" || failure.code === "EXECUTOR_LOST") throw thrown
    // The run's own work is done, and must not be lost for what could have been said of it.
    return [`lessons: none, for asking failed: ${inertLine(failure.message, 300)}`]
  }
}

async function lookBack(
  context: Context,
  scribe: string,
  { run, base, drive }: Learning,
  signal: AbortSignal,
): Promise<string[]> {
  const { db, loop, repo } = context
  const changes = await readChanges(db, { repo: repo.key })
  const mine = changes.filter((change) => change.loop === loop.name)
  const seen = (await readSeen(repo, loop.name)) ?? (await fromRunOn(context, run))
  const open = mine.find((change) => isLessons(change.finding) && !isOver(change))
  if (open !== undefined) return [`lessons: ${open.id} waits for a person; what this run taught is looked at after it.`]
  const teachings = await teachingsOf(context, mine, seen)
  if (teachings.length === 0) {
    await writeSeen(repo, loop.name, { ...seen, until: latest(mine, seen) })
    return []
  }
  const shown = teachings.slice(-MOST_SHOWN)
  const answer = await ask(context, scribe, { run, base, shown, changes }, signal)
  if (answer.is === "nothing") return [`lessons: none, for ${scribe} was not asked or did not answer: ${answer.why}`]
  const after: Seen = {
    until: latest(mine, seen),
    signatures: {
      ...seen.signatures,
      ...Object.fromEntries(teachings.map((each) => [each.change.id, each.signature])),
    },
  }
  const parsed = parseScribed(answer.said)
  const { finding, left } =
    parsed.is === "error"
      ? { finding: undefined, left: [`${scribe} said nothing that can be read: ${parsed.why}`] }
      : findingOf(parsed.lessons, answer.known)
  if (finding !== undefined) {
    // The ledger first: a process that dies here leaves one proposal, which the next run goes on with.
    const id = await admit(db, { id: run, repo: repo.key, loop }, finding, 1)
    await writeSeen(repo, loop.name, after)
    await drive(id)
    return [said(`${finding.title}: \`flyball inbox show ${id}\``, answer.usd, left)]
  }
  await writeSeen(repo, loop.name, after)
  return [said(`none from ${shown.length === 1 ? "a change" : `${shown.length} changes`}`, answer.usd, left)]
}

function said(what: string, usd: number, left: readonly string[]): string {
  return `lessons: ${what}, $${usd.toFixed(2)}${left.length === 0 ? "" : `; left out: ${left.slice(0, 5).join("; ")}`}.`
}

/** Where nobody has looked yet, what was before this run is not gone through. */
async function fromRunOn({ db, repo, loop }: Context, run: string): Promise<Seen> {
  const row = await readRun(db, run)
  const seen = { until: (row?.startedAt ?? new Date()).toISOString(), signatures: {} }
  // Written at once: whatever keeps this run from asking, a later one knows where to begin.
  await writeSeen(repo, loop.name, seen)
  return seen
}

/** What moved since, and teaches more than what was seen of it, oldest first. */
async function teachingsOf({ db }: Context, changes: readonly Change[], seen: Seen): Promise<Teaching[]> {
  const told = changes.filter((change) => isLessons(change.finding))
  const moved = changes.filter((change) => change.updatedAt > seen.until && change.finished !== undefined)
  const found: Teaching[] = []
  for (const change of moved.slice(-MOST_READ)) {
    const teaching = teachingOf(change, await readEvents(db, change.id))
    if (teaching === undefined || seen.signatures[change.id] === teaching.signature) continue
    // Said already, by a process that died before it could write that down.
    const known = told.some(
      ({ finding, startedAt }) =>
        finding.lessons?.some(({ from }) => from === change.id) === true && startedAt > change.updatedAt,
    )
    if (!known) found.push(teaching)
  }
  return found
}

function latest(changes: readonly Change[], { until }: Seen): string {
  return [until, ...changes.map(({ updatedAt }) => updatedAt)].sort().at(-1) ?? until
}

type Asking = { run: string; base: string; shown: readonly Teaching[]; changes: readonly Change[] }
type Answer =
  | { is: "said"; said: string; usd: number; known: Parameters<typeof findingOf>[1] }
  | { is: "nothing"; why: string }

async function ask(
  context: Context,
  scribe: string,
  { run, base, shown, changes }: Asking,
  signal: AbortSignal,
): Promise<Answer> {
  const { loop, repo, progress } = context
  const agent = Object.hasOwn(loop.agents, scribe) ? loop.agents[scribe] : undefined
  if (agent === undefined) return { is: "nothing", why: `the loop has no agent \`${scribe}\`` }
  const skills = await ownSkills(context)
  const standing = await linesOf(context, [...lessonsFiles(loop.path), ...skills.map(({ path }) => path)], base, signal)
  const proposed = changes.filter((change) => isLessons(change.finding))
  const textsOf = (some: readonly Change[]) =>
    some.flatMap(({ finding }) => (finding.lessons ?? []).map(({ text }) => text))
  progress({ verb: "record", text: `${agent.name} (${agent.use}) looks for lessons in ${shown.length} of its changes` })
  const work = workOfRun(run)
  const answer = await consult(
    context,
    {
      role: "scribe",
      agent,
      run,
      work,
      key: "learn",
      commit: base,
      prompt: scribePrompt({
        agent,
        path: loop.path,
        changes: await Promise.all(shown.map((each) => hardChange(each, context, signal))),
        lessons: { standing, refused: textsOf(proposed.filter(({ finished }) => finished === "closed")) },
        skills,
        most: MOST_LESSONS,
      }),
      answer: Scribed,
      finding: noFinding({ source: "lessons", title: "Look for lessons", commit: base }),
      artifactDir: join(repo.dataDir, "explorations", work, "scribe"),
    },
    signal,
  )
  if (answer.is === "nothing") return answer
  const known = {
    loop: loop.name,
    file: lessonsFile(loop.path),
    skills: new Map(skills.map(({ name, path }) => [name, path])),
    changes: shown.map(({ change }) => change.id),
    said: [...standing, ...textsOf(proposed)],
    commit: base,
  }
  return { ...answer, known }
}

/** The project's own skills that its makers are offered: those of others are not this repository's to change. */
async function ownSkills({ loop, skills }: Context): Promise<{ name: string; description: string; path: string }[]> {
  const maker = loop.agents[loop.steps.act?.agent ?? ""]
  if (maker === undefined) return []
  const offered = await skills(maker)
  return offered.filter(({ from, path }) => from === "project" && !isAbsolute(path) && guidePath(path) !== undefined)
}

/** The lessons that stand in these files of the base. */
async function linesOf(
  { repo }: Context,
  files: readonly string[],
  base: string,
  signal: AbortSignal,
): Promise<string[]> {
  const lines: string[] = []
  for (const file of files) {
    const blob = await tryGit(["cat-file", "blob", `${base}:${file}`], { cwd: repo.gitDir, signal })
    if (blob.exitCode === 0) lines.push(...lessonsIn(blob.stdout.slice(0, MAX_GUIDE_CHARS)))
  }
  return lines
}

async function hardChange(
  { change, why, words }: Teaching,
  { repo }: Context,
  signal: AbortSignal,
): Promise<HardChange> {
  const { finding, attempts } = change
  const round = roundsOf(attempts.filter((attempt) => attempt.made?.is === "commit")).at(-1)
  const last = round === undefined ? undefined : bestOf(round)
  const base = last?.verifiedBase ?? last?.base
  const shown =
    last?.made?.is !== "commit" || base === undefined
      ? undefined
      : await tryGit(["diff", "--no-ext-diff", "--no-textconv", "--no-color", `${base}...${last.made.head}`], {
          cwd: repo.gitDir,
          signal,
        })
  return {
    id: change.id,
    why,
    finding,
    attempts: attempts.slice(-MOST_ATTEMPTS).map((attempt) => ({
      n: attempt.n,
      agent: attempt.agent,
      outcome: outcomeOf(attempt),
      feedback: attempt.verdict?.is === "retry" ? attempt.verdict.feedback : undefined,
    })),
    words,
    diff: shown?.exitCode === 0 ? shown.stdout : "",
  }
}

function isOver({ finished }: Change): boolean {
  return finished === "merged" || finished === "already_fixed" || finished === "closed"
}

const MOST_SHOWN = 5
const MOST_READ = 100
const MOST_ATTEMPTS = 6
const MAX_GUIDE_CHARS = 200_000
