import type { Measurement } from "../../../core/evidence.ts"
import type { Finding } from "../../../core/finding.ts"
import type { CheckSpec } from "../../../core/loop.ts"
import { offeredAt } from "../../gate/offered.ts"
import { type LeftOut, workingChecks } from "../../gate/working.ts"
import type { Court } from "../court.ts"
import { type Calibration, calibrate } from "../judge-case.ts"
import type { Scratch } from "../scratch.ts"
import { type Material, materialOf } from "./material.ts"
import type { Candidate } from "./mine.ts"

/** A commit of the history that is a fix: its tests fail without its source, and pass with it. */
export type Fix = {
  candidate: Candidate
  material: Material
  /** The parent with the fix's tests: where the finding stands. */
  base: string
  /** The whole fix on that base. */
  reference: string
  finding: Finding
  /** What the project offers on the base. */
  checks: Record<string, CheckSpec>
  /** What it offers and can't be measured there. */
  left: LeftOut[]
  /** The check that shows the finding, and what it said of the reference. */
  check: CheckSpec
  right: Measurement
  calibrated: Calibration
}

export type Opening = { scratch: Scratch; court: Court; signal: AbortSignal }

/** Measures a candidate: a fix with its finding, or why it is none. */
export async function openFix(candidate: Candidate, opening: Opening): Promise<Fix | { why: string }> {
  const { scratch, court, signal } = opening
  const tests = candidate.tests.map(
    ({ path, mode, after }) => [path, after === undefined ? null : { mode, blob: after }] as const,
  )
  const base = await scratch.commit(new Map(tests), candidate.parent)
  const reference = await scratch.graft(candidate.commit, base)
  const { checks, left } = await offeredAndWorking(base, opening)
  const named = Object.values(checks).filter((each) => each.kind === "tests")
  if (named.length === 0) return { why: "the project offers no tests there" }
  for (const check of named) {
    const before = await court.measure(check, { tree: base, base }, signal)
    const right = await court.measure(check, { tree: reference, base }, signal)
    if (right.result.is === "error") return { why: `its tests can't be measured: ${right.result.why}` }
    const ids = mended(before, right)
    if (ids.length === 0) continue
    const finding = findingOf(candidate, check, ids)
    const empty = await scratch.commit(new Map(), base)
    const calibrated = await calibrate({ base, finding, checks, reference, empty }, opening)
    const material = await materialOf(scratch.repo, candidate, signal)
    return { candidate, material, base, reference, finding, checks, left, check, right, calibrated }
  }
  return { why: "no test fails without it and passes with it" }
}

/** What the project offers on a commit, without what does not work there. */
export async function offeredAndWorking(
  commit: string,
  { scratch, court, signal }: Opening,
): Promise<{ checks: Record<string, CheckSpec>; left: LeftOut[] }> {
  const { checks } = await offeredAt(scratch.repo, commit)
  const measure = (check: CheckSpec) => court.measure(check, { tree: commit, base: commit }, signal)
  const { kept, left } = await workingChecks(Object.values(checks), measure)
  return { checks: Object.fromEntries(kept.map((check) => [check.name, check])), left }
}

/** Red or missing before, and seen to pass after. */
function mended(before: Measurement, after: Measurement): string[] {
  const failed = new Set(testsOf(before).flatMap((test) => (test.status === "failed" ? [test.id] : [])))
  return testsOf(after).flatMap((test) => (test.status === "passed" && failed.has(test.id) ? [test.id] : []))
}

/** Whether the fix's own tests tell a tree from the fix; undefined where it can't be measured here. */
export async function provedWrong(fix: Fix, tree: string, { court, signal }: Opening): Promise<boolean | undefined> {
  const measured = await court.measure(fix.check, { tree, base: fix.base }, signal)
  if (measured.result.is === "error") {
    return measured.result.code === "stopped" || measured.result.code === "missing_tool" ? undefined : true
  }
  const passed = new Set(testsOf(measured).flatMap((test) => (test.status === "passed" ? [test.id] : [])))
  return testsOf(fix.right).some((test) => test.status === "passed" && !passed.has(test.id))
}

function testsOf({ result }: Measurement) {
  return result.is === "report" && result.report.kind === "tests" ? result.report.tests : []
}

function findingOf({ commit, subject }: Candidate, check: CheckSpec, ids: string[]): Finding {
  return {
    fingerprint: `audit-${commit}`,
    source: "failing_tests",
    title: subject.slice(0, 200),
    body: "",
    severity: "high",
    attemptable: true,
    reproduce: { check: check.name, ids },
  }
}
