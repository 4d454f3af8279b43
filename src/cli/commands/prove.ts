import { ProveReport, proveHere } from "../../engine/commands/prove.ts"
import type { ProvedCheck } from "../../engine/gate/prove.ts"
import type { Readiness } from "../../engine/gate/readiness.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { plain, print, type Terminal } from "../terminal.ts"
import type { GateFlags } from "./gate.ts"

/** `flyball gate --prove [COMMIT]` */
export function prove(terminal: Terminal, commit: string, { loop, check, setup }: GateFlags): Promise<number> {
  return runInForeground(terminal, async (signal, progress) => {
    const report = ProveReport.parse(
      await proveHere({
        cwd: process.cwd(),
        commit,
        ...(loop === undefined ? {} : { loop }),
        ...(check === undefined ? {} : { checks: check }),
        ...(setup === undefined ? {} : { setup }),
        signal,
        progress,
      }),
    )
    print(terminal, report, (shown) => renderProof(terminal, shown))
    if (report.checks.some(({ proof }) => proof.is === "stays_green")) return exitCodes.stopped
    return report.checks.length === 0 || report.checks.some(({ proof }) => proof.is === "not_shown")
      ? exitCodes.person
      : exitCodes.done
  })
}

/** Each check: its state as it is, and what turned it red. */
export function renderProof(
  terminal: Terminal,
  { commit, checks, readiness, sandboxed, sandbox, notes }: ProveReport,
): string {
  const { color } = terminal
  return [
    color.dim(`${plain(commit.name)} ${commit.sha.slice(0, 10)}, in scratch copies`),
    "",
    ...checks.flatMap((check) => checkLines(color, check)),
    ...readinessLines(terminal, readiness),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => color.dim(`note: ${plain(note, 300)}`))]),
    "",
    color.dim(
      sandboxed ? `sandboxed (${sandbox})` : `not sandboxed (${sandbox}): what ran could reach what you can reach`,
    ),
  ].join("\n")
}

function checkLines(color: Terminal["color"], { name, run, base, proof }: ProvedCheck): string[] {
  const marks = { goes_red: color.green("✓"), stays_green: color.red("✗"), not_shown: color.yellow("?") }
  const state = base.is === "green" ? color.green(base.is) : color.yellow(base.is)
  const words = { goes_red: "goes red", stays_green: "stays green: proves nothing", not_shown: "can't be shown here" }
  return [
    `${marks[proof.is]} ${color.bold(plain(name, 60))}  ${words[proof.is]}  ${color.dim(plain(run, 120))}`,
    `    as it is: ${state}: ${plain(base.says, 240)} ${color.dim(`(${(base.ms / 1000).toFixed(1)} s)`)}`,
    `    ${plain(proof.says, 400)}`,
    ...(proof.is === "stays_green" ? proof.tried.map((each) => color.dim(`    tried: ${plain(each, 200)}`)) : []),
    "",
  ]
}

/** How ready the repository is, in the words that `doctor` and `init` use too. */
export function readinessLines({ color }: Terminal, { is, says, trust, raise, measured }: Readiness): string[] {
  const words = {
    ready: color.green(color.bold("ready for a loop")),
    ready_with_care: color.yellow(color.bold("ready with care")),
    not_yet: color.red(color.bold("not ready yet")),
  }
  const how = {
    no: " (by its files; `flyball doctor --prove` measures)",
    base: " (measured; `flyball doctor --prove` shows more)",
    proved: "",
  }
  return [
    `${words[is]}: ${plain(says, 300)}${color.dim(how[measured])}`,
    ...(trust.length === 0 ? [] : [`  can be trusted with: ${trust.join("; ")}`]),
    ...(raise.length === 0
      ? []
      : ["  what would raise it:", ...raise.map((each) => color.dim(`    - ${plain(each, 300)}`))]),
  ]
}
