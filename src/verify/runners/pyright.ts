import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** pyright (and basedpyright) as JSON on stdout. */
export const pyright: Runner = {
  name: "pyright",
  kind: "types",
  recognise: (argv) =>
    ["pyright", "basedpyright"].includes(toolOf(argv)?.name ?? "") &&
    !argumentsOf(argv).some((word) => ["--version", "--help", "-h", "--createstub", "--verifytypes"].includes(word)),
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv), { bare: ["--watch", "-w", "--stats", "--verbose", "--outputjson"] })
    return { argv: withArguments(argv, addFlags(kept, ["--outputjson"])) }
  },
  parse,
}

const PyrightJson = z.object({
  generalDiagnostics: z.array(
    z.object({
      file: z.string().optional(),
      severity: z.string(),
      message: z.string(),
      rule: z.string().optional(),
      range: z.object({ start: z.object({ line: z.number().int() }) }).optional(),
    }),
  ),
  summary: z.object({ filesAnalyzed: z.number() }),
})

function parse(output: RunnerOutput): Parsed {
  const json = jsonOf(output.stdout.slice(Math.max(0, output.stdout.indexOf("{"))))
  if (json === undefined) return noReport(output, "pyright")
  const parsed = PyrightJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `pyright's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.summary.filesAnalyzed === 0) return error("ran_nothing", "pyright looked at no files.")
  const issues = parsed.data.generalDiagnostics
    .filter((found) => found.severity === "error" || found.severity === "warning")
    .map((found) => ({
      rule: found.rule ?? "syntax",
      file: repoPath(output.root, found.file ?? ""),
      ...(found.range === undefined ? {} : { line: found.range.start.line + 1 }),
      message: found.message,
      severity: found.severity === "warning" ? ("warning" as const) : ("error" as const),
    }))
  return issuesReport(issues, output, "pyright")
}
