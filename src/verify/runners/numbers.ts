import type { NumberSeries } from "../../core/evidence.ts"
import { numbered } from "./ids.ts"
import { error, tail } from "./outcome.ts"
import type { Parsed, RunnerOutput } from "./runner.ts"

/** The report of a benchmark, if it is believable: it ended well, measured something, and no number is nonsense. */
export function numbersReport(
  numbers: readonly NumberSeries[],
  { exitCode, stdout, stderr }: RunnerOutput,
  runner: string,
): Parsed {
  if (exitCode !== 0) return error("crashed", `${runner} exited ${exitCode ?? "by a signal"}: ${tail(stderr, stdout)}`)
  if (numbers.length === 0) return error("ran_nothing", `${runner} measured nothing.`)
  const nonsense = numbers.find(({ samples }) => !samples.every((value) => Number.isFinite(value) && value >= 0))
  if (nonsense !== undefined) return error("unreadable", `${runner} gives no usable number for ${nonsense.id}.`)
  const unique = numbered(numbers, ({ id }) => id).map(({ item, id }) => ({ ...item, id }))
  return { is: "report", report: { kind: "numbers", numbers: unique } }
}
