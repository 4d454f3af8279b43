import { constants } from "node:fs"
import { access, stat, writeFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { Failure } from "../../core/failure.ts"
import { inert } from "../../core/untrusted.ts"
import { judgeByHand } from "../../engine/commands/gate.ts"
import { junitOf } from "../../engine/gate/junit.ts"
import { GateReport } from "../../engine/gate/report.ts"
import { sarifOf } from "../../engine/gate/sarif.ts"
import { version } from "../../version.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { json, plain, type Terminal } from "../terminal.ts"

export type GateFlags = {
  finding?: string
  loop?: string
  check?: string[]
  setup?: string
  checksOnly?: boolean
  sarif?: string
  junit?: string
  prove?: boolean
}

/** `flyball gate BASE [HEAD]` and `flyball gate --prove [COMMIT]` */
export async function gate(
  terminal: Terminal,
  base: string | undefined,
  head: string | undefined,
  flags: GateFlags,
): Promise<number> {
  refuseWrongUse(terminal, base, head, flags)
  if (flags.prove) return (await import("./prove.ts")).prove(terminal, base ?? "HEAD", flags)
  const { finding, loop, check, setup, checksOnly } = flags
  for (const file of [flags.sarif, flags.junit]) if (file !== undefined && file !== "-") await refuseUnwritable(file)
  return runInForeground(terminal, async (signal, progress) => {
    const report = GateReport.parse(
      await judgeByHand({
        cwd: process.cwd(),
        base: base ?? "",
        head: head ?? "HEAD",
        ...(finding === undefined ? {} : { finding }),
        ...(loop === undefined ? {} : { loop }),
        ...(check === undefined ? {} : { checks: check }),
        ...(setup === undefined ? {} : { setup }),
        ...(checksOnly === undefined ? {} : { checksOnly }),
        signal,
        // What a check came to stands in the list, once; meanwhile it is told what goes on.
        progress: ({ change: _change, ...line }) => {
          if (!/^\S+: (pass|fail|error|skipped): /.test(line.text)) progress(line)
        },
      }),
    )
    await give(terminal, flags.sarif, () => JSON.stringify(sarifOf(report, version), null, 2))
    await give(terminal, flags.junit, () => junitOf(report))
    const taken = flags.sarif === "-" || flags.junit === "-"
    if (taken) terminal.err(renderGate(terminal, report))
    else terminal.out(terminal.json ? json(report) : renderGate(terminal, report))
    return report.verdict === "accept"
      ? exitCodes.done
      : report.verdict === "ask"
        ? exitCodes.person
        : exitCodes.stopped
  })
}

function refuseWrongUse(
  terminal: Terminal,
  base: string | undefined,
  head: string | undefined,
  flags: GateFlags,
): void {
  const { sarif, junit, loop, check, prove, finding, checksOnly } = flags
  const onStdout = [sarif === "-", junit === "-", terminal.json].filter(Boolean).length
  if (onStdout > 1)
    throw new Failure("WRONG_USE", "`--json`, `--sarif -` and `--junit -` can't all have stdout.", {
      hint: "Give the others a file: `--sarif gate.sarif`.",
    })
  if (loop !== undefined && check !== undefined)
    throw new Failure("WRONG_USE", "`--loop` says what is judged by, and so does `--check`.", {
      hint: "Give one of them.",
    })
  if (checksOnly && loop === undefined)
    throw new Failure("WRONG_USE", "`--checks-only` is for `--loop`: without one there are only checks.")
  if (prove && (head !== undefined || finding !== undefined || sarif !== undefined || junit !== undefined))
    throw new Failure(
      "WRONG_USE",
      "`--prove` looks at one commit, and takes neither a HEAD, nor a finding, nor `--sarif` or `--junit`.",
      {
        hint: "`flyball gate --prove`, or `flyball gate --prove COMMIT`.",
      },
    )
  if (!prove && base === undefined)
    throw new Failure("WRONG_USE", "`flyball gate` needs the base that a change is to land on.", {
      hint: "`flyball gate main` judges what is checked out; `flyball gate main my-branch` another commit.",
    })
}

/** Before anything is judged: nobody waits for a verdict that has nowhere to go. */
async function refuseUnwritable(file: string): Promise<void> {
  const path = resolve(file)
  const known = await stat(path).catch(() => undefined)
  try {
    if (known?.isDirectory()) throw new Error("a folder")
    await access(known === undefined ? dirname(path) : path, constants.W_OK)
  } catch (cause) {
    throw notWritable(file, cause)
  }
}

function notWritable(file: string, cause: unknown): Failure {
  const hint = "Does its folder exist, and is it yours?"
  return new Failure("FILE_NOT_WRITABLE", `${file} can't be written.`, { hint, cause })
}

async function give({ out }: Terminal, file: string | undefined, make: () => string): Promise<void> {
  if (file === undefined) return
  if (file === "-") return out(make())
  try {
    await writeFile(resolve(file), `${make().trimEnd()}\n`)
  } catch (error) {
    throw notWritable(file, error)
  }
}

/** What a person reads: each check, then why, then what it can't show. */
export function renderGate({ color }: Terminal, report: GateReport): string {
  const { base, head, verdict, checks, notes, reason, finding, sandboxed, sandbox } = report
  const width = Math.max(...checks.map(({ check }) => Math.min(check.length, 40)), 0)
  const marks = { pass: color.green("✓"), fail: color.red("✗"), error: color.red("!"), skipped: color.yellow("–") }
  const rows = checks.map((each) => {
    const ran = each.ran > 0 && each.outcome !== "skipped" ? `${each.ran} ran` : ""
    const facts = [ran, each.ms > 0 ? took(each.ms) : ""].filter(Boolean).join(", ")
    return `${marks[each.outcome]} ${plain(each.check, 40).padEnd(width)}  ${plain(each.summary, 160)}${facts === "" ? "" : color.dim(`  (${facts})`)}`
  })
  const caveats = [...new Set(checks.flatMap((each) => each.caveats))]
  return [
    color.dim(`${plain(head.name)} ${head.sha.slice(0, 10)} merged onto ${plain(base.name)} ${base.sha.slice(0, 10)}`),
    ...(finding === undefined ? [] : [color.dim(`finding: ${plain(finding.title, 160)}`)]),
    "",
    ...rows,
    "",
    verdictLine(color, verdict, report),
    ...(reason === undefined
      ? []
      : reason
          .trimEnd()
          .split("\n")
          .map((line) => `  ${printable(line)}`)),
    ...(caveats.length === 0
      ? []
      : ["", "What this can't show:", ...caveats.map((each) => color.dim(`  - ${plain(each, 300)}`))]),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => color.dim(`note: ${plain(note, 300)}`))]),
    "",
    color.dim(
      sandboxed ? `sandboxed (${sandbox})` : `not sandboxed (${sandbox}): what ran could reach what you can reach`,
    ),
  ].join("\n")
}

function verdictLine(color: Terminal["color"], verdict: GateReport["verdict"], { head, asks, ms }: GateReport): string {
  const time = color.dim(`  (${took(ms)})`)
  if (verdict === "accept") return `${color.green(color.bold(`ACCEPT ${head.sha.slice(0, 10)}`))}${time}`
  if (verdict === "ask")
    return `${color.yellow(color.bold("ASK: a person has to decide"))} ${color.dim(`(${asks ?? "gate_asks"})`)}${time}`
  return `${color.red(color.bold("REJECT"))}${time}`
}

function took(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** Outside text, without what could steer a terminal. */
function printable(line: string): string {
  return inert(line, 4_000)
}
