import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { numbersReport } from "./numbers.ts"
import { error, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** hyperfine's own JSON; a command that fails makes it fail, whatever it was told to ignore. */
export const hyperfine: Runner = {
  name: "hyperfine",
  kind: "numbers",
  recognise: (argv) => toolOf(argv)?.name === "hyperfine",
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "hyperfine.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--ignore-failure", "-i", "--show-output"],
      valued: ["--export-json", "--style"],
    })
    return {
      argv: withArguments(argv, addFlags(["--export-json", reportFile, "--style", "basic"], kept)),
      reportFile,
    }
  },
  parse,
}

const HyperfineJson = z.object({
  results: z.array(z.object({ command: z.string(), median: z.number(), times: z.array(z.number()).nullish() })),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "hyperfine")
  const parsed = HyperfineJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `hyperfine's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const numbers = parsed.data.results.map(({ command, median, times }) => ({
    id: command,
    unit: "s",
    better: "lower" as const,
    samples: times !== undefined && times !== null && times.length > 0 ? times : [median],
  }))
  return numbersReport(numbers, output, "hyperfine")
}
