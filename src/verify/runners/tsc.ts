import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** tsc (and vue-tsc) in its plain format; the files it lists tell a clean project from one of which nothing was looked at. */
export const tsc: Runner = {
  name: "tsc",
  kind: "types",
  recognise: (argv) => {
    const informs = argumentsOf(argv).some((word) =>
      ["--init", "--version", "-v", "--help", "-h", "--showConfig", "--listFilesOnly", "--clean"].includes(word),
    )
    return ["tsc", "vue-tsc", "typescript"].includes(toolOf(argv)?.name ?? "") && !informs
  },
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--watch", "-w", "--preserveWatchOutput", "--diagnostics", "--extendedDiagnostics", "--verbose"],
      valued: ["--pretty"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--pretty", "false", "--listFiles"])) }
  },
  parse,
}

const located = /^(.+?)\((\d+),\d+\): (error|warning) (TS\d+): (.*)$/
const global = /^(error|warning) (TS\d+): (.*)$/

function parse(output: RunnerOutput): Parsed {
  const issues: RawIssue[] = []
  const files: string[] = []
  for (const line of output.stdout.split("\n").map((text) => text.trimEnd())) {
    const at = located.exec(line)
    const whole = global.exec(line)
    const last = issues.at(-1)
    if (at !== null)
      issues.push({
        rule: at[4] ?? "",
        file: repoPath(output.root, at[1] ?? ""),
        line: Number(at[2]),
        message: at[5] ?? "",
        severity: severityOf(at[3]),
      })
    else if (whole !== null)
      issues.push({
        rule: whole[2] ?? "",
        file: "tsconfig.json",
        message: whole[3] ?? "",
        severity: severityOf(whole[1]),
      })
    else if (/^(\/|[A-Za-z]:).*\.(d\.)?[cm]?[jt]sx?$|^(\/|[A-Za-z]:).*\.(vue|json)$/.test(line)) files.push(line)
    else if (/^\s+\S/.test(line) && last !== undefined) last.message = `${last.message}\n${line.trim()}`
  }
  if (issues.some((issue) => issue.rule === "TS18003"))
    return error("ran_nothing", `tsc found no files to look at: ${issues[0]?.message ?? ""}`)
  const own = files.filter((file) => file.startsWith(`${output.root}/`) && !file.includes("/node_modules/"))
  if (output.exitCode === 0 && own.length === 0 && issues.length === 0)
    return error(
      "ran_nothing",
      "tsc looked at none of the project's files (a tsconfig with only `references` needs `tsc -b`).",
    )
  // 1 and 2 tell whether output was still written; 3 to 5 are refusals to build.
  return issuesReport(issues, output, "tsc", [1, 2])
}

function severityOf(word: string | undefined): "error" | "warning" {
  return word === "warning" ? "warning" : "error"
}
