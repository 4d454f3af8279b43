import type { Source } from "../../core/ports.ts"
import { issuesToFindings } from "./issue-findings.ts"
import { measured, namesIn, noCheck, type Reads } from "./measured.ts"

const reads: Reads = { kind: "lint", usual: "lint_clean" }

/** What the project's linter says of the base. */
export const lintFindings: Source = {
  name: "lint_findings",
  doc: "What `lint_clean` reports on the base: one finding for each problem, one for a rule and file when they are many; `lint_findings(warnings)` takes warnings too.",
  available: (loop) => noCheck(loop, reads),
  discover: (context, args) => {
    const names = namesIn(args)
    const warnings = names.includes("warnings")
    return measured(
      context,
      reads,
      names.filter((name) => name !== "warnings"),
      (report, check, measurement) =>
        report.kind === "issues"
          ? issuesToFindings(report.issues, check, measurement, context.base, {
              source: "lint_findings",
              kind: "lint",
              severity: "low",
              warnings,
            })
          : {
              findings: [],
              context: [],
              notes: [`\`${check.name}\` reports no lint problems; \`lint_findings\` has nothing to read.`],
            },
    )
  },
}
