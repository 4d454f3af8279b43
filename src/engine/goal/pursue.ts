import { setTimeout as delay } from "node:timers/promises"
import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { openRepo } from "../../isolate/repo.ts"
import { askedDuration, refuseBadBudget } from "../asked.ts"
import { judges, setupOf } from "../commands/first-loop.ts"
import { lackingTools } from "../commands/tools-here.ts"
import { flyballHome } from "../home.ts"
import { detectHere, type LoopText, trackedFiles } from "../load.ts"
import { RunReport } from "../report.ts"
import { type RunOptions, runLoop } from "../run/run.ts"
import { changeOf, End, EvaluatorWord, endOf, wordOf } from "./end.ts"
import { type EvaluatorChoice, evaluatorFor, namedAgent, nobody, withEvaluator } from "./evaluator-for.ts"
import { goalLoop } from "./goal-loop.ts"
import { keepGoal } from "./kept.ts"
import { inFull, measurable } from "./measurable.ts"
import { closeOutdated } from "./outdated.ts"

/** What a pursued goal came to: printed as JSON by `flyball goal --json`. */
export const GoalReport = z.object({
  goal: z.string(),
  loop: z.string(),
  /** What says whether it is reached. */
  checks: z.array(z.object({ name: z.string(), run: z.string() })),
  ...End.shape,
  /** Who else says whether it is met, and what was said; `none` where the checks alone decided, and why. */
  evaluator: EvaluatorWord,
  /** How often it was measured, and work begun where it was not reached. */
  rounds: z.number(),
  usd: z.number(),
  ms: z.number(),
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
  /** The same for whoever says whether it is met once the checks are green; false: nobody does. */
  evaluator?: string | false
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
): Promise<{ loop: LoopText; offered: CheckSpec[]; evaluator: EvaluatorChoice }> {
  const { loop, measures, evaluator } = await planGoal({ ...options, agree: async () => true })
  return { loop, offered: measures, evaluator }
}

type PlannedGoal = { repo: Repo; loop: LoopText; measures: CheckSpec[]; evaluator: EvaluatorChoice }

/** The loop that a goal becomes. Throws a Failure where nothing can say whether it is reached. */
export async function planGoal(options: GoalOptions): Promise<PlannedGoal> {
  const { goal, checks, agent, budget, maxIterations } = options
  refuseWrongUse(options)
  const repo = await openRepo(options.cwd, flyballHome(process.env))
  const maker = agent === undefined ? undefined : await namedAgent("--agent", agent, repo)
  const evaluator = await evaluatorFor(options, maker, repo)
  const [detected, paths] = await Promise.all([detectHere(repo), trackedFiles(repo)])
  const named = checks.length > 0 ? [] : await agreedOn(options, detected)
  const setup = setupOf(repo, paths)
  const loop = goalLoop({
    goal: goal.trim(),
    commands: checks,
    named: named.map(({ name }) => name),
    guards: judges(detected, await lackingTools(repo, detected)),
    ...(maker === undefined ? {} : { maker }),
    ...(evaluator.is === "none" ? {} : { evaluator: evaluator.evaluator }),
    ...(budget === undefined ? {} : { budget }),
    ...(maxIterations === undefined ? {} : { maxIterations }),
    ...(setup === undefined ? {} : { setup }),
  })
  return { repo, loop, measures: named, evaluator }
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

/**
 * Measures, has work made, measures again: until evidence says that the goal holds, the maker says that it can't, or a
 * guardrail stops it. The maker's word that it is done counts for nothing.
 */
export async function pursueGoal(options: GoalOptions): Promise<GoalReport> {
  const started = performance.now()
  const everyMs = options.every === undefined ? undefined : readEvery(options.every)
  const { repo, loop, evaluator } = await planGoal(options)
  await closeOutdated(options, repo, loop)
  await keepGoal(repo, loop)
  const { cwd, signal } = options
  let usd = 0
  for (let rounds = 1; ; rounds++) {
    const report = await round(options, { loop, evaluator }, rounds)
    if (report instanceof Failure) {
      // Another round may well succeed: the remote is back, the other process has ended.
      if (everyMs === undefined || report.retry !== "later" || signal.aborted) throw report
      options.waiting?.(`${report.code} ${report.message}`, everyMs)
      await pause(everyMs, signal)
      continue
    }
    usd += report.usd
    const view = await changeOf(cwd, report, signal)
    const end = endOf(repo, report, view)
    const holdsOnBase = end.ended === "met" && end.where === "base"
    if (everyMs === undefined || holdsOnBase || end.ended !== "met") {
      const checks = report.names.filter((each) => each.kind === "check" && isMeasure(each.name, loop.text))
      return {
        goal: options.goal,
        loop: report.loop,
        checks: checks.map(({ name, became }) => ({ name, run: became })),
        ...end,
        evaluator:
          evaluator.is === "none" ? evaluator : { is: "agent", agent: agentIn(report), ...wordOf(report, view) },
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
  { loop, evaluator }: Pick<PlannedGoal, "loop" | "evaluator">,
  n: number,
): Promise<RunReport | Failure> {
  const trigger = n === 1 ? "goal" : `goal, round ${n}`
  const told: RunOptions["announce"] = (loaded, facts) =>
    announce?.({ ...loaded, names: withEvaluator(loaded.names, evaluator, loaded.loop) }, facts)
  const shown = n > 1 || announce === undefined ? {} : { announce: told }
  // Whoever types a goal that they closed before says so anew; a later look by itself says nothing.
  const anew = n === 1
  try {
    const report = RunReport.parse(
      await runLoop({ cwd, loop, trigger, anew, dryRun: false, signal, progress, ...shown }),
    )
    return { ...report, names: [...report.names, ...nobody(evaluator)] }
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

function agentIn({ names }: RunReport): string {
  return names.find(({ kind, name }) => kind === "agent" && name === "evaluator")?.became ?? "?"
}
