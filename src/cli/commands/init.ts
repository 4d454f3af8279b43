import { asFailure } from "../../core/failure.ts"
import {
  firstFindings,
  type InitPlan,
  InitReport,
  planInit,
  readinessOfPlan,
  writeInit,
} from "../../engine/commands/init.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { count, plain, print, type Terminal } from "../terminal.ts"
import { readinessLines } from "./prove.ts"

/** `flyball init [--yes] [--agent NAME|COMMAND]` */
export async function init(terminal: Terminal, options: { yes?: boolean; agent?: string }): Promise<number> {
  const plan = await planInit(process.cwd(), options.agent)
  tellPlan(terminal, plan)
  if (terminal.interactive && options.yes !== true && plan.files.length > 0 && !(await agreed(plan))) {
    terminal.err("Nothing was written.")
    return exitCodes.done
  }
  const written = await writeInit(plan)
  for (const path of terminal.json ? [] : written) terminal.err(`${terminal.color.green("✓")} wrote ${path}`)
  return runInForeground(terminal, async (signal, progress) => {
    // Who was here before knows what is wrong; a dry run says it again.
    const isFirst = written.some((path) => path.startsWith(".flyball/loops/"))
    const looked = isFirst ? await lookOnce(plan, signal, progress) : { findings: [], notes: [] }
    const ready = await readyNow(plan, isFirst, signal)
    const report = InitReport.parse({
      repo: plan.repo.root,
      agents: plan.agents,
      checks: plan.checks.map(({ name, run, from }) => {
        const needs = plan.lacking.find(({ check }) => check === name)?.needs
        return { name, run: [run ?? []].flat().join(" "), from, ...(needs === undefined ? {} : { needs }) }
      }),
      ci: plan.ci,
      written,
      kept: plan.kept,
      ...looked,
      ...(ready === undefined ? {} : { readiness: ready.readiness }),
      notes: [...plan.notes, ...looked.notes, ...(ready?.notes ?? [])],
    })
    print(terminal, report, (shown) => render(terminal, shown, plan))
    return exitCodes.done
  })
}

async function agreed(plan: InitPlan): Promise<boolean> {
  const { confirm, isCancel } = await import("@clack/prompts")
  const answer = await confirm({ message: `Write ${plan.files.map((file) => file.path).join(", ")}?` })
  return !isCancel(answer) && answer
}

/** What keeps the look from being taken is a note: what was written stays. */
async function lookOnce(plan: InitPlan, signal: AbortSignal, progress: Parameters<typeof firstFindings>[2]) {
  try {
    return await firstFindings(plan, signal, progress)
  } catch (thrown) {
    signal.throwIfAborted()
    const { message, hint } = asFailure(thrown)
    return { findings: [], notes: [hint === undefined ? message : `${message} ${hint}`] }
  }
}

/** Where it can't be told, that is no reason to fail: the files are written. */
async function readyNow(plan: InitPlan, looked: boolean, signal: AbortSignal) {
  try {
    return await readinessOfPlan(plan, looked, signal)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function tellPlan({ err, color, json }: Terminal, plan: InitPlan): void {
  if (json) return
  const { agents, checks, lacking, ci } = plan
  const row = (name: string, says: string) => err(`${color.bold(name.padEnd(7))} ${says}`)
  row("agents", agents.length === 0 ? color.yellow("none installed that Flyball can run") : agents.join(", "))
  if (checks.length === 0) row("checks", color.yellow("none found in the project"))
  for (const [index, { name, run, from }] of checks.entries()) {
    const needs = lacking.find(({ check }) => check === name)?.needs
    const lacks = needs === undefined ? "" : color.yellow(`: ${needs} is not installed here`)
    row(index === 0 ? "checks" : "", `${name}  ${color.dim(`${[run ?? []].flat().join(" ")} (${from})`)}${lacks}`)
  }
  if (ci.length > 0)
    row("ci", `${ci.join(", ")} ${color.dim("(no connector yet: the checks above are run on the base instead)")}`)
}

function render(terminal: Terminal, report: InitReport, plan: InitPlan): string {
  const { color } = terminal
  const lines: string[] = []
  const { found = 0 } = report
  if (report.kept.length > 0)
    lines.push(
      `${report.written.length === 0 ? "Nothing was written: " : ""}${report.kept.join(", ")} ${report.kept.length === 1 ? "is" : "are"} here already and ${report.kept.length === 1 ? "stays as it is" : "stay as they are"}.`,
    )
  if (found > 0) {
    const shown = report.findings.length < found ? `; the first ${report.findings.length}` : ""
    lines.push("", color.bold(`There is work here: ${count(found, "finding")}${shown}`))
  }
  for (const each of report.findings)
    lines.push(`  ${plain(each.title, 100)}  ${color.dim(`${each.source}, ${each.severity}`)}`)
  if (report.found === 0) lines.push("", "Nothing to fix was found right now.")
  if (report.readiness !== undefined) lines.push("", ...readinessLines(terminal, report.readiness))
  for (const note of report.notes) lines.push(color.dim(`note: ${plain(note, 240)}`))
  lines.push("", ...next(color, plan))
  return lines.join("\n")
}

/** A command of the project's own world. */
function exampleMaker(checks: InitPlan["checks"]): string {
  const runs = checks.map(({ run, format }) => `${run} ${format}`).join("\n")
  if (/\bgo (test|build)\b/.test(runs)) return "gofmt -w ."
  if (/\bcargo\b/.test(runs)) return "cargo fmt"
  if (/\b(pytest|unittest|ruff|mypy)\b/.test(runs)) return "ruff check --fix ."
  return /biome/.test(runs) ? "npx biome check --write ." : "npx eslint --fix ."
}

function next(color: Terminal["color"], { loop, ready, checks }: InitPlan): string[] {
  const file = `.flyball/loops/${loop}.yaml`
  if (ready) return [`${color.bold("Next")}  read ${file}, then: flyball run ${loop}`]
  return [
    `${color.bold("Next")}  read ${file}. Somebody must make the changes: install claude or codex, or name a command:`,
    `      flyball init --agent "${exampleMaker(checks)}"   (any command; it changes files, Flyball does the rest)`,
    `      then: flyball run ${loop}`,
  ]
}
