import { inert } from "../../core/untrusted.ts"
import { TraceReport, trace as traceBack } from "../../engine/commands/trace.ts"
import type { Story } from "../../engine/trace/story.ts"
import { choiceLine } from "../../engine/view.ts"
import { dollars, localTime, plain, print, type Terminal } from "../terminal.ts"

/** `flyball trace FILE:LINE | COMMIT | #PR | CHANGE [--full]` */
export async function trace(terminal: Terminal, what: string, { full = false }: { full?: boolean }): Promise<number> {
  const signal = AbortSignal.timeout(10 * 60_000)
  const report = TraceReport.parse(await traceBack({ cwd: process.cwd(), what, full, signal }))
  print(terminal, report, (shown) => render(terminal, shown))
  return 0
}

type Part = TraceReport["parts"][number]

function render(terminal: Terminal, { parts, notes }: TraceReport): string {
  const { color } = terminal
  return [
    ...parts.map((part) => partLines(terminal, part).join("\n")),
    ...notes.map((note) => color.dim(`note: ${note}`)),
  ].join("\n\n")
}

function partLines(terminal: Terminal, part: Part): string[] {
  const { color } = terminal
  const { file, from, to, text, by, commit, stories, before } = part
  const place =
    file === undefined
      ? []
      : [color.bold(`${plain(file)}:${from === to ? from : `${from}-${to}`}`), ...quoted(color, text)]
  if (by === "nobody" || commit === undefined) return [...place, "  in your checkout, and not committed yet"]
  const where = `${commit.sha.slice(0, 10)} ${plain(commit.subject, 100)} ${color.dim(`(${localTime(commit.at)})`)}`
  if (by === "unknown")
    return [
      ...place,
      `  there since ${where} or longer: this shallow clone begins with that commit, so who wrote it is not known here`,
    ]
  const head = by === "loop" ? `  ${where}` : `  written by ${plain(commit.author)} in ${where}: not by a loop`
  return [
    ...place,
    head,
    ...stories.flatMap((story) => storyLines(terminal, story)),
    ...before.flatMap((earlier) => [
      "",
      `  before that: ${earlier.commit.sha.slice(0, 10)} ${plain(earlier.commit.subject, 100)} ${color.dim(`(${localTime(earlier.commit.at)})`)}`,
      ...earlier.stories.flatMap((story) => storyLines(terminal, story)),
    ]),
  ]
}

const MAX_QUOTED = 5

function quoted(color: Terminal["color"], text: readonly string[]): string[] {
  const lines = text.slice(0, MAX_QUOTED).map((line) => color.dim(`  | ${plain(line, 120)}`))
  return text.length <= MAX_QUOTED ? lines : [...lines, color.dim(`  | … ${text.length - MAX_QUOTED} more`)]
}

const matches: Readonly<Record<Story["match"], string>> = {
  same_commit: "the commit that was shipped",
  same_patch: "the same patch as was shipped",
  trailers: "by its message; nothing here could confirm it",
  altered: "by its message; its content is not what was shipped: changed on the way, or not its own",
}

function storyLines({ color }: Terminal, story: Story): string[] {
  const { finding, through } = story
  const row = (name: string, value: string | undefined) =>
    value === undefined || value === "" ? [] : [`    ${color.bold(name.padEnd(9))} ${value}`]
  const cost = story.usd === undefined ? undefined : dollars(story.usd, story.basis)
  const via = through === undefined ? "" : ` (${through.slice(0, 10)})`
  return [
    ...row(
      "loop",
      [story.loop, story.loopHash?.slice(0, 12)]
        .filter(Boolean)
        .map((each) => plain(each ?? ""))
        .join(" "),
    ),
    ...row(
      "run",
      [story.run, story.trigger === undefined ? undefined : `fired by ${story.trigger}`]
        .filter(Boolean)
        .map((each) => plain(each ?? ""))
        .join(", "),
    ),
    ...row("change", `${plain(story.change)}: ${matches[story.match]}${via}`),
    ...row(
      "finding",
      [finding.title, finding.source, finding.fingerprint]
        .flatMap((each) => (each === undefined ? [] : plain(each, 160)))
        .join(" · "),
    ),
    ...planRows(color, story.plan),
    ...story.attempts.flatMap((attempt) => attemptLines(color, attempt)),
    ...row("chosen", story.choice === undefined ? undefined : plain(choiceLine(story.choice), 300)),
    ...row("cost", cost),
    ...row("approved", story.approvedBy === undefined ? undefined : `by ${plain(story.approvedBy)}`),
    ...(story.says.length === 0
      ? []
      : [
          `    ${color.bold("evidence")}  as its message says:`,
          ...story.says.map((line) => `      ${plain(line, 200)}`),
        ]),
    ...story.missing.map((each) => color.dim(`    missing: ${plain(each, 240)}`)),
  ]
}

function planRows(color: Terminal["color"], plan: Story["plan"]): string[] {
  if (plan?.came === undefined) return []
  const { came } = plan
  const said =
    came.is === "plan"
      ? `${came.plan.size}: ${came.plan.approach.join("; ")}`
      : came.is === "stop"
        ? `not to be begun (${came.stop}): ${came.reason}`
        : `none: ${came.why}`
  const who = [plan.agent, plan.model].filter(Boolean).join(" ")
  return [
    `    ${color.bold("plan")}      ${plain(who, 80)}${who === "" ? "" : ", "}${dollars(plan.usd, plan.basis)}: ${plain(said, 300)}`,
    ...(plan.prompt === undefined ? [] : [color.dim(`      prompt ${plan.prompt}`)]),
    ...(plan.log === undefined ? [] : [color.dim(`      log    ${plan.log}`)]),
  ]
}

function attemptLines(color: Terminal["color"], attempt: Story["attempts"][number]): string[] {
  const who = [attempt.agent, attempt.model].filter(Boolean).join(" ")
  const marks = { pass: color.green("✓"), fail: color.red("✗"), error: color.red("!"), skipped: color.yellow("–") }
  const width = Math.max(0, ...attempt.evidence.map(({ check }) => Math.min(check.length, 40)))
  return [
    `    ${color.bold(`attempt ${attempt.n}`)} ${plain(who, 80)}${who === "" ? "" : ", "}${dollars(attempt.usd, attempt.basis)}: ${plain(attempt.outcome, 200)}`,
    ...attempt.evidence.map(
      (each) =>
        `      ${marks[each.outcome]} ${plain(each.check, 60).padEnd(width)}  ${color.dim(plain(each.summary, 140))}`,
    ),
    ...(attempt.prompt === undefined ? [] : [color.dim(`      prompt ${attempt.prompt}`)]),
    ...(attempt.log === undefined ? [] : [color.dim(`      log    ${attempt.log}`)]),
    ...fullText(color, "prompt", attempt.promptText),
    ...fullText(color, "log", attempt.logText),
  ]
}

function fullText(color: Terminal["color"], name: string, text: string | undefined): string[] {
  if (text === undefined) return []
  const lines = inert(text, 200_000).trimEnd().split("\n")
  return [color.bold(`      --- ${name}`), ...lines.map((line) => `      ${line}`)]
}
