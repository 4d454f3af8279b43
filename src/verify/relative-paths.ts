import type { Measurement, Report } from "../core/evidence.ts"

type Result = Measurement["result"]

/** The result with files named as the repository names them: where the checkout lay is nothing to anybody. */
export function withRelativePaths(result: Result, roots: readonly string[]): Result {
  const relative = (text: string) =>
    roots.reduce((rest, root) => rest.replaceAll(`file://${root}/`, "").replaceAll(`${root}/`, ""), text)
  if (result.is === "error") return { ...result, why: relative(result.why) }
  return { is: "report", report: ofReport(result.report, relative) }
}

function ofReport(report: Report, relative: (text: string) => string): Report {
  switch (report.kind) {
    case "tests":
      return {
        ...report,
        tests: report.tests.map((test) =>
          test.message === undefined ? test : { ...test, message: relative(test.message) },
        ),
      }
    case "issues":
      return { ...report, issues: report.issues.map((issue) => ({ ...issue, message: relative(issue.message) })) }
    case "numbers":
    case "exit":
      return report
  }
}
