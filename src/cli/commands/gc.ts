import { askedDuration } from "../../engine/asked.ts"
import { gc as collect, GcReport } from "../../engine/commands/gc.ts"
import { megabytes } from "../../engine/gc/disk.ts"
import { runInForeground } from "../foreground.ts"
import { plain, print, type Terminal } from "../terminal.ts"

/** `flyball gc [--dry-run] [--keep 30d] [--unowned]` */
export function gc(
  terminal: Terminal,
  options: { dryRun?: boolean; keep?: string; unowned?: boolean },
): Promise<number> {
  return runInForeground(terminal, async (signal, progress) => {
    const report = GcReport.parse(
      await collect({
        cwd: process.cwd(),
        dryRun: options.dryRun === true,
        ...(options.keep === undefined ? {} : { keepMs: askedDuration("--keep", options.keep) }),
        unowned: options.unowned === true,
        signal,
        progress,
      }),
    )
    print(terminal, report, (shown) => render(terminal, shown))
    return report.failed.length === 0 ? 0 : 1
  })
}

function render({ color }: Terminal, { dryRun, removed, failed, kept, bytes }: GcReport): string {
  const done = dryRun ? "Would remove" : "Removed"
  return [
    removed.length === 0 ? "Nothing is left over." : `${done} ${removed.length}, ${megabytes(bytes)}:`,
    ...removed.map(
      (each) =>
        `  ${each.kind.padEnd(10)} ${plain(each.what, 120)}  ${color.dim(`${each.bytes > 0 ? `${megabytes(each.bytes)}, ` : ""}${plain(each.why, 120)}`)}`,
    ),
    ...failed.map((each) => color.yellow(`  not removed: ${plain(each.what, 120)}: ${plain(each.why, 160)}`)),
    ...groupsOf(kept).map((line) => color.dim(`  kept: ${line}`)),
  ].join("\n")
}

const MAX_NAMED = 3

/** One line for each reason: on a machine that many share there may be hundreds of the same. `--json` has them all. */
function groupsOf(kept: GcReport["kept"]): string[] {
  const reasons = [...new Set(kept.map(({ why }) => why))]
  return reasons.map((why) => {
    const what = kept.filter((each) => each.why === why).map((each) => plain(each.what, 120))
    const more = what.length > MAX_NAMED ? ` and ${what.length - MAX_NAMED} more` : ""
    return `${what.slice(0, MAX_NAMED).join(", ")}${more}: ${plain(why, 200)}`
  })
}
