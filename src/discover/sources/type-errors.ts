import type { Source } from "../../core/ports.ts"
import { issuesToFindings } from "./issue-findings.ts"
import { measured, namesIn, noCheck, type Reads } from "./measured.ts"

const reads: Reads = { kind: "types", usual: "types" }

/** What the project's type checker says of the base. */
export const typeErrors: Source = {
  name: "type_errors",
  doc: "What `types` reports on the base: one finding for each error, one for a code and file when they are many.",
  available: (loop) => noCheck(loop, reads),
  discover: (context, args) =>
    measured(context, reads, namesIn(args), (report, check, measurement) =>
      report.kind === "issues"
        ? issuesToFindings(report.issues, check, measurement, context.base, {
            source: "type_errors",
            kind: "type",
            severity: "medium",
            warnings: false,
          })
        : {
            findings: [],
            context: [],
            notes: [`\`${check.name}\` reports no type errors; \`type_errors\` has nothing to read.`],
          },
    ),
}
