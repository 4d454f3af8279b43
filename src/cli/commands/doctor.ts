import type { Progress } from "../../core/ports.ts"
import { DoctorReport, examine } from "../../engine/commands/doctor.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { plain, print, type Terminal } from "../terminal.ts"
import { readinessLines, renderProof } from "./prove.ts"

/** `flyball doctor [--prove]` */
export async function doctor(terminal: Terminal, { prove = false }: { prove?: boolean }): Promise<number> {
  const look = async (signal: AbortSignal, progress?: Progress) => {
    const report = DoctorReport.parse(
      await examine(process.cwd(), signal, { prove, ...(progress === undefined ? {} : { progress }) }),
    )
    print(terminal, report, (shown) => render(terminal, shown))
    const stays = report.proof?.checks.some(({ proof }) => proof.is === "stays_green")
    if (report.items.some((item) => item.state === "missing")) return exitCodes.wrongUse
    return stays ? exitCodes.stopped : exitCodes.done
  }
  return prove ? runInForeground(terminal, look) : look(AbortSignal.timeout(120_000))
}

function render(terminal: Terminal, { items, readiness, proof }: DoctorReport): string {
  const parts = [renderItems(terminal, items)]
  if (proof !== undefined) parts.push(renderProof(terminal, proof))
  else if (readiness !== undefined) parts.push(readinessLines(terminal, readiness).join("\n"))
  return parts.join("\n\n")
}

function renderItems({ color }: Terminal, items: DoctorReport["items"]): string {
  const marks = { ok: color.green("✓"), lacking: color.yellow("!"), missing: color.red("✗") }
  return items
    .flatMap((item) => [
      `${marks[item.state]} ${item.name.padEnd(11)} ${plain(item.says, 400)}`,
      ...(item.advice === undefined ? [] : [color.dim(`  ${"".padEnd(11)} → ${plain(item.advice, 400)}`)]),
    ])
    .join("\n")
}
