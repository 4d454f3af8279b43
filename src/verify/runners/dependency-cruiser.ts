import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** dependency-cruiser's JSON: each rule that a module breaks is an issue of that module. */
export const dependencyCruiser: Runner = {
  name: "dependency-cruiser",
  kind: "lint",
  recognise: (argv) => {
    const name = toolOf(argv)?.name ?? ""
    const informs = argumentsOf(argv).some((word) => ["--init", "--info", "--version", "-V", "-h"].includes(word))
    return ["depcruise", "dependency-cruise", "dependency-cruiser"].includes(name) && !informs
  },
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "depcruise.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--cache", "-C", "--ignore-known"],
      valued: ["--output-type", "-T", "--output-to", "-f", "--progress", "-p", "--cache-strategy"],
    })
    const flags = ["--output-type", "json", "--output-to", reportFile]
    return { argv: withArguments(argv, addFlags(flags, kept)), reportFile }
  },
  parse,
}

const Violation = z.object({
  from: z.string(),
  to: z.string(),
  rule: z.object({ name: z.string(), severity: z.string() }),
  cycle: z.array(z.union([z.string(), z.object({ name: z.string() })])).nullish(),
})
const DepcruiseJson = z.object({
  summary: z.object({ violations: z.array(Violation), totalCruised: z.number() }),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "dependency-cruiser")
  const parsed = DepcruiseJson.safeParse(json)
  if (!parsed.success)
    return error(
      "unreadable",
      `dependency-cruiser's report has another shape than expected: ${z.prettifyError(parsed.error)}`,
    )
  const { violations, totalCruised } = parsed.data.summary
  if (totalCruised === 0) return error("ran_nothing", "dependency-cruiser looked at no module.")
  const issues = violations
    .filter(({ rule }) => rule.severity !== "ignore")
    .map(({ from, to, rule, cycle }) => {
      const way = (cycle ?? []).map((step) => (typeof step === "string" ? step : step.name))
      return {
        rule: rule.name,
        file: from,
        message: way.length > 0 ? `${from} → ${way.join(" → ")}` : from === to ? from : `${from} → ${to}`,
        severity: rule.severity === "error" ? ("error" as const) : ("warning" as const),
      }
    })
  return issuesReport(issues, output, "dependency-cruiser")
}
