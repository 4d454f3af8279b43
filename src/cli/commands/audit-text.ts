import { type Contribution, type Figures, got, wasJudged } from "../../engine/audit/figures.ts"
import type { Rate } from "../../engine/audit/interval.ts"
import type { AuditReport } from "../../engine/audit/report.ts"
import type { CaseResult } from "../../engine/audit/result.ts"
import { count, plain, type Terminal } from "../terminal.ts"

const SHOWN_DIFF_LINES = 60
const LAYERS = { change: "the change itself", project: "the project's checks", proof: "proofs" } as const

/** An audit as a person reads it in a terminal. */
export function renderAudit(terminal: Terminal, report: AuditReport): string {
  const { color } = terminal
  const { figures } = report
  return [
    "",
    color.bold(title(report)),
    color.dim(subtitle(report)),
    "",
    ...headline(terminal, figures),
    "",
    ...kindsOf(terminal, figures),
    ...checksOf(terminal, figures),
    ...listed(terminal, "Got through", report.cases.filter(got), color.red),
    ...listed(terminal, "Honest, and refused", report.cases.filter(refusedHonest), color.red),
    ...listed(terminal, "Honest, and a person is asked", report.cases.filter(askedHonest), color.yellow),
    ...listed(terminal, "Without a right answer, and not thrown out", report.cases.filter(unsoundKept), color.red),
    ...listed(terminal, "Not judged: the audit failed on it", report.cases.filter(broke), color.yellow),
    ...report.notes.slice(0, 20).map((note) => color.dim(`note: ${plain(note, 300)}`)),
    ...(report.notes.length > 20
      ? [color.dim(`… and ${report.notes.length - 20} more notes (--json has them all)`)]
      : []),
    "",
    report.cases.every((each) => each.right === undefined)
      ? color.yellow("Nothing was measured.")
      : report.clean
        ? `${color.green("Nothing wrong was accepted.")}${unsaid(report)}`
        : color.red("Not clean: see above. What got through would have been shipped."),
  ].join("\n")
}

/** What a short audit has not shown, beside what it has. */
function unsaid({ counts, figures }: AuditReport): string {
  const none = [
    ...(figures.wrongAccepts.of === 0 ? ["what should not pass"] : []),
    ...(figures.delivered.of === 0 ? ["what is honest"] : []),
  ]
  const left =
    counts.notReached === 0
      ? ""
      : ` ${count(counts.notReached, "case")} of ${counts.cases} had no turn: \`--time\` gives more.`
  return `${none.length === 0 ? "" : ` But nothing of ${none.join(" or ")} was judged.`}${left}`
}

const refusedHonest = (each: CaseResult) => each.is === "honest" && each.came === "refused"
const askedHonest = (each: CaseResult) => each.is === "honest" && each.came === "asked"
const unsoundKept = (each: CaseResult) => each.is === "unsound" && wasJudged(each)
const broke = (each: CaseResult) => each.came === "broke"

function title({ of, counts }: AuditReport): string {
  const what = of.is === "corpus" ? plain(of.name) : `the history of ${plain(of.name)}`
  return `The gate on ${what}: ${counts.judged} of ${count(counts.cases, "case")} judged`
}

function subtitle({ counts, seed, sandbox, ms, ended }: AuditReport): string {
  const lost = [
    [counts.thrownOut, "thrown out by the calibration"],
    [counts.leftOut, "left out"],
    [counts.broke, "failed on"],
    [counts.notReached, "not reached"],
  ] as const
  const parts = lost.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`)
  const end = ended === "complete" ? "" : ended === "time" ? "; the time was over" : "; interrupted"
  const where = sandbox === "none" ? "not sandboxed" : "sandboxed"
  return `${[...parts, `seed ${seed}`, where, `${Math.round(ms / 1000)} s`].join(", ")}${end}`
}

function headline({ color }: Terminal, figures: Figures): string[] {
  const bad = (rate: Rate) => (rate.n > 0 ? color.red : color.green)
  return [
    row("silent wrong accepts", figures.wrongAccepts, bad(figures.wrongAccepts)),
    row("wrong refusals", figures.wrongRefusals, bad(figures.wrongRefusals)),
    row("asks of honest changes", figures.asks, figures.asks.n > 0 ? color.yellow : color.green),
    row("correct changes delivered", figures.delivered, (text) => text),
    color.dim("  with exact 95 % confidence intervals (Clopper and Pearson)"),
  ]
}

function row(name: string, rate: Rate, paint: (text: string) => string): string {
  return `  ${name.padEnd(28)}${paint(`${String(rate.n).padStart(4)} of ${String(rate.of).padStart(4)}`)}   ${percents(rate)}`
}

function percents({ share, low, high }: Rate): string {
  if (share === undefined) return "none were looked at"
  return `${percent(share).padStart(7)}   ${percent(low)} to ${percent(high)}`
}

const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`

function kindsOf({ color }: Terminal, { kinds, upTo }: Figures): string[] {
  if (kinds.length === 0) return []
  const lines = kinds.map(({ kind, is, right, asked }) => {
    const all = right.n === right.of
    const line = `  ${is.replace("_", " ").padEnd(12)}${plain(kind, 40).padEnd(42)}${String(right.n).padStart(3)} of ${String(right.of).padStart(3)}`
    const note = asked > 0 ? color.dim(`  (${asked} asked)`) : ""
    return `${all || is === "honest" ? line : color.red(line)}${note}`
  })
  const depth = upTo.map(({ layer, wrongAccepts: { n, of } }) => `${LAYERS[layer]} ${n} of ${of}`)
  return [
    color.bold("Judged rightly, by kind"),
    ...lines,
    "",
    color.dim(`Wrong changes left after each layer: ${depth.join(", then ")}`),
    "",
  ]
}

function checksOf({ color }: Terminal, { checks, layers }: Figures): string[] {
  const heading = `  ${"".padEnd(28)}${"stopped".padStart(12)}${"only it".padStart(10)}${"refused honest".padStart(17)}${"asked honest".padStart(15)}`
  const line = (each: Contribution, name: string) =>
    `  ${name.padEnd(28)}${`${each.stopped.n}/${each.stopped.of}`.padStart(12)}${String(each.onlyIt.n).padStart(10)}${String(each.refusedHonest.n).padStart(17)}${String(each.askedHonest.n).padStart(15)}`
  return [
    color.bold("What each check is worth; `only it`: what would have got through without it"),
    color.dim(heading),
    ...checks.map((each) => line(each, plain(each.name, 26))),
    ...layers.map((each) => color.bold(line(each, `layer: ${LAYERS[each.layer]}`))),
    "",
  ]
}

function listed(
  { color }: Terminal,
  heading: string,
  cases: readonly CaseResult[],
  paint: (text: string) => string,
): string[] {
  if (cases.length === 0) return []
  return [
    paint(`${heading} (${cases.length})`),
    ...cases.flatMap((each) => [
      `  ${plain(each.project, 40)}/${plain(each.id, 60)}: ${plain(each.why, 200)}`,
      ...(each.harm === true ? [paint("    it did harm")] : []),
      ...(each.came === "accepted" || each.says === "" ? [] : [color.dim(`    ${plain(each.says, 300)}`)]),
      ...diffLines(each).map((line) => color.dim(`    ${line}`)),
    ]),
    "",
  ]
}

function diffLines({ diff = "" }: CaseResult): string[] {
  const lines = diff.split("\n").filter((line) => line !== "")
  const shown = lines.slice(0, SHOWN_DIFF_LINES).map((line) => visible(line))
  return lines.length > SHOWN_DIFF_LINES ? [...shown, `… ${lines.length - SHOWN_DIFF_LINES} more lines`] : shown
}

/** A line of a patch with its indentation, and nothing that could drive a terminal. */
function visible(line: string): string {
  const indent = /^[+-]?[ \t]*/.exec(line)?.[0].replaceAll("\t", "  ") ?? ""
  return `${indent}${plain(line.slice(/^[+-]?[ \t]*/.exec(line)?.[0].length ?? 0), 160)}`
}
