import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport, noReport, tail } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** mypy's text (its JSON is newer than many installations), whose last line says how many files it checked. */
export const mypy: Runner = {
  name: "mypy",
  kind: "types",
  recognise: (argv) =>
    toolOf(argv)?.name === "mypy" &&
    !argumentsOf(argv).some((word) => ["--version", "-V", "--help", "--install-types"].includes(word)),
  command: ({ argv, reportDir }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--pretty", "--no-error-summary", "--show-error-end", "--incremental", "--sqlite-cache"],
      valued: ["--output", "-O", "--cache-dir"],
    })
    const flags = [
      "--no-pretty",
      "--no-color-output",
      "--show-error-codes",
      "--hide-error-context",
      "--error-summary",
      `--cache-dir=${reportDir}/mypy-cache`,
    ]
    return { argv: withArguments(argv, addFlags(kept, flags)) }
  },
  parse,
}

const problem = /^(.+?):(?:(\d+):)?(?:\d+:)? (error|warning): (.*?)(?: {2}\[([\w-]+)\])?$/

function parse(output: RunnerOutput): Parsed {
  const lines = output.stdout.split("\n").map((line) => line.trimEnd())
  const issues = lines.flatMap((line): RawIssue[] => {
    const found = problem.exec(line)
    if (found === null) return []
    return [
      {
        rule: found[5] ?? "mypy",
        file: repoPath(output.root, found[1] ?? ""),
        ...(found[2] === undefined ? {} : { line: Number(found[2]) }),
        message: found[4] ?? "",
        severity: found[3] === "warning" ? "warning" : "error",
      },
    ]
  })
  const summary = lines.find((line) => /^(Success: no issues found in \d+|Found \d+ errors? in )/.test(line))
  if (/There are no \.py\[i\] files|Nothing to do|Missing target module/.test(output.stderr))
    return error("ran_nothing", `mypy found nothing to check: ${tail(output.stderr)}`)
  if (summary === undefined) return noReport(output, "mypy")
  if (/ in 0 source files/.test(summary)) return error("ran_nothing", "mypy checked no files.")
  // 2 with issues: a file that does not parse kept it from checking the others; that file is the result.
  return issuesReport(issues, output, "mypy", [1, 2])
}
