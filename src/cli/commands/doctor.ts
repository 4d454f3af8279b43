import { DoctorReport, examine } from "../../engine/commands/doctor.ts"
import { exitCodes } from "../exit-codes.ts"
import { plain, print, type Terminal } from "../terminal.ts"

/** `flyball doctor` */
export async function doctor(terminal: Terminal, _options: object): Promise<number> {
  const report = DoctorReport.parse(await examine(process.cwd(), AbortSignal.timeout(120_000)))
  print(terminal, report, (shown) => render(terminal, shown))
  return report.items.some((item) => item.state === "missing") ? exitCodes.wrongUse : exitCodes.done
}

function render({ color }: Terminal, { items }: DoctorReport): string {
  const marks = { ok: color.green("✓"), lacking: color.yellow("!"), missing: color.red("✗") }
  return items
    .flatMap((item) => [
      `${marks[item.state]} ${item.name.padEnd(11)} ${plain(item.says, 400)}`,
      ...(item.advice === undefined ? [] : [color.dim(`  ${"".padEnd(11)} → ${plain(item.advice, 400)}`)]),
    ])
    .join("\n")
}
