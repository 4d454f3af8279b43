import type { HaltView } from "../../engine/commands/halt.ts"
import { status as readStatus, StatusReport } from "../../engine/commands/status.ts"
import { openSession } from "../../engine/session.ts"
import type { ChangeView } from "../../engine/view.ts"
import { ago, count, dollars, localTime, plain, print, type Terminal } from "../terminal.ts"

/** `flyball status [LOOP]` */
export async function status(terminal: Terminal, loop: string | undefined, _options: object): Promise<number> {
  const signal = AbortSignal.timeout(60_000)
  await using session = await openSession({
    cwd: process.cwd(),
    signal,
    progress: (text) => terminal.interactive && terminal.err(terminal.color.dim(text)),
  })
  const due = await (await import("../../engine/due.ts")).dueFirings(session, loop)
  const { name: database, crashSafe } = session.database
  const report = StatusReport.parse({ ...(await readStatus(session, loop)), due, database, crashSafe })
  print(terminal, report, (shown) => render(terminal, shown))
  return 0
}

const headings: readonly [ChangeView["stage"], string][] = [
  ["in_progress", "In progress"],
  ["awaiting_review", "Awaiting review"],
  ["needs_a_person", "Needs a person"],
  ["done", "Done (recent)"],
]
const MAX_DONE = 8

function render({ color }: Terminal, report: StatusReport): string {
  const lines = [`${color.bold(report.repo)}  ${color.dim(report.database)}`]
  for (const each of report.halted)
    lines.push(color.yellow(`■ ${each.what} is halted since ${ago(each.at)}, by ${each.by}: \`${liftOf(each)}\``))
  for (const run of report.runs.filter((each) => each.live))
    lines.push(`${color.green("●")} ${run.loop} runs since ${ago(run.startedAt)} (${run.trigger})`)
  for (const [stage, heading] of headings) {
    const all = report.changes.filter((view) => view.stage === stage)
    const shown = stage === "done" ? all.slice(-MAX_DONE) : all
    if (shown.length === 0) continue
    lines.push("", color.bold(`${heading} (${all.length})`), ...shown.map((view) => changeLine(color, view)))
  }
  if (report.changes.length === 0)
    lines.push("", "Nothing has run here yet. `flyball run LOOP` starts a loop; `flyball init` writes a first one.")
  if (report.parked.length > 0)
    lines.push(
      "",
      `${count(report.parked.length, "change")} parked: the loop's next run goes on with ${report.parked.length === 1 ? "it" : "them"}.`,
    )
  if (report.due.length > 0)
    lines.push(
      "",
      color.bold("Due"),
      ...report.due.map((each) => `  ${localTime(each.at)}  ${each.loop}  ${color.dim(each.trigger)}`),
    )
  if (report.costs !== undefined && report.costs.length > 0)
    lines.push("", color.bold("Cost of an accepted change"), ...report.costs.map(costLine))
  lines.push("", color.dim(`spent ${dollars(report.usd.today)} today, ${dollars(report.usd.total)} in all`))
  return lines.join("\n")
}

function costLine({ from, days, accepted, usd, usdPerAccepted }: NonNullable<StatusReport["costs"]>[number]): string {
  const each = usdPerAccepted === undefined ? "none accepted" : `${dollars(usdPerAccepted)} each`
  return `  ${days === 7 ? `week of ${from}` : from}  ${each}  (${count(accepted, "accepted change")}, ${dollars(usd)} in all)`
}

/** The command that lifts this halt and no other. */
export function liftOf({ is, what }: HaltView): string {
  return is === "all" ? "flyball resume" : `flyball resume ${what.replace(/^\w+ /, "")}`
}

/** One change on a line or two: what it is, where it stands, what it cost. */
export function changeLine(color: Terminal["color"], view: ChangeView): string {
  const cost = view.usd > 0 ? color.dim(`  ${dollars(view.usd, view.basis)}`) : ""
  return `  ${color.cyan(view.id)}  ${plain(view.title, 70)}${cost}\n    ${color.dim(`${plain(view.says, 110)}, ${ago(view.updatedAt)}`)}`
}
