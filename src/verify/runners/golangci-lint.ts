import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput, TreeFiles } from "./runner.ts"

/** `golangci-lint run` as JSON without its limits; version 2 says so in its configuration and has other flags. */
export const golangciLint: Runner = {
  name: "golangci-lint",
  kind: "lint",
  recognise: (argv) => toolOf(argv)?.name === "golangci-lint" && argumentsOf(argv)[0] === "run",
  command: ({ argv, reportDir, tree }) => {
    const reportFile = join(reportDir, "golangci-lint.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--fix", "--issues-exit-code", "-v", "--verbose"],
      valued: ["--out-format", "--max-issues-per-linter", "--max-same-issues", "--color"],
    }).filter((word) => !word.startsWith("--output."))
    const format = isVersion2(tree) ? `--output.json.path=${reportFile}` : `--out-format=json:${reportFile}`
    return {
      argv: withArguments(argv, addFlags(kept, [format, "--max-issues-per-linter=0", "--max-same-issues=0"])),
      reportFile,
    }
  },
  parse,
}

function isVersion2(tree: TreeFiles): boolean {
  const config = [".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"]
    .map((name) => tree.read(name))
    .find((text) => text !== undefined)
  // Version 2 refuses a configuration that does not name it; without one, the current major is the better guess.
  return config === undefined || /^\s*"?version"?\s*[:=]\s*["']?2/m.test(config)
}

const GolangciJson = z.object({
  Issues: z
    .array(
      z.object({
        FromLinter: z.string(),
        Text: z.string(),
        Severity: z.string().nullish(),
        Pos: z.object({ Filename: z.string(), Line: z.number().int() }),
      }),
    )
    .nullish(),
  Report: z.object({ Error: z.string().nullish() }).nullish(),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) {
    if (/no go files to analyze/i.test(output.stderr)) return error("ran_nothing", "golangci-lint found no Go files.")
    return noReport(output, "golangci-lint")
  }
  const parsed = GolangciJson.safeParse(json)
  if (!parsed.success)
    return error(
      "unreadable",
      `golangci-lint's report has another shape than expected: ${z.prettifyError(parsed.error)}`,
    )
  const problem = parsed.data.Report?.Error
  if (problem !== undefined && problem !== null && problem !== "") return error("crashed", `golangci-lint: ${problem}`)
  const issues = (parsed.data.Issues ?? []).map((found) => ({
    rule: found.FromLinter,
    file: repoPath(output.root, found.Pos.Filename),
    line: found.Pos.Line,
    message: found.Text,
    severity: found.Severity === "warning" ? ("warning" as const) : ("error" as const),
  }))
  return issuesReport(issues, output, "golangci-lint")
}
