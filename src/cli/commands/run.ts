import type { Guardrails } from "../../core/loop.ts"
import { networkInWords } from "../../core/network.ts"
import { RunReport } from "../../engine/report.ts"
import type { RunOptions } from "../../engine/run/run.ts"
import type { ChangeView } from "../../engine/view.ts"
import { ceilingKeys, writeCeiling } from "../../spec/quantity.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { count, dollars, plain, print, type Terminal } from "../terminal.ts"
import { changeLine } from "./status.ts"

/** `flyball run LOOP [--dry-run]` */
export async function run(
  terminal: Terminal,
  loop: string,
  options: { dryRun?: boolean; trigger?: string; whileStdin?: boolean },
): Promise<number> {
  const code = await runInForeground(
    terminal,
    async (signal, progress) => {
      const { runLoop } = await import("../../engine/run/run.ts")
      const report = RunReport.parse(
        await runLoop({
          cwd: process.cwd(),
          loop,
          trigger: options.trigger ?? "manual",
          dryRun: options.dryRun === true,
          signal,
          progress,
          announce: announceTo(terminal),
        }),
      )
      print(terminal, report, (shown) => (shown.dryRun ? renderPlan(terminal, shown) : renderReport(terminal, shown)))
      return report.exitCode
    },
    { whileStdin: options.whileStdin === true },
  )
  if (code === exitCodes.interrupted)
    terminal.err(`Parked. \`flyball run ${loop}\` goes on where this stopped; \`flyball status\` shows it.`)
  return code
}

/** What every name became, on stderr, before anything is started. */
export function announceTo({ color, err, json }: Terminal): NonNullable<RunOptions["announce"]> {
  return ({ loop, names }, { sandbox, crashSafe, base, resumed }) => {
    if (json) return
    err(
      `${color.bold(loop.name)}  on ${base.branch} ${base.sha.slice(0, 10)}${base.remote === undefined ? " (no remote)" : ` of ${base.remote.name}`}`,
    )
    const own = names.filter((each) => each.kind === "check" && /^Flyball's own\b/.test(each.became))
    const named = names.filter((each) => !own.includes(each))
    const width = Math.max(0, ...named.map((each) => each.name.length))
    for (const each of named)
      err(`  ${color.dim(each.kind.padEnd(7))} ${each.name.padEnd(width)}  ${color.dim(plain(each.became, 90))}`)
    if (own.length > 0)
      err(`  ${color.dim("check  ")} ${color.dim(`and Flyball's own: ${own.map(({ name }) => name).join(", ")}`)}`)
    err(`  ${color.dim("budget ")} ${budgetOf(loop.guardrails)}`)
    const maker = loop.steps.act === undefined ? undefined : loop.agents[loop.steps.act.agent]
    if (maker !== undefined) err(`  ${color.dim("network")} ${maker.name} reaches ${networkInWords(loop, maker)}`)
    if (sandbox === "none")
      err(color.yellow("  not sandboxed: a hostile agent can reach what you can reach (see `flyball doctor`)"))
    if (!crashSafe)
      err(color.yellow("  not crash-safe: PGlite in process, one process at a time (see `flyball doctor`)"))
    if (resumed.changes > 0)
      err(color.cyan(`resuming ${count(resumed.changes, "change")}, ${dollars(resumed.usd)} already spent`))
  }
}

function budgetOf({ budget, priority = "normal" }: Guardrails): string {
  const amounts = ceilingKeys.flatMap((key) => (budget[key] === undefined ? [] : writeCeiling(key, budget[key])))
  const rank = priority === "normal" ? [] : [`${priority} priority`]
  return [...(amounts.length === 0 ? ["no ceiling"] : amounts), ...rank].join(", ")
}

/** The end of a run: what came of each finding, what it cost, and what to look at next. */
export function renderReport(terminal: Terminal, report: RunReport): string {
  const { color } = terminal
  const lines: string[] = [""]
  if (report.changes.length === 0) lines.push(nothing(report))
  for (const [heading, mark, members] of groupsOf(color, report.changes)) {
    if (members.length === 0) continue
    lines.push(
      color.bold(`${mark} ${heading} (${members.length})`),
      ...members.flatMap((view) => [changeLine(color, view), ...questionOf(view)]),
      "",
    )
  }
  const skipped = report.findings.filter((each) => each.plan === "skip" || each.plan === "under_way")
  if (skipped.length > 0)
    lines.push(
      color.dim(
        `left alone: ${skipped.map((each) => `${plain(each.title, 50)} (${each.why ?? each.plan})`).join("; ")}`,
      ),
    )
  for (const each of report.held)
    lines.push(color.yellow(`held for a later run: ${plain(each.title, 60)}: ${each.detail}`))
  for (const note of report.notes) lines.push(color.dim(`note: ${plain(note, 240)}`))
  lines.push(color.dim(`${dollars(report.usd)} in ${(report.ms / 1000).toFixed(1)} s`))
  if (report.changes.some(({ stage, waits }) => stage !== "done" && waits === undefined))
    lines.push("", `${color.bold("Next")}  flyball inbox`)
  return lines.join("\n")
}

function nothing(report: RunReport): string {
  const what = report.findings.length === 0 ? "Nothing found" : "Nothing to attempt"
  // An agent that looked around was paid, whatever it found.
  return report.usd > 0 ? `${what}: nothing started.` : `${what}: nothing started, nothing spent.`
}

function groupsOf(color: Terminal["color"], changes: readonly ChangeView[]): [string, string, ChangeView[]][] {
  const of = (stage: ChangeView["stage"]) => changes.filter((view) => view.stage === stage)
  return [
    ["Proposed", color.green("✓"), of("awaiting_review")],
    ["Needs a person", color.yellow("?"), of("needs_a_person")],
    ["Done", color.green("✓"), of("done")],
    ["Closed", color.dim("–"), of("blocked")],
    ["Unfinished", color.dim("…"), of("in_progress")],
  ]
}

function questionOf(view: ChangeView): string[] {
  if (view.waits !== undefined) return [`    ${plain(view.waits, 500)}`]
  return view.question === undefined ? [] : [`    ${plain(view.question, 220)}`]
}

function renderPlan({ color }: Terminal, report: RunReport): string {
  const lines = [""]
  const groups = [
    ["attempt", "Would attempt", color.green("→")],
    ["ask", "Would ask a person", color.yellow("?")],
    ["under_way", "Under way", color.dim("…")],
    ["skip", "Would leave alone", color.dim("–")],
  ] as const
  for (const [plan, heading, mark] of groups) {
    const members = report.findings.filter((each) => each.plan === plan)
    if (members.length === 0 && plan !== "attempt") continue
    lines.push(color.bold(`${heading} (${members.length})`))
    for (const each of members) {
      const why = each.why === undefined ? "" : `: ${plain(each.why, 120)}`
      lines.push(`  ${mark} ${plain(each.title, 90)}  ${color.dim(`${each.source}, ${each.severity}${why}`)}`)
    }
  }
  for (const note of report.notes) lines.push(color.dim(`note: ${plain(note, 240)}`))
  if (report.atMostUsd !== undefined) lines.push("", `at most ${dollars(report.atMostUsd)}`)
  lines.push(color.dim("Dry run: no agent was started, and nothing was written to the repository or the ledger."))
  return lines.join("\n")
}
