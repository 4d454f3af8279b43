import type { HaltView } from "../../engine/commands/halt.ts"
import { status as readStatus, StatusReport } from "../../engine/commands/status.ts"
import type { BareAgent, CostOf } from "../../engine/cost-over-time.ts"
import { openSession } from "../../engine/session.ts"
import type { SharedCeiling } from "../../engine/shared-ceilings.ts"
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
    lines.push(
      "",
      color.bold(`${heading} (${all.length})`),
      ...shown.flatMap((view) => [changeLine(color, view), ...waitsLine(color, view)]),
    )
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
    lines.push("", color.bold("Cost of an accepted change"), ...report.costs.flatMap(costLines))
  if (report.ceilings.length > 0)
    lines.push("", color.bold("Shared ceilings"), ...report.ceilings.flatMap(ceilingLines))
  lines.push("", color.dim(`spent ${dollars(report.usd.today)} today, ${dollars(report.usd.total)} in all`))
  return lines.join("\n")
}

function costLines({ from, days, accepted, usd, usdPerAccepted, bare }: CostOf): string[] {
  const each = usdPerAccepted === undefined ? "none accepted" : `${dollars(usdPerAccepted)} each`
  const when = days === 7 ? `week of ${from}` : from
  const all = `  ${when}  ${each}  (${count(accepted, "accepted change")}, ${dollars(usd)} in all)`
  return bare === undefined ? [all] : [all, `    ${bareLine(bare)}`]
}

/** `a bare agent: $0.31 a change, 4 of 12 wrong; checks, reviews and further tries add $0.21` */
function bareLine({ changes, usdPerChange, basis, unknown, wrong, nothing, addedUsdPerChange }: BareAgent): string {
  const some = unknown === 0 ? "" : ` (${unknown} of unknown cost)`
  const cost = usdPerChange === undefined ? "cost unknown" : `${dollars(usdPerChange, basis)} a change${some}`
  const empty = nothing === 0 ? "" : `, ${nothing} with nothing to show`
  const added =
    addedUsdPerChange === undefined ? "" : `; checks, reviews and further tries add ${dollars(addedUsdPerChange)}`
  return `a bare agent: ${cost}, ${wrong} of ${changes} wrong${empty}${added}`
}

function ceilingLines({ ceiling, unit, limit, used, endsAt, loops }: SharedCeiling): string[] {
  const amount = (of: number) =>
    of === 0 ? "nothing" : unit === "usd" ? dollars(of) : `${Math.floor(of).toLocaleString("en-US")} tokens`
  const whose = ceiling === "month" ? "this repository and month" : "all loops and this day"
  const spent = used === 0 ? (unit === "usd" ? "$0" : "0 tokens") : amount(used)
  const head = `  ${spent} of ${amount(limit)} for ${whose} is spent or set aside, until ${localTime(endsAt)}`
  return [head, ...loops.map(({ loop, priority, left }) => `    ${loop} (${priority}) may take ${amount(left)}`)]
}

function waitsLine(color: Terminal["color"], { waits }: ChangeView): string[] {
  return waits === undefined ? [] : [`    ${color.dim(plain(waits, 500))}`]
}

/** The command that lifts this halt and no other. */
export function liftOf({ is, what }: HaltView): string {
  return is === "all" ? "flyball resume" : `flyball resume ${what.replace(/^\w+ /, "")}`
}

/** One change on a line or two: what it is, where it stands, what it cost. */
export function changeLine(color: Terminal["color"], view: ChangeView): string {
  const cost = view.usd > 0 ? color.dim(`  ${dollars(view.usd, view.basis)}`) : ""
  return `  ${color.cyan(view.id)}  ${plain(view.title, 70)}${cost}\n    ${color.dim(`${plain(view.says, 160)}, ${ago(view.updatedAt)}`)}`
}
