import { z } from "zod"
import type { Evidence, Measurement } from "../../core/evidence.ts"
import { ecosystemOfLock } from "../../verify/dependencies/lock.ts"
import { ecosystemOfManifest } from "../../verify/dependencies/manifest.ts"

/** One thing that stands in the way, and where, as far as that is known. */
export const Place = z.object({
  /** The test's id, the rule, or the permanent words of a built-in check. */
  id: z.string(),
  message: z.string(),
  /** Repository-relative. */
  file: z.string().optional(),
  line: z.number().int().optional(),
})
export type Place = z.infer<typeof Place>

const MAX_PLACES = 500

/** Where a check's evidence points: by its own report where there is one, else by the paths in its words. */
export function placesOf(evidence: Evidence, measurements: readonly Measurement[], paths: readonly string[]): Place[] {
  const reports = measurements.filter((each) => each.result.is === "report")
  const own = reports.findLast((each) => each.check === evidence.check || each.command === evidence.command)
  const seen = new Map<string, number>()
  return evidence.failing.slice(0, MAX_PLACES).map((id) => {
    const nth = seen.get(id) ?? 0
    seen.set(id, nth + 1)
    return measuredPlace(id, own) ?? testPlace(id, reports) ?? wordedPlace(id, nth, evidence, paths)
  })
}

/** A proof speaks of tests that another check's report knows. */
function testPlace(id: string, reports: readonly Measurement[]): Place | undefined {
  for (const report of reports.toReversed()) {
    const place = report.result.is === "report" && report.result.report.kind === "tests" && measuredPlace(id, report)
    if (place) return place
  }
  return undefined
}

function measuredPlace(id: string, measurement: Measurement | undefined): Place | undefined {
  if (measurement?.result.is !== "report") return undefined
  const { report } = measurement.result
  if (report.kind === "issues") {
    const issue = report.issues.find((each) => each.fingerprint === id)
    if (issue === undefined) return undefined
    const { rule, file, line, message } = issue
    return { id: rule, message, ...(file === "" ? {} : { file }), ...(line === undefined ? {} : { line }) }
  }
  if (report.kind !== "tests") return undefined
  const test = report.tests.find((each) => each.id === id)
  if (test === undefined) return undefined
  const { file, message = `${id} does not pass.` } = test
  const line = file === undefined ? undefined : lineIn(message, file)
  return { id, message, ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) }
}

function wordedPlace(id: string, nth: number, evidence: Evidence, paths: readonly string[]): Place {
  const { summary, feedback = "" } = evidence
  const named = longestIn(id, paths)
  const lines = feedback.split("\n")
  // Two of one kind in one file have one id: each has a line of its own.
  const exact = lines.filter((line) => line.includes(id.replace(/^[\w -]+: /, "")))
  const told = exact[nth] ?? exact[0] ?? lines.filter((line) => named !== undefined && line.includes(named))[nth]
  const text = told ?? lines.find((line) => named !== undefined && line.includes(named))
  const file = named ?? longestIn(text ?? "", paths) ?? manifestOf(evidence, paths)
  const message = text?.replace(/^- /, "") ?? summary
  const line = file === undefined ? undefined : (lineIn(id, file) ?? lineIn(message, file))
  return { id, message, ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) }
}

/** The longest of the paths that stand in a text as words of their own. */
function longestIn(text: string, paths: readonly string[]): string | undefined {
  const stands = (path: string) => {
    for (let at = text.indexOf(path); at !== -1; at = text.indexOf(path, at + 1)) {
      const around = `${text[at - 1] ?? " "}${text[at + path.length] ?? " "}`
      if (!/^[\w./-]|[\w/-]$/.test(around)) return true
    }
    return false
  }
  return paths.filter(stands).sort((a, b) => b.length - a.length)[0]
}

/** What is said of a package is said of where it is written down: the manifest that changes, else its lock file. */
function manifestOf({ check }: Evidence, paths: readonly string[]): string | undefined {
  if (check !== "dependencies_ok") return undefined
  const wrote = paths.find((path) => ecosystemOfManifest(path) !== undefined)
  return wrote ?? paths.find((path) => ecosystemOfLock(path) !== undefined)
}

/** `src/add.js:12` in a stack trace or a message. */
function lineIn(message: string, file: string): number | undefined {
  const at = message.indexOf(`${file}:`)
  const digits = at === -1 ? undefined : /^\d+/.exec(message.slice(at + file.length + 1))?.[0]
  const line = Number(digits)
  return Number.isInteger(line) && line > 0 ? line : undefined
}
