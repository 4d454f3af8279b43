import { join } from "node:path"
import { z } from "zod"
import { toolOf } from "./argv.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** Any tool that is asked for SARIF, on its output or into a file: the format that scanners share. */
export const sarif: Runner = {
  name: "sarif",
  kind: "lint",
  recognise: (argv) => toolOf(argv) !== undefined && argv.slice(1).some((word) => /\bsarif\b/i.test(word)),
  command: ({ argv, reportDir }) => {
    const reportFile = join(reportDir, "report.sarif")
    const file = argv.findIndex((word) => /\.sarif(\.json)?$/i.test(word))
    if (file === -1) return { argv: [...argv] }
    return { argv: argv.with(file, (argv[file] ?? "").replace(/^(-{1,2}[\w-]+=)?.*$/s, `$1${reportFile}`)), reportFile }
  },
  parse: (output) => parseSarif(output, "SARIF"),
}

const Text = z.object({ text: z.string().optional(), markdown: z.string().optional() })
const Rule = z.object({
  id: z.string(),
  shortDescription: Text.optional(),
  defaultConfiguration: z.object({ level: z.string().optional() }).optional(),
})
const Sarif = z.object({
  runs: z.array(
    z.object({
      tool: z.object({ driver: z.object({ name: z.string(), rules: z.array(Rule).nullish() }) }),
      invocations: z.array(z.object({ executionSuccessful: z.boolean().optional() })).nullish(),
      results: z
        .array(
          z.object({
            ruleId: z.string().nullish(),
            ruleIndex: z.number().int().nullish(),
            kind: z.string().nullish(),
            level: z.string().nullish(),
            baselineState: z.string().nullish(),
            message: Text,
            suppressions: z.array(z.unknown()).nullish(),
            locations: z
              .array(
                z.object({
                  physicalLocation: z
                    .object({
                      artifactLocation: z.object({ uri: z.string().optional() }).optional(),
                      region: z.object({ startLine: z.number().int().optional() }).optional(),
                    })
                    .optional(),
                }),
              )
              .nullish(),
          }),
        )
        .nullish(),
    }),
  ),
})
type SarifRun = z.infer<typeof Sarif>["runs"][number]
type SarifResult = NonNullable<SarifRun["results"]>[number]

/** Reads a SARIF log, from the report file where there is one, else from what was printed. */
export function parseSarif(output: RunnerOutput, tool: string): Parsed {
  const text = output.report ?? output.stdout
  const json = jsonOf(text)
  if (json === undefined) return noReport({ ...output, report: text }, tool)
  const parsed = Sarif.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `${tool}'s report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const { runs } = parsed.data
  if (runs.length === 0) return error("ran_nothing", `${tool}'s report holds no run.`)
  const broken = runs.find((run) => run.invocations?.some((each) => each.executionSuccessful === false))
  if (broken !== undefined) return error("crashed", `${broken.tool.driver.name} says that it did not run to its end.`)
  const issues = runs.flatMap((run) =>
    (run.results ?? []).filter(counts).map((result) => issueOf(result, run, output.root)),
  )
  return issuesReport(issues, output, tool, RED_EXITS)
}

/** Tools differ in the exit code that means "found something"; a crash without a result is none of them. */
const RED_EXITS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

function counts({ kind, level, suppressions, baselineState }: SarifResult): boolean {
  const problem = kind === undefined || kind === null || kind === "fail"
  return problem && level !== "none" && (suppressions ?? []).length === 0 && baselineState !== "absent"
}

function issueOf({ ruleId, ruleIndex, level, message, locations }: SarifResult, run: SarifRun, root: string): RawIssue {
  const { driver } = run.tool
  const rules = driver.rules ?? []
  const rule = rules[ruleIndex ?? -1] ?? rules.find(({ id }) => id === ruleId)
  const place = locations?.[0]?.physicalLocation
  const line = place?.region?.startLine
  const said = message.text ?? message.markdown ?? rule?.shortDescription?.text ?? ""
  return {
    rule: ruleId ?? rule?.id ?? driver.name,
    file: repoPath(root, place?.artifactLocation?.uri ?? ""),
    ...(line === undefined ? {} : { line }),
    message: said,
    severity: (level ?? rule?.defaultConfiguration?.level ?? "warning") === "error" ? "error" : "warning",
  }
}
