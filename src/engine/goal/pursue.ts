import { setTimeout as delay } from "node:timers/promises"
import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import { AgentKind, type CheckSpec } from "../../core/loop.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { haltOf, readHalts } from "../../isolate/halts.ts"
import { openRepo } from "../../isolate/repo.ts"
import { findProgram } from "../../make/find-program.ts"
import { askedDuration, refuseBadBudget } from "../asked.ts"
import { judges, setupOf } from "../commands/first-loop.ts"
import { status } from "../commands/status.ts"
import { lackingTools } from "../commands/tools-here.ts"
import { flyballHome } from "../home.ts"
import { detectHere, type LoopText, trackedFiles } from "../load.ts"
import { RunReport } from "../report.ts"
import { type RunOptions, runLoop } from "../run/run.ts"
import { openSession } from "../session.ts"
import type { ChangeView } from "../view.ts"
import { goalLoop } from "./goal-loop.ts"
import { keepGoal } from "./kept.ts"
import { inFull, measurable } from "./measurable.ts"

/** What a pursued goal came to: printed as JSON by `flyball goal --json`. */
export const GoalReport = z.object({
  goal: z.string(),
  loop: z.string(),
  /** What says whether it is reached. */
  checks: z.array(z.object({ name: z.string(), run: z.string() })),
  /** `met` where the evidence holds: on the base, or on a proposal that waits for review. */
  ended: z.enum(["met", "impossible", "stopped"]),
  where: z.enum(["base", "proposal"]).optional(),
  branch: z.string().optional(),
  change: z.string().optional(),
  /** For `impossible` and `stopped`. */
  reason: z.string().optional(),
  /** How often it was measured, and work begun where it was not reached. */
  rounds: z.number(),
  usd: z.number(),
  ms: z.number(),
  exitCode: z.number(),
  /** The last round's run. */
  last: RunReport,
})
export type GoalReport = z.infer<typeof GoalReport>

export type GoalOptions = {
  cwd: string
  goal: string
  /** Commands that say whether it is reached. */
  checks: readonly string[]
  /** An agent's name, or a command line. */
  agent?: string
  budget?: string
  maxIterations?: number
  /** Measured again this often, until it holds on the base. */
  every?: string
  signal: AbortSignal
  progress: Progress
  announce?: NonNullable<RunOptions["announce"]>
  /** Whether these checks of the project are what the goal means; absent where nobody is there to ask or need be. */
  agree?: (checks: readonly CheckSpec[]) => Promise<boolean>
  /** Told before the wait for the next round: what the last one came to. */
  waiting?: (said: string, everyMs: number) => void
}

/** The loop that a goal in prose would become, for somebody to read: nobody need agree to what starts nothing. */
export async function proposeGoal(
  options: Omit<GoalOptions, "agree">,
): Promise<{ loop: LoopText; offered: CheckSpec[] }> {
  const { loop, measures } = await planGoal({ ...options, agree: async () => true })
  return { loop, offered: measures }
}

/** The loop that a goal becomes. Throws a Failure where nothing can say whether it is reached. */
export async function planGoal(options: GoalOptions): Promise<{ repo: Repo; loop: LoopText; measures: CheckSpec[] }> {
  const { goal, checks, agent, budget, maxIterations } = options
  refuseWrongUse(options)
  const repo = await openRepo(options.cwd, flyballHome(process.env))
  const maker = agent === undefined ? undefined : await makerOf(agent, repo)
  const [detected, paths] = await Promise.all([detectHere(repo), trackedFiles(repo)])
  const named = checks.length > 0 ? [] : await agreedOn(options, detected)
  const setup = setupOf(repo, paths)
  const loop = goalLoop({
    goal: goal.trim(),
    commands: checks,
    named: named.map(({ name }) => name),
    guards: judges(detected, await lackingTools(repo, detected)),
    ...(maker === undefined ? {} : { maker }),
    ...(budget === undefined ? {} : { budget }),
    ...(maxIterations === undefined ? {} : { maxIterations }),
    ...(setup === undefined ? {} : { setup }),
  })
  return { repo, loop, measures: named }
}

const MAX_GOAL_CHARS = 1_000

/** What would otherwise be found wrong in a loop file that nobody wrote. */
function refuseWrongUse({ goal, checks, budget }: GoalOptions): void {
  const example = 'flyball goal "all tests pass" --check "npm test"'
  if (goal.trim() === "") throw new Failure("GOAL_EMPTY", "The goal says nothing.", { hint: example })
  if (goal.length > MAX_GOAL_CHARS)
    throw new Failure(
      "GOAL_TOO_LONG",
      `The goal has ${goal.length} characters; ${MAX_GOAL_CHARS} are what a finding can be called by.`,
      { hint: "Put the details into a file of the repository, and name the file in the goal." },
    )
  if (checks.some((check) => check.trim() === ""))
    throw new Failure("CHECK_EMPTY", "`--check` names no command.", { hint: example })
  if (budget !== undefined) refuseBadBudget("--budget", budget)
}

/** What the project offers for a goal in prose, once a person has said that this is what is meant. */
async function agreedOn({ goal, agree }: GoalOptions, detected: readonly CheckSpec[]): Promise<CheckSpec[]> {
  const offered = measurable(goal, detected)
  const commands = (offered.length > 0 ? offered : detected).map(({ run }) => [run ?? []].flat().join(" "))
  const example = inFull(goal, commands.length > 0 ? commands : ["./is-it-so.sh"])
  if (offered.length === 0)
    throw new Failure("GOAL_VAGUE", `Nothing here can measure whether "${goal}" is reached, so it would never end.`, {
      hint: `Say by which commands: they must be red now, and green when it is reached. ${example}`,
    })
  if (agree === undefined)
    throw new Failure("GOAL_UNCONFIRMED", `Nobody is here to ask whether ${listed(offered)} is what "${goal}" means.`, {
      hint: `Say it: ${example}`,
    })
  if (await agree(offered)) return offered
  throw new Failure("GOAL_UNCONFIRMED", "Then say by which commands it is known to be reached.", { hint: example })
}

function listed(checks: readonly CheckSpec[]): string {
  return checks.map(({ name, run }) => `${name} (\`${[run ?? []].flat().join(" ")}\`)`).join(" and ")
}

async function makerOf(agent: string, { root }: Repo): Promise<{ use: string } | { command: string }> {
  if (agent !== "command" && AgentKind.safeParse(agent).success) return { use: agent }
  const [program = "", ...rest] = agent.trim().split(/\s+/)
  // One word that is no agent may be a slip of the pen; a command line is the shell's to understand.
  if (program !== "" && (rest.length > 0 || (await findProgram(program, process.env.PATH ?? "", root)) !== undefined))
    return { command: agent }
  throw new Failure("NO_AGENT", `\`--agent\`: "${agent.slice(0, 100)}" is no coding agent and no program here.`, {
    hint: '--agent claude, --agent codex, or a command in quotes: --agent "npx eslint --fix ."',
  })
}

/**
 * Measures, has work made, measures again: until evidence says that the goal holds, the maker says that it can't, or a
 * guardrail stops it. The maker's word that it is done counts for nothing.
 */
export async function pursueGoal(options: GoalOptions): Promise<GoalReport> {
  const started = performance.now()
  const everyMs = options.every === undefined ? undefined : readEvery(options.every)
  const { repo, loop } = await planGoal(options)
  await keepGoal(repo, loop)
  const { cwd, signal } = options
  let usd = 0
  for (let rounds = 1; ; rounds++) {
    const report = await round(options, loop, rounds)
    if (report instanceof Failure) {
      // Another round may well succeed: the remote is back, the other process has ended.
      if (everyMs === undefined || report.retry !== "later" || signal.aborted) throw report
      options.waiting?.(`${report.code} ${report.message}`, everyMs)
      await pause(everyMs, signal)
      continue
    }
    usd += report.usd
    const end = endOf(repo, report, report.changes.at(-1) ?? (await waitingOf(cwd, report, signal)))
    const holdsOnBase = end.ended === "met" && end.where === "base"
    if (everyMs === undefined || holdsOnBase || end.ended !== "met") {
      const checks = report.names.filter((each) => each.kind === "check" && isMeasure(each.name, loop.text))
      return {
        goal: options.goal,
        loop: report.loop,
        checks: checks.map(({ name, became }) => ({ name, run: became })),
        ...end,
        rounds,
        usd,
        ms: Math.round(performance.now() - started),
        last: report,
      }
    }
    options.waiting?.(`${end.change ?? report.loop} waits for review`, everyMs)
    await pause(everyMs, signal)
  }
}

async function round(
  { cwd, goal, agent, checks, signal, progress, announce }: GoalOptions,
  loop: LoopText,
  n: number,
): Promise<RunReport | Failure> {
  const trigger = n === 1 ? "goal" : `goal, round ${n}`
  const shown = n > 1 || announce === undefined ? {} : { announce }
  // Whoever types a goal that they closed before says so anew; a later look by itself says nothing.
  const anew = n === 1
  try {
    return RunReport.parse(await runLoop({ cwd, loop, trigger, anew, dryRun: false, signal, progress, ...shown }))
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code !== "NO_AGENT" || agent !== undefined) return failure
    return new Failure("NO_AGENT", failure.message, {
      hint: `Install claude (npm i -g @anthropic-ai/claude-code) or codex (npm i -g @openai/codex), or let any command make the changes: ${inFull(goal, checks)} --agent "npx eslint --fix ."`,
      retry: "person",
    })
  }
}

const LEAST_MS = 1_000
/** Timers take no more. */
const MOST_MS = 2 ** 31 - 1

function readEvery(text: string): number {
  const everyMs = askedDuration("--every", text)
  if (everyMs >= LEAST_MS) return everyMs
  throw new Failure("BAD_DURATION", `--every: \`${text}\` is too often.`, { hint: "At least a second: --every 30m" })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; left -= MOST_MS) await delay(Math.min(left, MOST_MS), undefined, { signal })
}

function isMeasure(name: string, text: string): boolean {
  return /run: goal\(([^)]*)\)/.exec(text)?.[1]?.split(", ").includes(name) === true
}

type End = Pick<GoalReport, "ended" | "exitCode"> & Partial<Pick<GoalReport, "where" | "branch" | "change" | "reason">>

/** The change that an earlier call began, where this round left it alone. */
async function waitingOf(cwd: string, report: RunReport, signal: AbortSignal): Promise<ChangeView | undefined> {
  if (report.findings.length === 0) return undefined
  await using session = await openSession({ cwd, signal, progress: () => {} })
  return (await status(session, report.loop)).changes.at(-1)
}

/** How a round ended, by the ledger's word alone. */
function endOf(repo: Repo, report: RunReport, view: ChangeView | undefined): End {
  const [held] = report.held
  if (held !== undefined)
    return { ended: "stopped", reason: `${held.reason}: ${held.detail}`, exitCode: report.exitCode || 3 }
  if (view === undefined) return { ended: "met", where: "base", exitCode: 0 }
  const about = { change: view.id }
  if (view.outcome === "proposed") {
    const branch = view.branch === undefined ? {} : { branch: view.branch }
    return { ended: "met", where: "proposal", ...about, ...branch, exitCode: 0 }
  }
  if (view.outcome === "merged" || view.outcome === "already_fixed")
    return { ended: "met", where: "base", ...about, exitCode: 0 }
  const running = { repo: repo.key, loop: report.loop, change: view.id }
  const halt = haltOf(readHalts(flyballHome(process.env)), running)
  const left = report.changes.length > 0 ? undefined : report.findings[0]?.why
  const reason =
    halt === undefined || view.stage !== "in_progress"
      ? (view.question ?? left ?? view.says)
      : `${view.id} is halted, by ${halt.by}: \`flyball resume\` lifts it`
  const impossible = view.reason === "maker_impossible"
  return { ended: impossible ? "impossible" : "stopped", reason, ...about, exitCode: report.exitCode || 3 }
}
