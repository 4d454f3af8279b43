import { error, tail, testsReport } from "../outcome.ts"
import type { Parsed, RunnerOutput } from "../runner.ts"
import { readTap } from "./lines.ts"
import { type Reading, resultOf } from "./results.ts"
import { type Told, testsIn } from "./tests.ts"

/** The file and the names of a test, of what its runner calls it. */
export type Placed = (names: readonly string[], told: Told) => { file: string | undefined; names: string[] }

/** The report of a runner that prints one text of TAP for all that it ran. */
export function reportOfOutput(
  output: RunnerOutput,
  { placed, ...reading }: Pick<Reading, "runner" | "dialect" | "classify"> & { placed: Placed },
): Parsed {
  const { runner, dialect } = reading
  const { exitCode, stdout, stderr, root } = output
  const tap = readTap(stdout)
  if (!tap.isTap) {
    const why = `${runner} exited ${exitCode ?? "by a signal"} without a line of TAP: ${tail(stderr, stdout)}`
    return error(exitCode === 0 ? "unfinished" : "crashed", why)
  }
  if (tap.bailed !== undefined) return error("unfinished", `${runner} gave up: ${tap.bailed}`)
  const tests = testsIn(tap, dialect)
  const red = tests.some((test) => test.status === "failed")
  if (exitCode === 0 && !tap.planned) {
    const why = "what it printed is no whole TAP: its plan is missing, or is not what it ran."
    return error("unfinished", `${runner} exited 0, and ${why}`)
  }
  if (exitCode === 0 && red) return error("unreadable", `${runner} exited 0 although it printed a test that failed.`)
  const results = tests.map((test) => {
    const { file, names } = placed(test.names, test)
    return resultOf({ ...test, names }, file, root, reading)
  })
  return testsReport(results, output, runner)
}
