import { z } from "zod"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { subcommand } from "./cargo-test.ts"
import { type RawIssue, repoPath } from "./ids.ts"
import { error, issuesReport, jsonLines, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** `cargo clippy` (and `cargo check` and `build`, which speak the same format) as JSON lines on stdout. */
export const clippy: Runner = {
  name: "clippy",
  kind: "lint",
  recognise: (argv) =>
    toolOf(argv)?.name === "cargo" &&
    ["clippy", "check", "build", "c", "b"].includes(subcommand(argumentsOf(argv)) ?? "") &&
    !argumentsOf(argv).includes("--help"),
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--fix", "--allow-dirty", "--allow-staged", "-q", "--quiet"],
      valued: ["--message-format", "--color"],
    })
    return { argv: withArguments(argv, addFlags(kept, ["--message-format=json", "--keep-going"])) }
  },
  parse,
}

const Line = z.discriminatedUnion("reason", [
  z.object({
    reason: z.literal("compiler-message"),
    message: z.object({
      level: z.string(),
      message: z.string(),
      code: z.object({ code: z.string() }).nullish(),
      spans: z.array(z.object({ file_name: z.string(), line_start: z.number().int(), is_primary: z.boolean() })),
    }),
  }),
  z.object({ reason: z.literal("build-finished"), success: z.boolean() }),
  z.object({ reason: z.literal("compiler-artifact") }),
])

function parse(output: RunnerOutput): Parsed {
  const lines = jsonLines(output.stdout).flatMap((line) => {
    const parsed = Line.safeParse(line)
    return parsed.success ? [parsed.data] : []
  })
  if (!lines.some((line) => line.reason === "build-finished"))
    return noReport({ ...output, report: undefined }, "cargo")
  if (!lines.some((line) => line.reason !== "build-finished")) return error("ran_nothing", "cargo compiled nothing.")
  const issues = lines.flatMap((line): RawIssue[] => {
    if (line.reason !== "compiler-message") return []
    const { level, message, code, spans } = line.message
    const span = spans.find((candidate) => candidate.is_primary) ?? spans[0]
    // "aborting due to 2 previous errors" and the like speak of others.
    if (span === undefined || !["error", "warning", "error: internal compiler error"].includes(level)) return []
    return [
      {
        rule: code?.code ?? "rustc",
        file: repoPath(output.root, span.file_name),
        line: span.line_start,
        message,
        severity: level === "warning" ? "warning" : "error",
      },
    ]
  })
  return issuesReport(onceEach(issues), output, "cargo", [101])
}

/** With `--all-targets` a library is compiled twice and says everything twice. */
function onceEach(issues: readonly RawIssue[]): RawIssue[] {
  return [
    ...new Map(
      issues.map((issue) => [JSON.stringify([issue.rule, issue.file, issue.line, issue.message]), issue]),
    ).values(),
  ]
}
