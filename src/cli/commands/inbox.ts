import { Failure } from "../../core/failure.ts"
import { planLines } from "../../core/plan.ts"
import { inert } from "../../core/untrusted.ts"
import type { Said } from "../../engine/commands/answer.ts"
import { InboxItem, InboxReport, inbox, inboxItem } from "../../engine/commands/inbox.ts"
import { openSession, type Session } from "../../engine/session.ts"
import { ChangeView, choiceLine } from "../../engine/view.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { ago, dollars, plain, print, type Terminal } from "../terminal.ts"
import { changeLine } from "./status.ts"

/** `flyball inbox` */
export async function list(terminal: Terminal, _options: object): Promise<number> {
  await using session = await open(terminal)
  const report = InboxReport.parse(await inbox(session))
  print(terminal, report, ({ items }) => renderList(terminal, items))
  return 0
}

function renderList({ color }: Terminal, items: readonly ChangeView[]): string {
  if (items.length === 0) return "Nothing waits for a person."
  const groups: [string, ChangeView[]][] = [
    ["Proposals to review", items.filter((item) => item.stage === "awaiting_review")],
    ["Questions and stops", items.filter((item) => item.stage === "needs_a_person")],
  ]
  const lines = groups.flatMap(([heading, members]) =>
    members.length === 0
      ? []
      : [color.bold(`${heading} (${members.length})`), ...members.flatMap((item) => itemLines(color, item)), ""],
  )
  return [
    ...lines,
    color.dim(
      'flyball inbox show CHANGE · approve CHANGE · reject CHANGE "why" · answer CHANGE "…"  (part of the id is enough)',
    ),
  ].join("\n")
}

function itemLines(color: Terminal["color"], item: ChangeView): string[] {
  const line = changeLine(color, item)
  return item.question === undefined ? [line] : [line, `    ${plain(item.question, 160)}`]
}

/** `flyball inbox show CHANGE` */
export async function show(terminal: Terminal, wanted: string): Promise<number> {
  await using session = await open(terminal)
  const item = InboxItem.parse(await inboxItem(session, wanted, AbortSignal.timeout(60_000)))
  print(terminal, item, (shown) => renderItem(terminal, shown))
  return 0
}

function renderItem({ color }: Terminal, { change, finding, diff, next }: InboxItem): string {
  const place =
    finding.file === undefined ? "" : ` · ${plain(finding.file)}${finding.line === undefined ? "" : `:${finding.line}`}`
  const lines = [
    color.bold(plain(change.title, 160)),
    color.dim(
      `${change.id} · loop ${change.loop} · ${change.source} · ${change.severity}${place} · ${dollars(change.usd, change.basis)} · ${ago(change.updatedAt)}`,
    ),
    "",
    `${color.bold("Now")}      ${plain(change.says, 300)}`,
  ]
  if (change.question !== undefined) lines.push(`${color.bold("Why")}      ${indent(clean(change.question))}`)
  if (change.branch !== undefined)
    lines.push(`${color.bold("Branch")}   ${change.branch} at ${change.commit?.slice(0, 10)}`)
  if (finding.body.trim() !== "")
    lines.push("", color.bold("Finding"), indent(clean(finding.body).slice(0, 3_000), "  "))
  lines.push(...planPart(color, change.plan))
  if (change.choice !== undefined) lines.push("", `${color.bold("Chosen")}   ${plain(choiceLine(change.choice), 300)}`)
  for (const attempt of change.attempts) {
    lines.push(
      "",
      `${color.bold(`Attempt ${attempt.n}`)}  ${color.dim([attempt.agent, attempt.model, dollars(attempt.usd, attempt.basis)].filter(Boolean).join(" · "))}`,
    )
    lines.push(`  ${plain(attempt.outcome, 600)}`)
    for (const each of attempt.evidence) {
      const mark =
        each.outcome === "pass" ? color.green("✓") : each.outcome === "skipped" ? color.yellow("–") : color.red("✗")
      lines.push(`  ${mark} ${each.check}  ${color.dim(plain(each.summary, 140))}`)
    }
    const caveats = [...new Set(attempt.evidence.flatMap((each) => each.caveats))]
    if (attempt.outside !== undefined)
      lines.push(color.dim(`    outside of the plan's scope: ${plain(attempt.outside.join(", "), 300)}`))
    for (const caveat of caveats) lines.push(color.dim(`    not shown: ${plain(caveat, 200)}`))
  }
  if (diff.trim() !== "")
    lines.push(
      "",
      color.bold("Diff"),
      ...clean(diff)
        .trimEnd()
        .split("\n")
        .map((line) => diffLine(color, line)),
    )
  if (next.length > 0) lines.push("", color.bold("Next"), ...next.map((command) => `  ${command}`))
  return lines.join("\n")
}

/** What the planner said before anything was made, and what it cost. */
function planPart(color: Terminal["color"], plan: ChangeView["plan"]): string[] {
  if (plan?.came === undefined) return []
  const { came } = plan
  const who = [plan.agent, plan.model, dollars(plan.usd, plan.basis)].filter(Boolean).join(" · ")
  const lines =
    came.is === "plan"
      ? planLines(came.plan)
      : [came.is === "stop" ? `not to be begun (${came.stop}): ${came.reason}` : `none: ${came.why}`]
  return [
    "",
    `${color.bold("Plan")}     ${color.dim(plain(who, 120))}`,
    ...lines.map((line) => `  ${plain(line, 500)}`),
  ]
}

function diffLine(color: Terminal["color"], line: string): string {
  if (line.startsWith("+") && !line.startsWith("+++")) return color.green(line)
  if (line.startsWith("-") && !line.startsWith("---")) return color.red(line)
  return line.startsWith("@@") ? color.cyan(line) : line
}

/** Outside text on many lines, without what could steer a terminal. */
function clean(text: string): string {
  return inert(text, 1_000_000)
}

function indent(text: string, by = "         "): string {
  return text
    .trimEnd()
    .split("\n")
    .join(`\n${by}`)
    .replace(/^/, by === "  " ? by : "")
}

/** `flyball inbox approve CHANGE` */
export function approve(terminal: Terminal, wanted: string): Promise<number> {
  return answerWith(terminal, wanted, { is: "approve" }, true)
}

/** `flyball inbox reject CHANGE WHY [--close] [--now]` */
export function reject(
  terminal: Terminal,
  wanted: string,
  why: string,
  options: { close?: boolean; now?: boolean },
): Promise<number> {
  const reason = words(why, "Say why: the next attempt is told, and so is whoever reads this later.")
  return answerWith(terminal, wanted, { is: options.close ? "close" : "retry", why: reason }, options.now === true)
}

/** `flyball inbox answer CHANGE TEXT [--now]` */
export function answer(terminal: Terminal, wanted: string, text: string, options: { now?: boolean }): Promise<number> {
  const said = words(text, "Say what the next attempt should know.")
  return answerWith(terminal, wanted, { is: "answer", text: said }, options.now === true)
}

function words(text: string, hint: string): string {
  if (text.trim() === "") throw new Failure("NO_WORDS", "An empty answer helps nobody.", { hint })
  return text.trim().slice(0, 10_000)
}

/** Says it, and shows what came of it: an approval lands now, or says why it does not. */
function answerWith(terminal: Terminal, wanted: string, said: Said, now: boolean): Promise<number> {
  return runInForeground(terminal, async (signal, progress) => {
    const { answerChange } = await import("../../engine/commands/answer.ts")
    const { change, notes } = await answerChange({ cwd: process.cwd(), change: wanted, said, now, signal, progress })
    print(terminal, ChangeView.parse(change), (view) => rendered(terminal, view))
    if (!terminal.json) for (const note of notes) terminal.err(terminal.color.dim(`note: ${plain(note, 240)}`))
    return change.stage === "needs_a_person" ? exitCodes.person : exitCodes.done
  })
}

function rendered({ color }: Terminal, view: ChangeView): string {
  const line = changeLine(color, view)
  if (view.stage === "in_progress")
    return `${line}\nNoted. The next run goes on with it: \`flyball run ${view.loop}\` (\`--now\` does so at once).`
  return view.question === undefined ? line : `${line}\n    ${plain(view.question, 400)}`
}

function open(terminal: Terminal): Promise<Session> {
  const progress = (text: string) => {
    if (terminal.interactive) terminal.err(terminal.color.dim(text))
  }
  return openSession({ cwd: process.cwd(), signal: AbortSignal.timeout(120_000), progress })
}
