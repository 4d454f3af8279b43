import { setTimeout as delay } from "node:timers/promises"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { AgentKind, type CheckSpec } from "../../core/loop.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { openRepo } from "../../isolate/repo.ts"
import { readDuration } from "../../spec/quantity.ts"
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
  /** Whether these checks of the project are what the goal means; absent where nobody is there to ask. */
  agree?: (checks: readonly CheckSpec[]) => Promise<boolean>
  /** Told before the wait for the next round. */
  waiting?: (report: RunReport, everyMs: number) => void
}

/** The loop that a goal becomes. Throws a Failure where nothing can say whether it is reached. */
export async function planGoal(options: GoalOptions): Promise<{ repo: Repo; loop: LoopText; measures: CheckSpec[] }> {
  const { goal, checks, agent, budget, maxIterations } = options
  if (goal.trim() === "")
    throw new Failure("GOAL_EMPTY", "The goal says nothing.", {
      hint: 'flyball goal "all tests pass" --check "npm test"',
    })
  const repo = await openRepo(options.cwd, flyballHome(process.env))
  const [detected, paths] = await Promise.all([detectHere(repo), trackedFiles(repo)])
  const named = checks.length > 0 ? [] : await agreedOn(options, detected)
  const setup = setupOf(repo, paths)
  const loop = goalLoop({
    goal: goal.trim(),
    commands: checks,
    named: named.map(({ name }) => name),
    guards: judges(detected, await lackingTools(repo, detected)),
    ...(agent === undefined ? {} : { maker: makerOf(agent) }),
    ...(budget === undefined ? {} : { budget }),
    ...(maxIterations === undefined ? {} : { maxIterations }),
    ...(setup === undefined ? {} : { setup }),
  })
  return { repo, loop, measures: named }
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

function makerOf(agent: string): { use: string } | { command: string } {
  return AgentKind.safeParse(agent).success ? { use: agent } : { command: agent }
}

/**
 * Measures, has work made, measures again: until evidence says that the goal holds, the maker says that it can't, or a
 * guardrail stops it. The maker's word that it is done counts for nothing.
 */
export async function pursueGoal(options: GoalOptions): Promise<GoalReport> {
  const started = performance.now()
  const everyMs = options.every === undefined ? undefined : readEvery(options.every)
  const { loop } = await planGoal(options)
  const { cwd, signal, progress, announce } = options
  let usd = 0
  for (let rounds = 1; ; rounds++) {
    const shown = rounds > 1 || announce === undefined ? {} : { announce }
    const report = RunReport.parse(
      await runLoop({
        cwd,
        loop,
        trigger: rounds === 1 ? "goal" : `goal, round ${rounds}`,
        dryRun: false,
        signal,
        progress,
        ...shown,
      }),
    )
    usd += report.usd
    const end = endOf(report, report.changes.at(-1) ?? (await waitingOf(cwd, report, signal)))
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
    options.waiting?.(report, everyMs)
    await delay(everyMs, undefined, { signal })
  }
}

function readEvery(text: string): number {
  try {
    return readDuration(text)
  } catch {
    throw new Failure("BAD_DURATION", `\`${text}\` is no duration.`, { hint: "--every 30m, --every 2h" })
  }
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
function endOf(report: RunReport, view: ChangeView | undefined): End {
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
  const reason = view.question ?? view.outcome ?? view.stage
  const impossible = view.reason === "maker_impossible"
  return { ended: impossible ? "impossible" : "stopped", reason, ...about, exitCode: report.exitCode || 3 }
}
