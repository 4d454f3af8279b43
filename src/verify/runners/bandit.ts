import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** Bandit's JSON; a file that it could not read is an issue, since nothing of it was looked at. */
export const bandit: Runner = {
  name: "bandit",
  kind: "lint",
  recognise: (argv) => toolOf(argv)?.name === "bandit",
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "bandit.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--exit-zero", "-v", "--verbose"],
      valued: ["-f", "--format", "-o", "--output", "--msg-template"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["-f", "json", "-o", reportFile])), reportFile }
  },
  parse,
}

const BanditJson = z.object({
  errors: z.array(z.object({ filename: z.string(), reason: z.string() })),
  metrics: z.object({ _totals: z.object({ loc: z.number() }).partial().optional() }).optional(),
  results: z.array(
    z.object({
      test_id: z.string(),
      filename: z.string(),
      line_number: z.number().int(),
      issue_text: z.string(),
      issue_severity: z.string(),
    }),
  ),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "bandit")
  const parsed = BanditJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `bandit's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const { results, errors, metrics } = parsed.data
  if (metrics?._totals?.loc === 0 && results.length === 0) return error("ran_nothing", "bandit looked at no code.")
  const found = results.map(
    (result): RawIssue => ({
      rule: result.test_id,
      file: repoPath(output.root, result.filename),
      line: result.line_number,
      message: result.issue_text,
      severity: result.issue_severity === "HIGH" || result.issue_severity === "MEDIUM" ? "error" : "warning",
    }),
  )
  const unread = errors.map(
    ({ filename, reason }): RawIssue => ({
      rule: "parse",
      file: repoPath(output.root, filename),
      message: reason,
      severity: "error",
    }),
  )
  return issuesReport([...found, ...unread], output, "bandit")
}
