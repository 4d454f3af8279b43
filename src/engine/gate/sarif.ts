import { createHash } from "node:crypto"
import type { GateReport } from "./report.ts"

const MAX_MESSAGE_CHARS = 8_000

/** The report as SARIF 2.1.0: one result for each thing that stands in the way, with its place where that is known. */
export function sarifOf(report: GateReport, version: string): object {
  const checks = report.checks.filter((each) => each.outcome !== "pass")
  const rules = checks.map(({ check }) => check).filter((name, index, all) => all.indexOf(name) === index)
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "flyball gate",
            semanticVersion: version,
            rules: rules.map((id) => ({ id, shortDescription: { text: `What stands in the way of ${id}` } })),
          },
        },
        invocations: [{ executionSuccessful: true, properties: { verdict: report.verdict } }],
        // Locations are relative to the root of the checkout; where that is, only whoever reads this knows.
        originalUriBaseIds: { "%SRCROOT%": { description: { text: "The root of the repository" } } },
        automationDetails: { id: "flyball-gate/" },
        properties: { verdict: report.verdict, base: report.base.sha, head: report.head.sha },
        results: checks.flatMap((each) => resultsOf(each, rules.indexOf(each.check), report)),
      },
    ],
  }
}

function resultsOf(check: GateReport["checks"][number], ruleIndex: number, report: GateReport): object[] {
  const level = check.outcome === "fail" ? "error" : "warning"
  const places = check.places.length > 0 ? check.places : [{ id: check.check, message: check.summary }]
  return places.map((place) => {
    const { id, message } = place
    const file = "file" in place ? place.file : undefined
    const line = "line" in place ? place.line : undefined
    return {
      ruleId: check.check,
      ruleIndex,
      level,
      message: { text: clip(id === check.check ? message : `${id}: ${message}`) },
      ...(file === undefined ? {} : { locations: [locationOf(file, line)] }),
      partialFingerprints: { "flyball/v1": digest(`${check.check}\0${id}\0${file ?? ""}`) },
      properties: {
        outcome: check.outcome,
        head: report.head.sha,
        ...(check.blame === undefined ? {} : { blame: check.blame }),
      },
    }
  })
}

function locationOf(file: string, line: number | undefined): object {
  const uri = file.split("/").map(encodeURIComponent).join("/")
  return {
    physicalLocation: {
      artifactLocation: { uri, uriBaseId: "%SRCROOT%" },
      ...(line === undefined ? {} : { region: { startLine: line } }),
    },
  }
}

function clip(text: string): string {
  return text.length <= MAX_MESSAGE_CHARS ? text : `${text.slice(0, MAX_MESSAGE_CHARS)} …`
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32)
}
