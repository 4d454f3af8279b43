import type { TestResult } from "../../core/evidence.ts"
import { fingerprinted, numbered, type RawIssue, withoutColour } from "./ids.ts"
import type { ErrorCode, Parsed, RunnerOutput } from "./runner.ts"

/** Longest message kept of one test or issue. */
const MESSAGE_CHARACTERS = 4_000

/** A result that must not be taken for a pass. */
export function error(code: ErrorCode, why: string): Parsed {
  return { is: "error", code, why }
}

/**
 * The report of a test runner, if it is believable: something ran, and the exit code does not contradict it.
 * A red exit under green results (an unhandled rejection, a threshold, a crash after the last test) is no report.
 */
export function testsReport(
  tests: readonly TestResult[],
  { exitCode, stdout, stderr }: RunnerOutput,
  runner: string,
): Parsed {
  if (tests.length === 0) return error("ran_nothing", `${runner} found no tests (exit ${exitCode ?? "by a signal"}).`)
  const red = tests.some((test) => test.status === "failed")
  if (exitCode !== 0 && !red) {
    return error(
      "crashed",
      `${runner} exited ${exitCode ?? "by a signal"} although it reported no failed test: ${tail(stderr, stdout)}`,
    )
  }
  if (!tests.some((test) => test.status === "passed" || test.status === "failed")) {
    return error("ran_nothing", `${runner} ran none of its ${tests.length} tests: all are skipped or todo.`)
  }
  const unique = numbered(tests, (test) => test.id).map(({ item, id }) => ({
    ...item,
    id,
    ...(item.message === undefined ? {} : { message: withoutColour(item.message).slice(0, MESSAGE_CHARACTERS) }),
  }))
  return { is: "report", report: { kind: "tests", tests: unique } }
}

/** The report of a linter or type checker; a red exit without any issue is a crash. `redExits` are the codes that mean "issues". */
export function issuesReport(
  issues: readonly RawIssue[],
  output: RunnerOutput,
  runner: string,
  redExits: readonly number[] = [1],
): Parsed {
  const { exitCode, stderr, stdout } = output
  const believable = exitCode === 0 || (exitCode !== null && redExits.includes(exitCode) && issues.length > 0)
  if (!believable) {
    const also = issues.length === 0 ? "without reporting an issue" : `after reporting ${issues.length} issues`
    return error("crashed", `${runner} exited ${exitCode ?? "by a signal"} ${also}: ${tail(stderr, stdout)}`)
  }
  const short = issues.map((issue) => ({
    ...issue,
    message: withoutColour(issue.message).slice(0, MESSAGE_CHARACTERS),
  }))
  return { is: "report", report: { kind: "issues", issues: fingerprinted(short, output.root) } }
}

/** A machine format that is missing or broken off: the run did not get to its end, or never began. */
export function noReport(output: RunnerOutput, runner: string): Parsed {
  const { exitCode, stdout, stderr, report } = output
  if (report !== undefined && report.trim() !== "")
    return error(
      "unfinished",
      `${runner}'s report is cut off: it did not run to its end (exit ${exitCode ?? "by a signal"}).`,
    )
  if (exitCode === 0)
    return error(
      "unfinished",
      `${runner} exited 0 without writing its report: something ended the process early. ${tail(stderr, stdout)}`.trim(),
    )
  return error("crashed", `${runner} exited ${exitCode ?? "by a signal"} without a report: ${tail(stderr, stdout)}`)
}

/** The last words of a program, for people. */
export function tail(...streams: string[]): string {
  const text = streams.map((stream) => withoutColour(stream).trim()).find((stream) => stream !== "")
  if (text === undefined) return "it said nothing."
  const lines = text.split("\n").slice(-15)
  return lines.join("\n").slice(-1_500)
}

/** JSON as unknown, or undefined where it does not parse. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One value per line, as JSON; lines that are something else are left out. */
export function jsonLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map(jsonOf)
    .filter((value) => value !== undefined)
}
