import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** `go-arch-lint check` as JSON, on its output. */
export const goArchLint: Runner = {
  name: "go-arch-lint",
  kind: "lint",
  recognise: (argv) => toolOf(argv)?.name === "go-arch-lint" && argumentsOf(argv)[0] === "check",
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--json", "--output-color"],
      valued: ["--output-type", "--max-warnings"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--json", "--max-warnings=32768"])) }
  },
  parse,
}

const Place = z.object({ Line: z.number().int().nullish() }).nullish()
const GoArchLint = z.object({
  Payload: z.object({
    ExecutionWarnings: z.array(z.object({ Text: z.string() })).nullish(),
    ArchWarningsDeps: z
      .array(
        z.object({
          ComponentName: z.string(),
          FileRelativePath: z.string(),
          ResolvedImportName: z.string(),
          Reference: Place,
        }),
      )
      .nullish(),
    ArchWarningsNotMatched: z.array(z.object({ FileRelativePath: z.string() })).nullish(),
    ArchWarningsDeepScan: z
      .array(
        z.object({
          Gate: z.object({
            ComponentName: z.string(),
            MethodName: z.string(),
            Definition: z.object({ File: z.string().nullish() }).nullish(),
          }),
          Dependency: z.object({ ComponentName: z.string(), Name: z.string() }),
        }),
      )
      .nullish(),
  }),
})

function parse(output: RunnerOutput): Parsed {
  const json = jsonOf(output.stdout)
  if (json === undefined) return noReport({ ...output, report: undefined }, "go-arch-lint")
  const parsed = GoArchLint.safeParse(json)
  if (!parsed.success)
    return error(
      "unreadable",
      `go-arch-lint's report has another shape than expected: ${z.prettifyError(parsed.error)}`,
    )
  const { ArchWarningsDeps: deps, ArchWarningsNotMatched: unmatched, ArchWarningsDeepScan: deep } = parsed.data.Payload
  const [notice] = parsed.data.Payload.ExecutionWarnings ?? []
  if (notice !== undefined) return error("crashed", `go-arch-lint can't use its configuration: ${notice.Text}`)
  const bare = (path: string) => repoPath(output.root, path.startsWith(output.root) ? path : path.replace(/^\//, ""))
  const issues: RawIssue[] = [
    ...(deps ?? []).map(
      (each): RawIssue => ({
        rule: "dependency",
        file: bare(each.FileRelativePath),
        ...(typeof each.Reference?.Line === "number" && each.Reference.Line > 0 ? { line: each.Reference.Line } : {}),
        message: `${each.ComponentName} shouldn't depend on ${each.ResolvedImportName}`,
        severity: "error",
      }),
    ),
    ...(unmatched ?? []).map(
      (each): RawIssue => ({
        rule: "not-matched",
        file: bare(each.FileRelativePath),
        message: "belongs to no component",
        severity: "error",
      }),
    ),
    ...(deep ?? []).map(
      ({ Gate: gate, Dependency: dependency }): RawIssue => ({
        rule: "deep-scan",
        file: bare(gate.Definition?.File ?? ""),
        message: `${gate.ComponentName}.${gate.MethodName} is given ${dependency.ComponentName}.${dependency.Name}`,
        severity: "error",
      }),
    ),
  ]
  return issuesReport(issues, output, "go-arch-lint")
}
