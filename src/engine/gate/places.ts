import { z } from "zod"
import type { Evidence, Measurement } from "../../core/evidence.ts"

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
  const report = measurements.findLast(
    (each) => (each.check === evidence.check || each.command === evidence.command) && each.result.is === "report",
  )
  return evidence.failing
    .slice(0, MAX_PLACES)
    .map((id) => measuredPlace(id, report) ?? wordedPlace(id, evidence, paths))
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

function wordedPlace(id: string, { summary, feedback = "" }: Evidence, paths: readonly string[]): Place {
  const [file] = paths.filter((path) => id.includes(path)).sort((a, b) => b.length - a.length)
  const told = feedback.split("\n").find((line) => line.includes(id) || (file !== undefined && line.includes(file)))
  const message = told?.replace(/^- /, "") ?? summary
  const line = file === undefined ? undefined : lineIn(message, file)
  return { id, message, ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) }
}

/** `src/add.js:12` in a stack trace or a message. */
function lineIn(message: string, file: string): number | undefined {
  const at = message.indexOf(`${file}:`)
  const digits = at === -1 ? undefined : /^\d+/.exec(message.slice(at + file.length + 1))?.[0]
  const line = Number(digits)
  return Number.isInteger(line) && line > 0 ? line : undefined
}
