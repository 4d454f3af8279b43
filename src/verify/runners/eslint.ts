import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** eslint's JSON, into a file outside the tree; `--fix` is taken out, a check does not change what it checks. */
export const eslint: Runner = {
  name: "eslint",
  kind: "lint",
  recognise: (argv) => {
    const informs = argumentsOf(argv).some((word) =>
      ["--init", "--print-config", "--inspect-config", "--version", "-v", "--env-info"].includes(word),
    )
    return toolOf(argv)?.name === "eslint" && !informs
  },
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "eslint.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: [
        "--fix",
        "--fix-dry-run",
        "--cache",
        "--color",
        "--no-color",
        "--no-error-on-unmatched-pattern",
        "--pass-on-no-patterns",
      ],
      valued: [
        "--format",
        "-f",
        "--output-file",
        "-o",
        "--cache-location",
        "--cache-file",
        "--cache-strategy",
        "--fix-type",
      ],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--format", "json", "--output-file", reportFile])), reportFile }
  },
  parse,
}

const EslintJson = z.array(
  z.object({
    filePath: z.string(),
    messages: z.array(
      z.object({
        ruleId: z.string().nullish(),
        severity: z.number(),
        message: z.string(),
        line: z.number().int().nullish(),
        fatal: z.boolean().nullish(),
      }),
    ),
  }),
)

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) {
    if (/No files matching|all of the files .* are ignored|File ignored because/.test(output.stderr))
      return error("ran_nothing", "eslint found no files to look at.")
    return noReport(output, "eslint")
  }
  const parsed = EslintJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `eslint's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.length === 0) return error("ran_nothing", "eslint looked at no file.")
  const issues = parsed.data.flatMap((file) =>
    file.messages.map((message) => ({
      rule: message.ruleId ?? (message.fatal === true ? "parse" : "eslint"),
      file: repoPath(output.root, file.filePath),
      ...(typeof message.line === "number" ? { line: message.line } : {}),
      message: message.message,
      severity: message.severity === 2 ? ("error" as const) : ("warning" as const),
    })),
  )
  return issuesReport(issues, output, "eslint")
}
