import { asFailure } from "../../core/failure.ts"
import { firstFindings, type InitPlan, InitReport, planInit, writeInit } from "../../engine/commands/init.ts"
import { runInForeground } from "../foreground.ts"
import { exitCodes } from "../main.ts"
import { count, plain, print, type Terminal } from "../terminal.ts"

/** `flyball init [--yes] [--agent NAME]` */
export async function init(terminal: Terminal, options: { yes?: boolean; agent?: string }): Promise<number> {
  const plan = await planInit(process.cwd(), options.agent)
  tellPlan(terminal, plan)
  if (plan.files.length > 0 && terminal.interactive && options.yes !== true) {
    const { confirm, isCancel } = await import("@clack/prompts")
    const answer = await confirm({ message: `Write ${plan.files.map((file) => file.path).join(" and ")}?` })
    if (isCancel(answer) || !answer) {
      terminal.err("Nothing was written.")
      return exitCodes.done
    }
  }
  await writeInit(plan)
  return runInForeground(terminal, async (signal, progress) => {
    const found = await lookOnce(plan, signal, progress)
    const report = InitReport.parse({
      repo: plan.repo.root,
      agents: plan.agents.map(({ kind, version }) => `${kind} ${version ?? ""}`.trim()),
      checks: plan.checks.map((check) => check.name),
      written: plan.files.map((file) => file.path),
      kept: plan.kept,
      ...found,
    })
    print(terminal, report, (shown) => render(terminal, shown, plan.loop))
    return exitCodes.done
  })
}

/** The loop may not be ready to run here (no agent yet): that is a note, and what was written stays. */
async function lookOnce(plan: InitPlan, signal: AbortSignal, progress: Parameters<typeof firstFindings>[3]) {
  try {
    return await firstFindings(plan.repo.root, plan.loop, signal, progress)
  } catch (thrown) {
    signal.throwIfAborted()
    const { message, hint } = asFailure(thrown)
    return { findings: [], notes: [hint === undefined ? message : `${message} ${hint}`] }
  }
}

function tellPlan({ err, color, json }: Terminal, { agents, checks, kept }: InitPlan): void {
  if (json) return
  const found = agents.map(({ kind, version }) => `${kind} ${version ?? ""}`.trim())
  err(`${color.bold("agents")}  ${found.length === 0 ? color.yellow("none installed") : found.join(", ")}`)
  err(
    `${color.bold("checks")}  ${checks.length === 0 ? color.yellow("none found in the project") : checks.map((check) => `${check.name} (${check.from})`).join(", ")}`,
  )
  if (kept.length > 0) err(`${color.bold("kept")}    ${kept.join(", ")}`)
}

function render({ color }: Terminal, report: InitReport, loop: string): string {
  const lines = report.written.map((path) => `${color.green("✓")} wrote ${path}`)
  if (report.findings.length > 0)
    lines.push("", color.bold(`There is work here: ${count(report.findings.length, "finding")} to begin with`))
  for (const each of report.findings)
    lines.push(`  ${plain(each.title, 100)}  ${color.dim(`${each.source}, ${each.severity}`)}`)
  if (report.findings.length === 0) lines.push("", "Nothing to fix was found right now.")
  for (const note of report.notes) lines.push(color.dim(`note: ${plain(note, 240)}`))
  lines.push("", `${color.bold("Next")}  read .flyball/loops/${loop}.yaml, then: flyball run ${loop}`)
  return lines.join("\n")
}
