import type { Issue, Measurement } from "../../core/evidence.ts"
import type { Finding, Severity } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Base, Found } from "../../core/ports.ts"
import { fingerprint, type Kind } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"
import { withoutVolatile } from "../volatile.ts"

/** More different problems of one rule in one file than this are one finding. */
const GROUP_OVER = 3
/** Places listed in a body. */
const LISTED = 30

export type AsFindings = { source: string; kind: Extract<Kind, "lint" | "type">; severity: Severity; warnings: boolean }

/**
 * Lint or type problems as findings: one for each different problem, and one for all of a rule in a file when they are
 * many. That depends on the file and the rule alone, so what happens elsewhere never changes a fingerprint.
 */
export function issuesToFindings(
  issues: readonly Issue[],
  check: CheckSpec,
  measurement: Measurement,
  base: Base,
  as: AsFindings,
): Found {
  const errors = issues.filter((issue) => issue.severity === "error")
  // `--max-warnings 0` and its like: the check is red by warnings alone.
  const redByWarnings = errors.length === 0 && measurement.exitCode !== 0
  const taken = as.warnings || redByWarnings ? issues : errors
  const left = issues.length - taken.length
  const notes = [
    `\`${check.name}\` on the base: ${count(errors.length, "error")}, ${count(issues.length - errors.length, "warning")}.`,
  ]
  if (left > 0)
    notes.push(
      `${count(left, "warning")} left out: \`${check.name}\` is not red by them. \`${as.source}(warnings)\` takes them too.`,
    )

  const findings = groupBy(taken, (issue) => `${issue.file}\u0000${issue.rule}`).flatMap((ofRule) => {
    const different = groupBy(ofRule, (issue) => withoutVolatile(issue.message))
    return different.length > GROUP_OVER
      ? [toFinding(ofRule, true, check, base, as)]
      : different.map((same) => toFinding(same, false, check, base, as))
  })
  return { findings, context: [], notes }
}

type Some<T> = [T, ...T[]]

function toFinding(issues: Some<Issue>, grouped: boolean, check: CheckSpec, base: Base, as: AsFindings): Finding {
  const [issue] = issues
  const module = moduleOf(issue.file)
  const where = issues
    .slice(0, LISTED)
    .map(({ file, line, message }) => `${file}${line === undefined ? "" : `:${line}`}: ${message}`)
  const more = issues.length > LISTED ? [`… and ${issues.length - LISTED} more`] : []
  const what = grouped
    ? `${issues.length} × ${issue.rule}`
    : `${issue.rule}: ${oneLine(issue.message, 120).replace(/\.$/, "")}`
  return {
    fingerprint: fingerprint({
      kind: as.kind,
      rule: issue.rule,
      file: issue.file,
      wrong: grouped ? "many" : issue.message,
    }),
    source: as.source,
    title: titleOf(
      `${what}${issue.file === "" ? "" : ` in ${oneLine(issue.file, 80)}`}${!grouped && issues.length > 1 ? ` (${issues.length} places)` : ""}`,
    ),
    body: bodyOf([...where, ...more].join("\n")),
    severity: as.severity,
    ...(module === undefined ? {} : { module }),
    file: issue.file,
    ...(issue.line === undefined ? {} : { line: issue.line }),
    commit: base.sha,
    reproduce: { check: check.name, ids: [...new Set(issues.map(({ fingerprint }) => fingerprint))] },
    attemptable: true,
    confidence: as.kind === "lint" ? 0.9 : 0.85,
    size: issues.length > 50 ? "large" : issues.length > 10 ? "medium" : "small",
  }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Some<T>[] {
  const groups = new Map<string, Some<T>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}
