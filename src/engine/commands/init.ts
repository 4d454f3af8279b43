import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { AgentKind, type CheckSpec } from "../../core/loop.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { openRepo } from "../../isolate/repo.ts"
import { type DetectedAgent, usualModel } from "../../make/detect-agents.ts"
import { findProgram } from "../../make/find-program.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { agentsHere } from "../agents-here.ts"
import { Readiness } from "../gate/readiness.ts"
import { readinessHere } from "../gate/readiness-here.ts"
import { flyballHome } from "../home.ts"
import { detectHere, trackedFiles } from "../load.ts"
import { ciOf } from "./ci-here.ts"
import {
  FIRST_LOOP,
  firstLoop,
  IGNORED,
  judges,
  leftOut,
  leftUnmeasured,
  makerFile,
  setupOf,
  type Unmeasured,
} from "./first-loop.ts"
import { loginNotes } from "./login.ts"
import { type Lacking, lackingTools } from "./tools-here.ts"

export const InitReport = z.object({
  repo: z.string(),
  /** Agents that can be run here, with their versions. */
  agents: z.array(z.string()),
  checks: z.array(z.object({ name: z.string(), run: z.string(), from: z.string(), needs: z.string().optional() })),
  /** The CI systems that the repository has settings of. */
  ci: z.array(z.string()),
  /** Files written; none that were there already. */
  written: z.array(z.string()),
  kept: z.array(z.string()),
  /** Up to three findings that are really there. */
  findings: z.array(z.object({ title: z.string(), source: z.string(), severity: z.string() })),
  /** How many there are in all; absent where nobody looked. */
  found: z.number().optional(),
  /** How ready the repository is for a loop, by what was measured within a few seconds. */
  readiness: Readiness.optional(),
  notes: z.array(z.string()),
})
export type InitReport = z.infer<typeof InitReport>

export type InitPlan = {
  repo: Repo
  agents: string[]
  checks: CheckSpec[]
  lacking: Lacking[]
  ci: string[]
  files: { path: string; text: string }[]
  kept: string[]
  notes: string[]
  /** The loop to begin with: the one that is written, or the first that was there. */
  loop: string
  /** Whether that loop's maker can be run here. */
  ready: boolean
  /** The first loop without checks that turned out to be impossible to measure here. */
  loopWithout(unmeasured: readonly Unmeasured[]): string
}

/** What `init` would write here, from what it found. `maker`: an agent's name, or a command line. */
export async function planInit(cwd: string, maker: string | undefined): Promise<InitPlan> {
  const command = maker?.trim()
  if (command === "")
    throw new Failure("AGENT_EMPTY", "`--agent` names nobody.", { hint: '`--agent claude`, or `--agent "./fix.sh"`.' })
  const repo = await openRepo(cwd, flyballHome(process.env))
  const [detected, checks, loops, paths] = await Promise.all([
    agentsHere(),
    detectHere(repo),
    loopFiles(checkoutTree(repo.root)),
    trackedFiles(repo),
  ])
  const lacking = await lackingTools(repo, checks)
  const usable = detected.filter((agent) => agent.usable)
  const agents = usable.map(({ kind, version }) => `${kind} ${version ?? ""}`.trim())
  if (command !== undefined) refuseUnusable(command)
  const loopWithout = (unmeasured: readonly Unmeasured[]) =>
    firstLoop({ repo, paths, checks, lacking, unmeasured, agents, maker: command })
  const wanted = [
    // A first loop is proposed to those who have none.
    ...(loops.length > 0
      ? []
      : [
          {
            path: `.flyball/loops/${FIRST_LOOP}.yaml`,
            text: loopWithout([]),
          },
          { path: ".flyball/.gitignore", text: IGNORED },
        ]),
    ...(command === undefined
      ? []
      : [
          {
            path: ".flyball/agents/implementer.md",
            text: makerFile(command, runnable.has(command), modelOf(command, detected)),
          },
        ]),
  ]
  const there = (path: string) => existsSync(join(repo.root, path))
  const known = new Set<string>(usable.map(({ kind }) => kind))
  return {
    repo,
    agents,
    checks,
    lacking,
    ci: ciOf(paths),
    files: wanted.filter(({ path }) => !there(path)),
    kept: [...loops, ...wanted.map(({ path }) => path).filter(there)],
    notes: [
      ...(await makerNotes(command, known, repo)),
      ...(await loginNotes(usable)),
      ...checkNotes(checks, lacking),
      ...(await setupNotes(repo, loops.length === 0 ? paths : [])),
    ],
    loop: loops[0] === undefined ? FIRST_LOOP : basename(loops[0]).replace(/\.ya?ml$/, ""),
    loopWithout,
    ready: agents.length > 0 || command !== undefined || there(".flyball/agents/implementer.md"),
  }
}

/** Writes the plan's files; one that appeared meanwhile is left as it is. */
export async function writeInit({ repo, files }: InitPlan): Promise<string[]> {
  const written: string[] = []
  for (const { path, text } of files) {
    try {
      await mkdir(dirname(join(repo.root, path)), { recursive: true })
      await writeFile(join(repo.root, path), text, { flag: "wx" })
      written.push(path)
    } catch (error) {
      if (isCode(error, "EEXIST") && existsSync(join(repo.root, path))) continue
      throw new Failure("CHECKOUT_NOT_WRITABLE", `${path} can't be written in ${repo.root}.`, {
        hint: "`init` writes a few files under .flyball/ and nothing else: is the folder yours, and is there something in the way?",
        cause: error,
      })
    }
  }
  return written
}

/** The first look is for somebody who waits: what takes longer is for a dry run. */
const FIRST_LOOK_MS = 5 * 60_000

/** Up to three findings that a run of the new loop would find, at no cost: no agent is started, and none need be there. */
export async function firstFindings(
  { repo, loop }: InitPlan,
  signal: AbortSignal,
  progress: Progress,
): Promise<Pick<InitReport, "findings" | "found" | "notes">> {
  const { runLoop } = await import("../run/run.ts")
  const limit = AbortSignal.timeout(FIRST_LOOK_MS)
  try {
    const options = { cwd: repo.root, loop, trigger: "manual", dryRun: true, progress }
    const report = await runLoop({ ...options, signal: AbortSignal.any([signal, limit]) })
    const findings = report.findings.slice(0, 3).map(({ title, source, severity }) => ({ title, source, severity }))
    const notInstalled = report.findings.some(({ title }) => NOT_INSTALLED.test(title))
    const notes = [...report.notes, ...(notInstalled ? [DEPENDENCIES] : [])]
    return { findings, found: report.findings.length, notes }
  } catch (thrown) {
    if (!limit.aborted || signal.aborted) throw thrown
    const text = `The first look took longer than ${FIRST_LOOK_MS / 60_000} minutes and was stopped: \`flyball run ${loop} --dry-run\` takes the time it needs.`
    return { findings: [], notes: [text] }
  }
}

/** Words of findings that are about this machine rather than about the code. */
const NOT_INSTALLED = /No module named|Cannot find (module|package)|library stub for module/
const DEPENDENCIES =
  "Some of these are modules that are not installed here. Install what the project depends on (for Python in .venv), and look again."

/** The first look has measured most of it; the rest is for `doctor --prove`. */
const READINESS_MS = 15_000

/**
 * How ready the repository is, without keeping anybody waiting; nothing is run where nobody took a first look. What could not be
 * measured is taken out of the loop that was written a moment ago, if nobody touched it since, and is said.
 */
export async function readinessOfPlan(
  plan: InitPlan,
  looked: boolean,
  signal: AbortSignal,
): Promise<{ readiness: Readiness; notes: string[] }> {
  const { repo, checks, lacking, ready, loopWithout } = plan
  const unmeasured: Unmeasured[] = []
  const readiness = await readinessHere({
    repo,
    checks,
    lacking,
    agent: ready,
    measureMs: looked ? READINESS_MS : 0,
    seen: (check, { is, says }) => {
      if (is === "error") unmeasured.push({ check, why: inAFewWords(says) })
    },
    signal,
  })
  const left = leftUnmeasured(checks, unmeasured)
  const path = join(repo.root, `.flyball/loops/${FIRST_LOOP}.yaml`)
  if (!looked || left.length === 0 || (await readFile(path, "utf8")) !== loopWithout([]))
    return { readiness, notes: [] }
  await writeFile(path, loopWithout(unmeasured))
  return {
    readiness,
    notes: left.map(({ check, why }) => `${check} was taken out of the loop: it can't be measured here (${why}).`),
  }
}

/** The first line of what went wrong, without the name of the error. */
function inAFewWords(says: string): string {
  return says
    .replace(/^\w+: /, "")
    .replace(/\s+/g, " ")
    .slice(0, 100)
    .trim()
}

/** Agents of ours that can be run today, by the names that `use:` knows. */
const runnable: ReadonlySet<string> = new Set(["claude", "codex", "opencode", "gemini", "pi"])

/** OpenCode and Pi have no model of their own. */
function modelOf(maker: string, detected: readonly DetectedAgent[]): string | undefined {
  const kind = AgentKind.safeParse(maker)
  return kind.success ? usualModel(kind.data, detected) : undefined
}

function refuseUnusable(maker: string): void {
  const isKind = AgentKind.safeParse(maker).success
  if (!isKind || runnable.has(maker)) return
  throw new Failure("NOT_AVAILABLE_YET", `\`--agent ${maker}\` is not available yet.`, {
    hint: 'These are: claude, codex, opencode, gemini, pi, and any command: `--agent "./fix.sh"`.',
  })
}

async function makerNotes(maker: string | undefined, installed: ReadonlySet<string>, repo: Repo): Promise<string[]> {
  if (maker === undefined) return []
  if (runnable.has(maker))
    return installed.has(maker) ? [] : [`${maker} is not installed here: a run would stop before it begins.`]
  const program = /^[\w./+-]+/.exec(maker)?.[0]
  if (program === undefined || shellWords.has(program)) return []
  const found = await findProgram(program, process.env.PATH ?? "", repo.root)
  return found === undefined ? [`\`${program}\` was not found: a run would stop there.`] : []
}

const shellWords: ReadonlySet<string> = new Set(["if", "for", "while", "case", "cd", "set", "export", "exec", ".", "!"])

async function setupNotes(repo: Repo, paths: readonly string[]): Promise<string[]> {
  const setup = setupOf(repo, paths)
  const [manager = ""] = setup?.split(" ") ?? []
  if (setup === undefined) return []
  if ((await findProgram(manager, process.env.PATH ?? "", repo.root)) !== undefined) return []
  return [
    `\`setup: ${setup}\` can't work here: ${manager} is not installed. Install it, or the project's dependencies in your checkout.`,
  ]
}

function checkNotes(checks: readonly CheckSpec[], lacking: readonly Lacking[]): string[] {
  const left = leftOut(checks, lacking)
  const tests = lacking.filter(({ check }) => checks.some(({ name, kind }) => name === check && kind === "tests"))
  return [
    ...left.map(({ check, needs }) => `${check} is left out of the loop: ${needs} is not installed here.`),
    ...tests.map(
      ({ check, needs }) => `${check} can't be run here: ${needs} is not installed. Without it nothing is accepted.`,
    ),
    ...(judges(checks, lacking).length === 0
      ? ["No check was found that could tell whether a change is right: every proposal rests on your review."]
      : []),
  ]
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
