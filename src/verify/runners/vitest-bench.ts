import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath, testId } from "./ids.ts"
import { numbersReport } from "./numbers.ts"
import { error, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** `vitest bench`, run once: the median time of one call of each benchmark. */
export const vitestBench: Runner = {
  name: "vitest bench",
  kind: "numbers",
  recognise: (argv) => toolOf(argv)?.name === "vitest" && argumentsOf(argv)[0] === "bench",
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "bench.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--watch", "-w", "--run", "--ui", "--open"],
      valued: ["--reporter", "--outputFile", "--outputJson", "--compare", "--api"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--run", `--outputJson=${reportFile}`])), reportFile }
  },
  parse,
}

const BenchJson = z.object({
  files: z.array(
    z.object({
      filepath: z.string(),
      groups: z.array(
        z.object({
          fullName: z.string(),
          benchmarks: z.array(z.object({ name: z.string(), median: z.number().nullish(), mean: z.number().nullish() })),
        }),
      ),
    }),
  ),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "vitest bench")
  const parsed = BenchJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `vitest's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const numbers = parsed.data.files.flatMap(({ filepath, groups }) =>
    groups.flatMap(({ fullName, benchmarks }) =>
      benchmarks.flatMap(({ name, median, mean }) => {
        const file = repoPath(output.root, filepath)
        // `fullName` begins with the file as vitest names it.
        const suites = fullName.split(" > ").filter((part, index) => index > 0 && part !== file)
        const value = median ?? mean
        return typeof value === "number"
          ? [{ id: testId([file, ...suites, name]), unit: "ms", better: "lower" as const, samples: [value] }]
          : []
      }),
    ),
  )
  return numbersReport(numbers, output, "vitest bench")
}
