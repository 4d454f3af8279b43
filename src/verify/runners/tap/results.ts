import type { TestResult } from "../../../core/evidence.ts"
import { type FailureKind, javascriptFailure } from "../failure.ts"
import { testId } from "../ids.ts"
import { error, noReport, tail, testsReport } from "../outcome.ts"
import type { Parsed, RunnerOutput, TreeFiles } from "../runner.ts"
import { type Ran, ranAlone } from "./each.ts"
import { type Diagnostic, readTap, TAP_CHARACTERS, TOO_MUCH } from "./lines.ts"
import { type Dialect, lastHeading, type Told, testsIn, worst } from "./tests.ts"

/** How a red point failed, by what is said of it, what stands behind it, and the test's file. */
export type Classify = (red: Told["red"][number], file: string | undefined, root: string) => FailureKind

/** What a file's process said as it died: `said` is its standard error. */
export type Died = (said: string, file: string, root: string) => FailureKind

export type Reading = {
  runner: string
  dialect: Dialect
  classify: Classify
  died: Died
  /** The file that a test stands in, where one that is run brings others in. */
  where?: (names: readonly string[], file: string, tree: TreeFiles) => string
}

/** The report of files that were run each in a process of its own. */
export function reportOfEach(output: RunnerOutput, reading: Reading): Parsed {
  const ran = ranAlone(output.report)
  if (ran === undefined) return noReport(output, reading.runner)
  const characters = ran.reduce((sum, each) => sum + each.tap.length, 0)
  if (characters > TAP_CHARACTERS) return error("unreadable", `${reading.runner}: ${TOO_MUCH}.`)
  const results: TestResult[] = []
  for (const each of ran) {
    const told = resultsOfFile(each, output, reading)
    if (!Array.isArray(told)) return told
    results.push(...told)
  }
  return testsReport(results, output, reading.runner)
}

function resultsOfFile(ran: Ran, output: RunnerOutput, reading: Reading): TestResult[] | Parsed {
  const { file, exit, stderr } = ran
  const { runner, dialect, died, where = () => file } = reading
  const tap = readTap(ran.tap)
  const isRemark = remarksOf(output.tree.read(file))
  const results = testsIn(tap, dialect, isRemark).map((test) =>
    resultOf(withWords(test, stderr), where(test.names, file, output.tree), output.root, reading),
  )
  if (exit === 0 && tap.bailed === undefined) {
    if (!tap.isTap) return []
    if (tap.planned) return results
    const why = `${file} exited 0, and what it printed is no whole TAP: its plan is missing, or is not what it ran. Something ended it early, or printed lines of TAP of its own.`
    return error("unfinished", `${runner}: ${why}`)
  }
  if (results.some((test) => test.status === "failed") && tap.planned) return results
  // It died: in the test that it was in, or, before there was one, as a whole.
  const said = tail(stderr, tap.bailed ?? "")
  const heading = dialect === "assertions" ? lastHeading(tap, isRemark) : undefined
  const asserted = heading !== undefined && results.some((test) => test.name === heading)
  const names = heading === undefined || (tap.planned && asserted) ? [] : [heading]
  const place = where(names, file, output.tree)
  const dead: TestResult = {
    id: testId([place, ...names]),
    file: place,
    name: names[0] ?? file,
    status: "failed",
    failure: names.length === 0 && !tap.isTap ? "error" : died(stderr, place, output.root),
    message: said,
  }
  const others = results.filter((test) => test.id !== dead.id || test.status === "failed")
  return others.some((test) => test.id === dead.id) ? others : [...others, dead]
}

/** What Perl's tests say of a failure stands on standard error. */
function withWords(test: Told, stderr: string): Told {
  const red = test.red.map(({ point, comments }) => {
    const at = comments.length > 0 ? -1 : stderr.indexOf(`Failed test '${point.name.replace(/^- /, "")}'`)
    return {
      point,
      comments: at === -1 ? comments : [stderr.slice(at, at + 600).split(/\n(?!#)|\n# {3}Failed/)[0] ?? ""],
    }
  })
  return { ...test, red }
}

/** One test as the gate knows it; `file` unset: TAP does not say where it stands. */
export function resultOf(
  test: Told,
  file: string | undefined,
  root: string,
  { classify }: Pick<Reading, "classify">,
): TestResult {
  const name = test.names.length === 0 ? (file ?? "(no name)") : test.names.join(" > ")
  const { status, ms, red } = test
  const message = red.map(({ point, comments }) => told(point.name, point.said, comments)).join("\n\n")
  return {
    id: testId([file, ...test.names]),
    ...(file === undefined ? {} : { file }),
    name,
    status,
    ...(status === "failed" ? { failure: worst(red.map((each) => classify(each, file, root))), message } : {}),
    ...(ms === undefined ? {} : { ms }),
  }
}

/** A failed point in words: what it is called, what was found and wanted, and where. */
function told(name: string, said: Diagnostic, comments: readonly string[]): string {
  const lines = [
    "message",
    "operator",
    "expected",
    "actual",
    "wanted",
    "found",
    "diff",
    "details",
    "at",
    "stack",
  ].flatMap((key) => (said[key] === undefined || said[key] === "" ? [] : [`${key}: ${wordsOf(said[key])}`]))
  return [name, ...lines, ...comments].join("\n")
}

function wordsOf(value: unknown): string {
  if (typeof value === "string") return value.trimEnd()
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

/** The text under a key of a diagnostic. */
export function textAt(said: Diagnostic, key: string): string {
  const value = said[key]
  return typeof value === "string" ? value : ""
}

/** What JavaScript says as it dies. */
export const javascriptDied: Died = (said, file, root) => {
  // Node puts the line of source in front of the error.
  const lines = said.split("\n")
  const at = lines.findIndex((line) => /^(?:Uncaught )?\w*(?:Error|Exception)\b.*|^AssertionError/.test(line))
  return javascriptFailure(lines.slice(Math.max(at, 0)).join("\n"), file, root)
}

/** Comments that a test itself makes (`t.comment("…")`), which would look like the name of the next one. */
function remarksOf(text: string | undefined): (comment: string) => boolean {
  const remarks = [...(text ?? "").matchAll(/\.comment\(\s*(["'`])((?:(?!\1)[^\\\n])*)/g)].map((match) => {
    const words = (match[2] ?? "").split("${")[0] ?? ""
    return words.trim()
  })
  return (comment) => remarks.some((words) => (words === "" ? false : comment.startsWith(words)))
}
