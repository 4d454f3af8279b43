import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** gosec's JSON; packages that did not compile were not scanned, so their errors make the report none. */
export const gosec: Runner = {
  name: "gosec",
  kind: "lint",
  recognise: (argv) => toolOf(argv)?.name === "gosec",
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "gosec.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["-no-fail", "-stdout", "-verbose"],
      valued: ["-fmt", "-out", "-verbose"],
    })
    return { argv: withArguments(argv, addFlags([`-fmt=json`, `-out=${reportFile}`], kept)), reportFile }
  },
  parse,
}

const GosecJson = z.object({
  "Golang errors": z.record(z.string(), z.array(z.object({ error: z.string() }))).nullish(),
  Issues: z
    .array(
      z.object({
        severity: z.string(),
        rule_id: z.string(),
        details: z.string(),
        file: z.string(),
        line: z.string(),
        suppressions: z.array(z.unknown()).nullish(),
      }),
    )
    .nullish(),
  Stats: z.object({ files: z.number() }),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "gosec")
  const parsed = GosecJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `gosec's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const { Issues: found, Stats: stats, "Golang errors": errors } = parsed.data
  const [broken] = Object.entries(errors ?? {})
  if (broken !== undefined)
    return error("crashed", `gosec could not read ${repoPath(output.root, broken[0])}: ${broken[1][0]?.error ?? ""}`)
  if (stats.files === 0) return error("ran_nothing", "gosec looked at no file.")
  const issues = (found ?? [])
    .filter(({ suppressions }) => (suppressions ?? []).length === 0)
    .map((issue) => ({
      rule: issue.rule_id,
      file: repoPath(output.root, issue.file),
      line: Number.parseInt(issue.line, 10) || 1,
      message: issue.details,
      severity: issue.severity === "LOW" ? ("warning" as const) : ("error" as const),
    }))
  return issuesReport(issues, output, "gosec")
}
