import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { numbersReport } from "./numbers.ts"
import { error, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** pytest with its `benchmark` plug-in, asked for benchmarks alone. */
export const pytestBenchmark: Runner = {
  name: "pytest-benchmark",
  kind: "numbers",
  recognise: (argv) =>
    ["pytest", "py.test"].includes(toolOf(argv)?.name ?? "") &&
    argumentsOf(argv).some((word) => word === "--benchmark-only" || word === "--benchmark-enable"),
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "benchmark.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--benchmark-autosave", "--benchmark-save-data"],
      valued: ["--benchmark-json", "--benchmark-save", "--benchmark-compare", "--benchmark-compare-fail"],
    })
    return { argv: withArguments(argv, addFlags(kept, [`--benchmark-json=${reportFile}`])), reportFile }
  },
  parse,
}

const BenchmarkJson = z.object({
  benchmarks: z.array(z.object({ fullname: z.string(), stats: z.object({ median: z.number() }) })),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "pytest-benchmark")
  const parsed = BenchmarkJson.safeParse(json)
  if (!parsed.success)
    return error(
      "unreadable",
      `pytest-benchmark's report has another shape than expected: ${z.prettifyError(parsed.error)}`,
    )
  const numbers = parsed.data.benchmarks.map(({ fullname, stats }) => ({
    id: fullname.replaceAll("::", " > "),
    unit: "s",
    better: "lower" as const,
    samples: [stats.median],
  }))
  return numbersReport(numbers, output, "pytest-benchmark")
}
