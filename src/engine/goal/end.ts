import { z } from "zod"
import type { Repo } from "../../core/ports.ts"
import { haltOf, readHalts } from "../../isolate/halts.ts"
import { status } from "../commands/status.ts"
import { flyballHome } from "../home.ts"
import type { RunReport } from "../report.ts"
import { openSession } from "../session.ts"
import type { ChangeView } from "../view.ts"

/** How a round of a goal ended, by the ledger's word alone. */
export const End = z.object({
  /** `met` where the evidence holds: on the base, or on a proposal that waits for review. */
  ended: z.enum(["met", "impossible", "stopped"]),
  where: z.enum(["base", "proposal"]).optional(),
  branch: z.string().optional(),
  change: z.string().optional(),
  /** For `impossible` and `stopped`. */
  reason: z.string().optional(),
  exitCode: z.number(),
})
export type End = z.infer<typeof End>

/** Who says whether a goal is met besides its checks, and what it said last; `none`: the checks alone decide, and why. */
export const EvaluatorWord = z.discriminatedUnion("is", [
  z.object({
    is: z.literal("agent"),
    agent: z.string(),
    answer: z.enum(["met", "not_met", "impossible"]).optional(),
    reason: z.string().optional(),
    /** It said so of the same tree before, and was not paid again. */
    remembered: z.boolean().optional(),
  }),
  z.object({ is: z.literal("none"), why: z.string() }),
])
export type EvaluatorWord = z.infer<typeof EvaluatorWord>

/** The change that a round worked on, or that an earlier call began and this round left alone. */
export async function changeOf(cwd: string, report: RunReport, signal: AbortSignal): Promise<ChangeView | undefined> {
  const worked = report.changes.at(-1)
  if (worked !== undefined || report.findings.length === 0) return worked
  await using session = await openSession({ cwd, signal, progress: () => {} })
  return (await status(session, report.loop)).changes.at(-1)
}

/** What a round came to. */
export function endOf(repo: Repo, report: RunReport, view: ChangeView | undefined): End {
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
  const impossible = view.reason === "maker_impossible" || view.reason === "goal_impossible"
  return { ended: impossible ? "impossible" : "stopped", reason, ...about, exitCode: report.exitCode || 3 }
}

/** What the evaluator said last in a round: of the newest attempt, or of the base. */
export function wordOf(
  report: RunReport,
  view: ChangeView | undefined,
): Partial<Extract<EvaluatorWord, { is: "agent" }>> {
  const last = view?.attempts.flatMap(({ evidence }) => evidence).findLast(({ check }) => check.startsWith("goal:"))
  if (last !== undefined && (last.outcome === "pass" || last.outcome === "fail")) {
    const failed = last.blame === "person" ? "impossible" : "not_met"
    return {
      answer: last.outcome === "pass" ? "met" : failed,
      reason: last.summary.replace(/^(?:not met|met|impossible, says the evaluator)(?:: |$)/, ""),
    }
  }
  const { evaluation } = report
  if (evaluation === undefined) return {}
  const { answer, reason, remembered } = evaluation
  return { answer, reason, remembered }
}
