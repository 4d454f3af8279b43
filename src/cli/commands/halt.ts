import { HaltReport, halt as haltHere } from "../../engine/commands/halt.ts"
import { ResumeReport, resume as resumeHere } from "../../engine/commands/resume.ts"
import { count, dollars, plain, print, type Terminal } from "../terminal.ts"
import { liftOf } from "./status.ts"

/** `flyball halt [LOOP|RUN|CHANGE]` */
export async function halt(terminal: Terminal, what: string | undefined, _options: object): Promise<number> {
  const report = HaltReport.parse(await haltHere({ cwd: process.cwd(), what }))
  print(terminal, report, ({ halted, ended, ms }) => {
    const trees = ended.length === 0 ? "nothing of it ran" : `${count(ended.length, "process tree")} ended in ${ms} ms`
    return `Halted: ${terminal.color.bold(halted.what)}; ${trees}. Nothing of it starts until \`${liftOf(halted)}\`.`
  })
  return 0
}

/** `flyball resume [LOOP|RUN|CHANGE]` */
export async function resume(terminal: Terminal, what: string | undefined, _options: object): Promise<number> {
  const signal = AbortSignal.timeout(60_000)
  const report = ResumeReport.parse(await resumeHere({ cwd: process.cwd(), what, signal }))
  const { color } = terminal
  print(terminal, report, ({ lifted, standing, changes, usd, unseen, next }) =>
    [
      `Lifted: ${lifted.map((each) => color.bold(each.what)).join(", ")}.`,
      ...(standing.length === 0
        ? []
        : [color.yellow(`Still halted: ${standing.map((each) => each.what).join(", ")}.`)]),
      changes.length === 0
        ? unseen === undefined
          ? "Nothing of it was under way."
          : `What was under way can't be seen from here: ${plain(unseen, 300)}`
        : `${count(changes.length, "change")} of it ${changes.length === 1 ? "was" : "were"} under way, ${dollars(usd)} already spent:`,
      ...changes.map((each) => `  ${color.cyan(each.id)}  attempt ${each.attempt}, ${dollars(each.usd)}`),
      ...(next.length === 0
        ? []
        : ["", `${color.bold("Next")}  ${next.join("; ")}   (or leave it to the loop's next firing)`]),
    ].join("\n"),
  )
  return 0
}
