import { join } from "node:path"
import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** Semgrep's JSON, without its metrics and version check: rules that lie in the repository need no network. */
export const semgrep: Runner = {
  name: "semgrep",
  kind: "lint",
  recognise: (argv) => {
    const [verb = "scan"] = argumentsOf(argv)
    return ["semgrep", "opengrep"].includes(toolOf(argv)?.name ?? "") && (verb === "scan" || verb.startsWith("-"))
  },
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "semgrep.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: [
        "--json",
        "--sarif",
        "--text",
        "--emacs",
        "--vim",
        "--junit-xml",
        "--gitlab-sast",
        "--autofix",
        "-a",
        "-q",
      ],
      valued: ["--output", "-o", "--metrics"],
    })
    const flags = ["--json", `--output=${reportFile}`, "--metrics=off", "--disable-version-check"]
    return { argv: withArguments(argv, addFlags(kept, flags)), reportFile }
  },
  parse,
}

const SemgrepJson = z.object({
  results: z.array(
    z.object({
      check_id: z.string(),
      path: z.string(),
      start: z.object({ line: z.number().int() }),
      extra: z.object({ message: z.string(), severity: z.string(), is_ignored: z.boolean().nullish() }),
    }),
  ),
  errors: z.array(z.object({ level: z.string().nullish(), message: z.string().nullish() })),
  paths: z.object({ scanned: z.array(z.string()).nullish() }).nullish(),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, "semgrep")
  const parsed = SemgrepJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `semgrep's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const { results, errors, paths } = parsed.data
  const broken = errors.find(({ level }) => level === "error")
  if (broken !== undefined) return error("crashed", `semgrep: ${(broken.message ?? "an error").slice(0, 1_000)}`)
  if (paths?.scanned?.length === 0) return error("ran_nothing", "semgrep looked at no file.")
  const issues = results
    .filter(({ extra }) => extra.is_ignored !== true)
    .map(({ check_id, path, start, extra }) => ({
      rule: check_id,
      file: repoPath(output.root, path),
      line: start.line,
      message: extra.message,
      severity: /^(ERROR|HIGH|CRITICAL)$/.test(extra.severity) ? ("error" as const) : ("warning" as const),
    }))
  return issuesReport(issues, output, "semgrep")
}
