import { DemoReport, playDemo } from "../../engine/demo/demo.ts"
import type { Ending } from "../../engine/demo/story.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { dollars, plain, print, type Terminal } from "../terminal.ts"
import { announceTo } from "./run.ts"

/** `flyball demo [--agent NAME] [--reviewer NAME] [--keep DIR]` */
export function demo(
  terminal: Terminal,
  options: { agent?: string; reviewer?: string; keep?: string },
): Promise<number> {
  const { color, err, json } = terminal
  const replayed = options.agent === undefined || options.reviewer === undefined
  if (!json) {
    err(color.bold("Flyball demo: one run of one loop, on an example project with real defects"))
    if (replayed)
      err(
        color.yellow(
          "Agents marked `replay` are REPLAYED: recorded sessions, no model is called, nothing is spent. Git, tests, gates and the database are real.",
        ),
      )
  }
  return runInForeground(terminal, async (signal, progress) => {
    const report = DemoReport.parse(await playDemo({ ...options, signal, progress, announce: announceTo(terminal) }))
    print(terminal, report, (shown) => render(terminal, shown))
    return report.asExpected ? exitCodes.done : exitCodes.stopped
  })
}

const headlines: Record<Ending, string> = {
  fixed_at_once: "fixed at once",
  fixed_after_feedback: "fixed after its failed evidence was fed back",
  cheat_caught: "the maker edited the test, and was caught",
  fixed_on_main: "fixed on main meanwhile, so never attempted",
  needs_a_person: "needs a person",
}

function render({ color }: Terminal, report: DemoReport): string {
  const lines = ["", color.bold("What happened"), ""]
  for (const each of report.outcomes) {
    const fits = each.came === each.expected
    const mark = fits
      ? each.came === "cheat_caught" || each.came === "needs_a_person"
        ? color.yellow("!")
        : color.green("✓")
      : color.red("✗")
    lines.push(`${mark} ${color.bold(plain(each.title, 90))}`)
    lines.push(
      `  ${fits ? headlines[each.expected] : color.red(`expected: ${headlines[each.expected]}; it came to: ${each.came === "other" ? "something else" : headlines[each.came]}`)}`,
    )
    lines.push(`  ${color.dim(plain(each.says, 200))}`)
    const view = report.run.changes.find((change) => change.id === each.change)
    for (const attempt of view?.attempts ?? []) {
      if (attempt.agent !== undefined) lines.push(color.dim(`    attempt ${attempt.n}: ${plain(attempt.outcome, 150)}`))
    }
    lines.push("")
  }
  const kind = report.replayed ? ` on the recording's meter; replayed, so really $0` : ""
  lines.push(color.dim(`${dollars(report.run.usd)}${kind}, ${(report.run.ms / 1000).toFixed(1)} s`), "")
  lines.push(
    color.bold("Look at it"),
    `  cd ${report.project}`,
    "  flyball inbox                 what waits for you",
    "  cat .flyball/state/triage.md  the same as a file you can edit",
  )
  const proposed = report.run.changes.find((view) => view.stage === "awaiting_review")
  if (proposed !== undefined)
    lines.push(`  flyball inbox show ${proposed.id}`, `  flyball inbox approve ${proposed.id}`)
  lines.push(
    "",
    report.asExpected
      ? color.green("All five outcomes are the expected ones.")
      : color.red("The outcomes are not the expected ones."),
  )
  return lines.join("\n")
}
