import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** `ruff check` as JSON, into a file outside the tree, without fixing. */
export const ruff: Runner = {
  name: "ruff",
  kind: "lint",
  recognise: (argv) =>
    toolOf(argv)?.name === "ruff" && argumentsOf(argv)[0] === "check" && !argumentsOf(argv).includes("--show-files"),
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "ruff.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: [
        "--fix",
        "--fix-only",
        "--unsafe-fixes",
        "--diff",
        "--watch",
        "-w",
        "--exit-zero",
        "-e",
        "--statistics",
        "--show-fixes",
        "-q",
        "--quiet",
        "-s",
        "--silent",
        "--no-cache",
        "-n",
      ],
      valued: ["--output-format", "--output-file", "-o", "--cache-dir"],
    })
    return {
      argv: withArguments(
        argv,
        addFlags(kept, ["--no-fix", "--no-cache", "--output-format=json", `--output-file=${reportFile}`]),
      ),
      reportFile,
    }
  },
  parse,
}

const RuffJson = z.array(
  z.object({
    code: z.string().nullish(),
    filename: z.string(),
    message: z.string(),
    location: z.object({ row: z.number().int() }).nullish(),
    severity: z.string().nullish(),
  }),
)

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "ruff")
  const parsed = RuffJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `ruff's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  if (/No Python files found/i.test(output.stderr)) return error("ran_nothing", "ruff found no Python files.")
  const issues = parsed.data.map((found) => ({
    rule: found.code ?? "invalid-syntax",
    file: repoPath(output.root, found.filename),
    ...(found.location == null ? {} : { line: found.location.row }),
    message: found.message,
    severity: found.severity === "warning" ? ("warning" as const) : ("error" as const),
  }))
  return issuesReport(issues, output, "ruff")
}
