import { writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { asFailure, Failure } from "../../core/failure.ts"
import { auditPage } from "../../engine/audit/page.ts"
import { AuditReport } from "../../engine/audit/report.ts"
import type { CaseResult } from "../../engine/audit/result.ts"
import { audit as runAudit } from "../../engine/commands/audit.ts"
import { readDuration } from "../../spec/quantity.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { plain, print, type Terminal } from "../terminal.ts"
import { renderAudit } from "./audit-text.ts"

export type AuditFlags = {
  /** True: the one that comes with the package; a text: this folder. */
  corpus?: string | boolean
  project?: string
  only?: string
  sample?: string
  seed?: string
  time?: string
  parallel?: string
  commits?: string
  setup?: string
  html?: string
  fresh?: boolean
}

/** `flyball audit [--corpus [DIR]] [--html FILE] …`: 0 when nothing wrong was accepted, 1 otherwise. */
export async function audit(terminal: Terminal, flags: AuditFlags): Promise<number> {
  const { color } = terminal
  const read = {
    seed: whole("--seed", flags.seed, 1, 0),
    sample: flags.sample === undefined ? undefined : whole("--sample", flags.sample, 1, 1),
    parallel: whole("--parallel", flags.parallel, availableParallelism(), 1),
    commits: whole("--commits", flags.commits, 40, 1),
    timeMs: flags.time === undefined ? undefined : duration(flags.time),
  }
  return await runInForeground(terminal, async (signal) => {
    const say = (text: string) => terminal.err(color.dim(plain(text, 200)))
    const report = AuditReport.parse(
      await runAudit({
        ...read,
        cwd: process.cwd(),
        corpus: flags.corpus === true ? "packaged" : flags.corpus === false ? undefined : flags.corpus,
        project: flags.project,
        only: flags.only,
        setup: flags.setup,
        fresh: flags.fresh === true,
        signal,
        say,
        told: ({ n, of, result }) => terminal.err(progressLine(terminal, n, of, result)),
      }),
    )
    if (flags.html !== undefined) {
      const file = resolve(flags.html)
      await writeFile(file, auditPage(report)).catch((thrown: unknown) => {
        const { message } = asFailure(thrown)
        throw new Failure("CANNOT_WRITE", `The page could not be written: ${message}`, { cause: thrown })
      })
      say(`written: ${file}`)
    }
    print(terminal, report, (shown) => renderAudit(terminal, shown))
    if (report.cases.every((each) => each.right === undefined)) {
      terminal.err(color.yellow("No case could be judged, so nothing was measured: see what was left out, and why."))
      return exitCodes.person
    }
    return report.clean ? exitCodes.done : exitCodes.stopped
  })
}

function progressLine({ color }: Terminal, n: number, of: number, result: CaseResult): string {
  const { right, is, came, project, id, ms } = result
  const mark =
    right === false
      ? color.red("✗")
      : right === true
        ? came === "asked" && is === "honest"
          ? color.yellow("?")
          : color.green("✓")
        : color.dim("–")
  const what = `${plain(project, 30)}/${plain(id, 50)}`
  return `${color.dim(`${String(n).padStart(String(of).length)}/${of}`)} ${mark} ${what} ${color.dim(`${is.replace("_", " ")}, ${came.replace("_", " ")}, ${ms} ms`)}`
}

function whole(flag: string, text: string | undefined, otherwise: number, least: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Failure("BAD_OPTION", `${flag} takes a whole number from ${least} on, not \`${text}\`.`)
}

function duration(text: string): number {
  try {
    return readDuration(text)
  } catch (cause) {
    throw new Failure("BAD_OPTION", `--time takes a duration such as 10m or 90s, not \`${text}\`.`, { cause })
  }
}
