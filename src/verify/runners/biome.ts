import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { error, issuesReport, jsonOf, noReport, tail } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** biome's JSON from stdout, without its limit of twenty diagnostics and without writing. */
export const biome: Runner = {
  name: "biome",
  kind: "lint",
  recognise: (argv) =>
    ["biome", "@biomejs/biome"].includes(toolOf(argv)?.name ?? "") &&
    ["check", "lint", "ci", "format"].includes(argumentsOf(argv)[0] ?? ""),
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--write", "--fix", "--unsafe", "--apply", "--apply-unsafe", "--no-errors-on-unmatched", "--verbose"],
      valued: ["--reporter", "--reporter-file", "--max-diagnostics", "--colors"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--reporter=json", "--max-diagnostics=none", "--colors=off"])) }
  },
  parse,
}

// biome 1 gives a path object and byte spans, biome 2 a string and lines; both say category and severity.
const Path = z.union([z.string(), z.object({ file: z.string() }).transform(({ file }) => file)])
const BiomeJson = z.object({
  summary: z.object({
    changed: z.number(),
    unchanged: z.number(),
    errors: z.number(),
    diagnosticsNotPrinted: z.number().optional(),
  }),
  diagnostics: z.array(
    z.object({
      category: z.string().nullish(),
      severity: z.string(),
      message: z.string().optional(),
      description: z.string().optional(),
      location: z.object({ path: Path.nullish(), start: z.object({ line: z.number().int() }).nullish() }).nullish(),
    }),
  ),
})

function parse(output: RunnerOutput): Parsed {
  const json = output.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map(jsonOf)
    .find((value) => value !== undefined)
  if (json === undefined) {
    if (/No files were processed/.test(output.stderr)) return error("ran_nothing", "biome found no files to look at.")
    return noReport(output, "biome")
  }
  const parsed = BiomeJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `biome's report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  const { summary, diagnostics } = parsed.data
  if (summary.changed + summary.unchanged === 0)
    return error("ran_nothing", `biome looked at no file: ${tail(output.stderr)}`)
  if ((summary.diagnosticsNotPrinted ?? 0) > 0) return error("unreadable", "biome left out diagnostics.")
  const issues = diagnostics.map((found) => {
    const line = found.location?.start?.line
    return {
      rule: found.category ?? "biome",
      file: repoPath(output.root, found.location?.path ?? ""),
      ...(line === undefined || line === 0 ? {} : { line }),
      message: found.message ?? found.description ?? "",
      severity: ["error", "fatal"].includes(found.severity) ? ("error" as const) : ("warning" as const),
    }
  })
  return issuesReport(issues, output, "biome")
}
