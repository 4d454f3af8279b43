import type { Evidence, Issue, Measurement, Report, TestResult } from "./evidence.ts"
import { judgeNumbers } from "./judge-numbers.ts"

/** What the finding asks of one check: nothing of its own, certain ids, or the check as a whole. */
export type Named = { is: "nothing" } | { is: "ids"; ids: readonly string[] } | { is: "whole" }

/** What one measurement of the head means beside the same measurement of the base. */
export type Judgement = Pick<Evidence, "outcome" | "ran" | "summary" | "failing" | "preexisting" | "caveats"> & {
  blame?: NonNullable<Evidence["blame"]>
  feedback?: string
  class?: NonNullable<Evidence["class"]>
  flaky?: string[]
  command?: string
  artifacts?: string[]
  sandboxed?: boolean
}

const MAX_FEEDBACK_CHARS = 12_000
const MAX_MESSAGE_CHARS = 1_500
const MAX_LISTED = 20

/** Judges one check's measurement of the head against that of the base, whatever kind of report it is. */
export function judgeMeasured(base: Measurement, head: Measurement, named: Named): Judgement {
  if (head.result.is === "error") return judgeError(base, head.result)
  const report = head.result.report
  const before = base.result.is === "report" ? base.result.report : undefined
  if (before !== undefined && before.kind !== report.kind) {
    return makersError(
      `The check reported ${before.kind} on the base and ${report.kind} on the head: they can't be compared.`,
    )
  }
  switch (report.kind) {
    case "tests":
      return judgeTests(base, head, named)
    case "issues":
      return judgeIssues(base, head, named)
    case "numbers":
      return judgeNumbers([base], [head])
    case "exit":
      return judgeExit(base, head, named)
  }
}

/**
 * Accepted when every named test is seen to pass by its id, and no test that passed on the base fails, vanishes,
 * is skipped or becomes a todo. What is red on both blocks nothing, unless it is named.
 */
export function judgeTests(base: Measurement, head: Measurement, named: Named): Judgement {
  if (head.result.is === "error") return judgeError(base, head.result)
  const before = testsOf(base)
  const after = testsOf(head)
  if (after === undefined) return makersError("The head's report holds no tests.")
  const results = [...after.values()].flat()
  const ran = results.filter((test) => test.status === "passed" || test.status === "failed").length
  if (ran === 0) return ranNothing(before, results.length)

  const wanted = named.is === "ids" ? new Set(named.ids) : new Set<string>()
  const trouble = new Map<string, string>()
  const preexisting: string[] = []
  for (const [id, tests] of before ?? []) {
    const why = regression(tests, after.get(id) ?? [])
    if (why !== undefined) trouble.set(id, why)
    else if (tests.some(isRed) && after.get(id)?.some(isRed) && !wanted.has(id)) preexisting.push(id)
  }
  for (const [id, tests] of after) {
    if (before?.has(id) !== true && tests.some(isRed)) {
      trouble.set(
        id,
        before === undefined
          ? `fails (the base could not be measured)${said(tests)}`
          : `is new, and fails${said(tests)}`,
      )
    }
  }
  for (const id of wanted) {
    const tests = after.get(id) ?? []
    if (!allPassed(tests)) trouble.set(id, namedTrouble(tests))
  }
  if (named.is === "whole")
    for (const id of preexisting.splice(0)) trouble.set(id, `still fails${said(after.get(id) ?? [])}`)

  const caveats = before === undefined ? ["The base could not be measured, so nothing shows what passed there."] : []
  const mended = [...(before ?? [])].filter(([id, tests]) => tests.some(isRed) && allPassed(after.get(id) ?? [])).length
  return verdictOnIds({ trouble, preexisting, ran, mended, base, head, caveats, named, noun: "test" })
}

/** Nothing new by fingerprint, counted; and the named ones gone. */
function judgeIssues(base: Measurement, head: Measurement, named: Named): Judgement {
  if (head.result.is === "error") return judgeError(base, head.result)
  const before = issuesOf(base)
  const after = issuesOf(head)
  if (after === undefined) return makersError("The head's report holds no issues.")
  const wanted = named.is === "ids" ? new Set(named.ids) : new Set<string>()
  const trouble = new Map<string, string>()
  const preexisting: string[] = []
  for (const [fingerprint, issues] of after) {
    const known = before?.get(fingerprint)?.length ?? 0
    if (wanted.has(fingerprint)) trouble.set(fingerprint, `is still there: ${placed(issues)}`)
    else if (issues.length > known) trouble.set(fingerprint, `is new: ${placed(issues.slice(known))}`)
    else if (named.is === "whole") trouble.set(fingerprint, `is still there: ${placed(issues)}`)
    else preexisting.push(fingerprint)
  }
  const caveats = before === undefined ? ["The base could not be measured, so every issue counts as new."] : []
  const ran = [...after.values()].flat().length
  return verdictOnIds({ trouble, preexisting, ran, mended: 0, base, head, caveats, named, noun: "issue" })
}

/** Believed by its exit code alone, which can't tell one failure from another. */
function judgeExit(base: Measurement, head: Measurement, named: Named): Judgement {
  if (head.result.is === "error") return judgeError(base, head.result)
  const after = exitOf(head)
  if (after === undefined) return makersError("The head's report holds no exit code.")
  const before = exitOf(base)
  const caveats = ["Believed by its exit code alone: nothing shows what it looked at."]
  if (after === 0)
    return { outcome: "pass", ran: 1, summary: `\`${head.check}\` exits 0`, failing: [], preexisting: [], caveats }
  if (before !== undefined && before !== 0 && named.is === "nothing") {
    caveats.push("Red on base and head alike: whether the change made it worse can't be seen.")
    return {
      outcome: "pass",
      ran: 1,
      summary: `\`${head.check}\` exits ${after}, as it does on the base (${before})`,
      failing: [],
      preexisting: [head.check],
      caveats,
    }
  }
  const was =
    before === undefined
      ? "the base could not be measured"
      : before === 0
        ? "it exits 0 on the base"
        : "it must exit 0 for this finding"
  return {
    outcome: "fail",
    blame: "maker",
    ran: 1,
    summary: `\`${head.check}\` exits ${after}; ${was}`,
    feedback: `\`${head.command}\` exits ${after}; ${was}.`,
    failing: [head.check],
    preexisting: [],
    caveats,
  }
}

type Ids = {
  trouble: ReadonlyMap<string, string>
  preexisting: string[]
  ran: number
  /** Tests that are red on the base, and pass now. */
  mended: number
  base: Measurement
  head: Measurement
  caveats: string[]
  named: Named
  noun: "test" | "issue"
}

function verdictOnIds({ trouble, preexisting, ran, mended, base, head, caveats, named, noun }: Ids): Judgement {
  const failing = [...trouble.keys()].sort()
  const facts = { ran, failing, preexisting: preexisting.sort() }
  const old = preexisting.length === 0 ? "" : `; ${count(preexisting.length, noun)} red on the base too`
  if (failing.length > 0) {
    return {
      ...facts,
      outcome: "fail",
      blame: "maker",
      summary: `${count(failing.length, noun)} of ${ran} in the way: ${failing.slice(0, 3).join("; ")}${failing.length > 3 ? "; …" : ""}${old}`,
      feedback: listed(head.check, trouble, failing),
      caveats,
    }
  }
  const exits = head.exitCode
  if (exits !== null && exits !== 0 && preexisting.length === 0) {
    // All is well by the report, yet the command is unhappy: an unhandled error, a coverage threshold, a tool that broke late.
    if (base.exitCode === 0) {
      const summary = `\`${head.check}\` reports nothing red, yet exits ${exits}; it exits 0 on the base`
      return {
        ...facts,
        outcome: "fail",
        blame: "maker",
        summary,
        feedback: `${summary}. Something beside the ${noun}s fails.`,
        failing: [`${head.check} exits ${exits}`],
        caveats,
      }
    }
    caveats = [...caveats, `The command exits ${exits} though its report shows nothing red.`]
  }
  const seen =
    named.is === "ids" && named.ids.length > 0
      ? `, ${noun === "test" ? "the named ones seen to pass" : "the named ones gone"}`
      : ""
  const summary =
    noun === "test" ? `${count(ran, noun)} ran, ${lossless(mended)}${seen}${old}` : `nothing new${seen}${old}`
  return { ...facts, outcome: "pass", summary, caveats }
}

function lossless(mended: number): string {
  if (mended === 0) return "nothing that passed on the base is lost"
  return `${count(mended, "test")} that failed on the base ${mended === 1 ? "passes" : "pass"} now; nothing that passed is lost`
}

function judgeError(base: Measurement, error: Extract<Measurement["result"], { is: "error" }>): Judgement {
  const facts = { outcome: "error" as const, ran: 0, failing: [], preexisting: [], caveats: [] }
  if (error.code === "stopped") {
    return { ...facts, blame: "infrastructure", summary: `The measurement was stopped: ${error.why}` }
  }
  if (base.result.is === "error") {
    const summary = `It can't be measured on the base either (${base.result.code}: ${base.result.why}); on the head: ${error.code}: ${error.why}`
    return { ...facts, blame: "infrastructure", summary: clip(summary, MAX_MESSAGE_CHARS) }
  }
  return makersError(`${error.code}: ${error.why}`)
}

/** It worked on the base: whatever broke it came with the head. */
function makersError(why: string): Judgement {
  const summary = clip(why, MAX_MESSAGE_CHARS)
  return {
    outcome: "error",
    blame: "maker",
    ran: 0,
    summary,
    feedback: `The check could not be read with your change, and could without it: ${summary}`,
    failing: [],
    preexisting: [],
    caveats: [],
  }
}

function ranNothing(before: ReadonlyMap<string, TestResult[]> | undefined, reported: number): Judgement {
  const passedBefore = [...(before?.values() ?? [])].flat().some((test) => test.status === "passed")
  const why = reported === 0 ? "no test ran" : `all ${reported} tests are skipped or todo`
  if (before === undefined || !passedBefore) {
    return {
      outcome: "error",
      blame: "infrastructure",
      ran: 0,
      summary: `${why}, on base and head alike`,
      failing: [],
      preexisting: [],
      caveats: [],
    }
  }
  return makersError(`ran_nothing: ${why}; on the base they did`)
}

/** Why an id that the base knows is worse on the head; undefined where it is not. Ids may come more than once. */
function regression(before: readonly TestResult[], after: readonly TestResult[]): string | undefined {
  const reds = after.filter(isRed).length
  if (reds > before.filter(isRed).length) return `fails now, and did not on the base${said(after)}`
  const passed = (tests: readonly TestResult[]) => tests.filter((test) => test.status === "passed").length
  if (!before.some((test) => test.status === "passed") || passed(after) >= passed(before)) return undefined
  const idle = after.find((test) => test.status === "skipped" || test.status === "todo")
  if (idle !== undefined)
    return idle.status === "todo" ? "is a todo now; it passed on the base" : "is skipped now; it passed on the base"
  // Red ones of the base that turned green may hide one that vanished: passes are counted, not ids.
  return after.length < before.length ? "is gone; it passed on the base" : undefined
}

function namedTrouble(tests: readonly TestResult[]): string {
  if (tests.length === 0) return "must be seen to pass, and did not run"
  if (tests.some(isRed)) return `must pass, and still fails${said(tests)}`
  return "must be seen to pass, and is skipped"
}

function listed(check: string, trouble: ReadonlyMap<string, string>, ids: readonly string[]): string {
  const lines = ids.slice(0, MAX_LISTED).map((id) => `- ${id} ${trouble.get(id) ?? ""}`)
  const more = ids.length > MAX_LISTED ? [`… and ${ids.length - MAX_LISTED} more`] : []
  return clip([`\`${check}\` is not satisfied:`, ...lines, ...more].join("\n"), MAX_FEEDBACK_CHARS)
}

function placed(issues: readonly Issue[]): string {
  const [first] = issues
  if (first === undefined) return ""
  const times = issues.length > 1 ? ` (${issues.length} times)` : ""
  return `${first.rule} in ${first.file}${first.line === undefined ? "" : `:${first.line}`}: ${clip(first.message, MAX_MESSAGE_CHARS)}${times}`
}

function said(tests: readonly TestResult[]): string {
  const message = tests.find((test) => isRed(test) && test.message !== undefined)?.message?.trim()
  return message === undefined || message === "" ? "" : `: ${clip(message, MAX_MESSAGE_CHARS)}`
}

const isRed = (test: TestResult) => test.status === "failed"
const allPassed = (tests: readonly TestResult[]) => tests.length > 0 && tests.every((test) => test.status === "passed")

function testsOf(measurement: Measurement): Map<string, TestResult[]> | undefined {
  const report = reportOf(measurement)
  return report?.kind === "tests" ? group(report.tests, (test) => test.id) : undefined
}

function issuesOf(measurement: Measurement): Map<string, Issue[]> | undefined {
  const report = reportOf(measurement)
  return report?.kind === "issues" ? group(report.issues, (issue) => issue.fingerprint) : undefined
}

function exitOf(measurement: Measurement): number | undefined {
  const report = reportOf(measurement)
  return report?.kind === "exit" ? report.exitCode : undefined
}

function reportOf(measurement: Measurement): Report | undefined {
  return measurement.result.is === "report" ? measurement.result.report : undefined
}

function group<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [item])
    else known.push(item)
  }
  return groups
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}

function clip(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} … (${text.length - maxChars} more characters)`
}
