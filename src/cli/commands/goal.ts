import type { CheckSpec } from "../../core/loop.ts"
import { GoalReport, proposeGoal, pursueGoal } from "../../engine/goal/pursue.ts"
import { writeDuration } from "../../spec/quantity.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { count, dollars, plain, print, type Terminal } from "../terminal.ts"
import { announceTo } from "./run.ts"

export type GoalFlags = {
  check?: string[]
  every?: string
  agent?: string
  evaluator?: string | false
  budget?: string
  maxIterations?: number
  print?: boolean
}

/** `flyball goal "…" [--check CMD]… [--every 30m]` */
export async function goal(terminal: Terminal, text: string, flags: GoalFlags): Promise<number> {
  const { check = [], every, agent, evaluator, budget, maxIterations } = flags
  const asked = {
    cwd: process.cwd(),
    goal: text,
    checks: check,
    ...(every === undefined ? {} : { every }),
    ...(agent === undefined ? {} : { agent }),
    ...(evaluator === undefined ? {} : { evaluator }),
    ...(budget === undefined ? {} : { budget }),
    ...(maxIterations === undefined ? {} : { maxIterations }),
    ...(terminal.interactive ? { agree: (checks: readonly CheckSpec[]) => agree(terminal, text, checks) } : {}),
  }
  const code = await runInForeground(terminal, async (signal, progress) => {
    if (flags.print === true) {
      const { loop, offered, evaluator } = await proposeGoal({ ...asked, signal, progress })
      if (evaluator.is === "none") terminal.err(`No evaluator: ${plain(evaluator.why, 200)}. The checks alone decide.`)
      if (offered.length > 0)
        terminal.err(
          `A proposal: \`${plain(text, 120)}\` would be reached when ${offered.map(({ name }) => name).join(" and ")} are green. Nothing was started.`,
        )
      terminal.out(terminal.json ? JSON.stringify(loop, null, 2) : loop.text)
      return exitCodes.done
    }
    const report = await pursueGoal({
      ...asked,
      signal,
      progress,
      announce: announceTo(terminal),
      waiting: (said, everyMs) => {
        if (!terminal.json)
          terminal.err(terminal.color.dim(`${plain(said, 300)}: looks again in ${writeDuration(everyMs)}`))
      },
    })
    print(terminal, GoalReport.parse(report), (shown) => render(terminal, shown))
    return report.exitCode
  })
  if (code === exitCodes.interrupted) terminal.err("Parked. The same command goes on where this stopped.")
  return code
}

async function agree({ err }: Terminal, text: string, checks: readonly CheckSpec[]): Promise<boolean> {
  const { confirm, isCancel } = await import("@clack/prompts")
  err(`What can be measured here for "${plain(text, 120)}":`)
  for (const { name, run } of checks) err(`  ${name}  ${plain([run ?? []].flat().join(" "), 120)}`)
  const answer = await confirm({ message: "Is the goal reached when all of these are green?" })
  return !isCancel(answer) && answer
}

function evaluatorLine(word: GoalReport["evaluator"]): string {
  if (word.is === "none") return `none: ${plain(word.why, 200)}`
  const { agent, answer, reason = "", remembered } = word
  const words = [answer?.replace("_", " "), reason].filter((part) => part !== undefined && part !== "").join(": ")
  const said = answer === undefined ? "was not asked: the checks come first" : plain(words, 300)
  return `${plain(agent, 100)}: ${said}${remembered === true ? " (as it said of the same tree before)" : ""}`
}

function render({ color }: Terminal, report: GoalReport): string {
  const lines = [""]
  const cost = color.dim(`${count(report.rounds, "round")}, ${dollars(report.usd)}, ${(report.ms / 1000).toFixed(1)} s`)
  const checks = [
    ...report.checks.map(({ name, run }) => `  ${color.dim(name)}  ${plain(run, 120)}`),
    `  ${color.dim("evaluator")}  ${evaluatorLine(report.evaluator)}`,
  ]
  if (report.ended === "met") {
    const where =
      report.where === "proposal"
        ? `on the proposal ${report.change ?? ""}${report.branch === undefined ? "" : ` (${report.branch})`}, and on the base once you approve it`
        : `on the base (${report.last.base.slice(0, 10)})`
    lines.push(`${color.green("✓")} ${color.bold("Met")} ${where}: all checks are green`, ...checks, cost)
    if (report.where === "proposal") lines.push("", `${color.bold("Next")}  flyball inbox show ${report.change ?? ""}`)
    return lines.join("\n")
  }
  const byEvaluator = report.evaluator.is === "agent" && report.evaluator.answer === "impossible"
  const says = byEvaluator
    ? "Impossible, says the evaluator"
    : "Impossible, says the maker; nothing bears it out but its word"
  const heading = report.ended === "impossible" ? says : "Stopped"
  lines.push(`${color.yellow("?")} ${color.bold(heading)}: ${plain(report.reason ?? "", 400)}`, ...checks, cost)
  lines.push("", `${color.bold("Next")}  flyball inbox${report.change === undefined ? "" : ` show ${report.change}`}`)
  return lines.join("\n")
}
