import { existsSync, readFileSync } from "node:fs"
import type { Measurement, Report } from "../../core/evidence.ts"
import { Failure } from "../../core/failure.ts"
import type { CheckKind, CheckSpec, Loop } from "../../core/loop.ts"
import type { Found, SourceContext } from "../../core/ports.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, oneLine } from "../text.ts"

/** What a source that reads a check is: the kinds of check it reads, and the name that is tried first. */
export type Reads = { kind: CheckKind; usual: string }

/**
 * The checks a source measures: those it is called with, else the usual one, else all of the kind.
 * A name that is no check of the loop comes back in `unknown`.
 */
function checksFor(loop: Loop, reads: Reads, names: readonly string[]): { checks: CheckSpec[]; unknown: string[] } {
  const runnable = Object.values(loop.checks).filter((check) => check.kind !== "builtin" && check.run !== undefined)
  if (names.length > 0) {
    const checks = names.flatMap((name) => runnable.find((check) => check.name === name) ?? [])
    return { checks, unknown: names.filter((name) => !checks.some((check) => check.name === name)) }
  }
  const usual = runnable.find((check) => check.name === reads.usual)
  const ofKind = runnable.filter(({ kind, name }) => kind === reads.kind && !ownRoles.has(name))
  return { checks: usual === undefined ? ofKind : [usual], unknown: [] }
}

/** What these say is asked for by their own names: a scanner's word is no lint finding. */
const ownRoles: ReadonlySet<string> = new Set(["security", "architecture"])

/** Why a source has nothing to read here; undefined when it has. */
export function noCheck(loop: Loop, reads: Reads): string | undefined {
  if (checksFor(loop, reads, []).checks.length > 0) return undefined
  return `No check named \`${reads.usual}\` is declared, and the project declares none of its kind; add one to \`.flyball/checks.yaml\`.`
}

/**
 * Measures each check on the base and hands what was read to `read`; what could not be read is a note, never a finding.
 * Throws Failure NOT_MEASURED when that is all that there is to say of the tests: silence is not green.
 */
export async function measured(
  context: SourceContext,
  reads: Reads,
  names: readonly string[],
  read: (report: Report, check: CheckSpec, measurement: Measurement) => Found,
): Promise<Found> {
  const { checks, unknown } = checksFor(context.loop, reads, names)
  const found: Found = { findings: [], context: [], notes: [] }
  for (const name of unknown) found.notes.push(`\`${name}\` is no check of this loop that can be run; skipped.`)
  if (checks.length === 0 && unknown.length === 0) found.notes.push(noCheck(context.loop, reads) ?? "")
  let unread = 0
  for (const check of checks) {
    context.progress({ verb: "discover", text: `measuring ${check.name} on ${context.base.branch}` })
    const measurement = await context.prober.measure(check, context.base.sha, context.signal)
    const { result } = measurement
    if (result.is === "error") {
      const why = `\`${check.name}\` could not be measured on the base (${result.code}): ${oneLine(result.why, 300)}`
      found.notes.push(why)
      unread += 1
      if (reads.kind === "tests" && unread === checks.length)
        throw new Failure("NOT_MEASURED", why, { hint: "`flyball doctor` says what is missing here.", retry: "person" })
      continue
    }
    const more =
      result.report.kind === "exit"
        ? fromExit(result.report.exitCode, check, measurement, context)
        : read(result.report, check, measurement)
    found.findings.push(...more.findings)
    found.notes.push(...more.notes)
  }
  return found
}

/** A check that nothing reads: its exit code is one finding, which says so. */
function fromExit(exitCode: number, check: CheckSpec, measurement: Measurement, { base }: SourceContext): Found {
  if (exitCode === 0) return { findings: [], context: [], notes: [] }
  const command = oneLine([check.run ?? []].flat().join(" "), 120)
  return {
    findings: [
      {
        fingerprint: fingerprint({ kind: "exit", rule: check.name, wrong: measurement.command }),
        source: check.name,
        title: oneLine(`${check.name} is red: \`${command}\` ends with exit code ${exitCode}`, 160),
        body: bodyOf(
          `Nothing reads the output of \`${command}\`: its exit code (${exitCode}) is all that is known, so this is one finding, however many things are wrong.${saidAtTheEnd(measurement)}`,
        ),
        severity: check.kind === "lint" ? "low" : check.kind === "types" ? "medium" : "high",
        commit: base.sha,
        reproduce: { check: check.name, ids: [] },
        attemptable: true,
        confidence: 0.5,
        size: "medium",
      },
    ],
    context: [],
    notes: [`\`${check.name}\` was read by its exit code alone: no known format.`],
  }
}

/** The arguments of a source that are names of checks. */
export function namesIn(args: readonly (string | number | boolean)[]): string[] {
  return args.filter((arg) => typeof arg === "string")
}

const LAST_CHARS = 3_000

/** The end of what the command printed: for people and makers to read, never a part of what the finding is known by. */
function saidAtTheEnd({ artifact }: Measurement): string {
  if (artifact === undefined || !existsSync(artifact)) return ""
  const text = readFileSync(artifact, "utf8").trimEnd()
  return `\n\n${text.length > LAST_CHARS ? `…${text.slice(-LAST_CHARS)}` : text}`
}
