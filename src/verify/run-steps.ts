import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join, posix } from "node:path"
import type { Issue, Report, TestResult } from "../core/evidence.ts"
import { lastNumber } from "../core/judge-metrics.ts"
import type { Checkout, Sandbox } from "../core/ports.ts"
import { type Ran, run } from "../lib/process.ts"
import { fromRoot, toFolder } from "./in-folder.ts"
import type { Picked } from "./measuring.ts"
import { onlyLooks } from "./only-looks.ts"
import { fingerprinted, numbered, type RawIssue } from "./runners/ids.ts"
import { tail } from "./runners/outcome.ts"
import { canBeThere } from "./runners/pick.ts"
import type { Parsed, RunnerOutput, TreeFiles } from "./runners/runner.ts"
import type { Plan, Step } from "./script.ts"

/** Where and under what limits the commands of one measurement run. */
export type Place = {
  checkout: Checkout
  /** The folder of the checkout that the commands run in, and that their runners take for the root; unset: the root. */
  folder?: string
  sandbox: Sandbox
  /** The whole environment of each command. */
  env: Record<string, string>
  /** Folders outside the tree: what commands write (`reports`), what they only read (`supplied`), and their HOME and TMPDIR. */
  scratch: { reports: string; supplied: string; home: string; tmp: string }
  readable: string[]
  /** These tests alone, where the runner can pick them. */
  only?: readonly Picked[]
  deadline: number
  signal: AbortSignal
}

/** What was run and what it came to. */
export type Outcome = {
  result: Parsed
  exitCode: number | null
  sandboxed: boolean
  /** Whether `only` was heeded. */
  alone?: boolean
  transcript: { text: string; ran: Ran }[]
}

/** Output of one command kept for reading machine formats from. */
const OUTPUT_BYTES = 64 * 1024 * 1024

/** Runs a plan's commands in order and reads what they report as one result. */
export async function runPlan(plan: Exclude<Plan, { is: "missing" }>, kind: string, given: Place): Promise<Outcome> {
  if (plan.is === "whole") return runWhole(plan.argv, kind, given)
  const place = asRunnersKnow(given)
  const tree = filesOf(place.checkout.path, place.folder)
  const transcript: Outcome["transcript"] = []
  if (place.only !== undefined && !canBeThere(place.only, tree)) {
    const why = `None of the named tests is in this tree: ${place.only
      .slice(0, 3)
      .map((test) => test.id)
      .join(", ")}`
    return { result: { is: "error", code: "ran_nothing", why }, exitCode: null, sandboxed: true, transcript }
  }
  // Which of several runners a test belongs to can't be told: then all of them run.
  const runners = plan.steps.filter((step) => step.runner?.kind === "tests").length
  const here = runners === 1 ? place : withoutOnly(place)
  let alone = false
  const parts: Part[] = []
  let sandboxed = true
  let exitCode: number | null = 0
  for (const [index, step] of plan.steps.entries()) {
    const done = await runStep(step, index, tree, here)
    alone = alone || done.alone
    sandboxed = sandboxed && done.sandboxed
    transcript.push({ text: step.text, ran: done.ran })
    if (done.ran.exitCode !== 0) exitCode = done.ran.exitCode
    const stopped = stoppedEarly(done.ran, step.text)
    if (stopped !== undefined) return { result: stopped, exitCode, sandboxed, transcript }
    if (done.parsed?.is === "error") return { result: done.parsed, exitCode, sandboxed, transcript }
    // A step that only prepares is a condition of all that follows; a checker beside the wanted one is not.
    const prepares = step.runner === undefined && !onlyLooks(step.argv)
    if (prepares && done.ran.exitCode !== 0 && index < plan.steps.length - 1) {
      const result: Parsed = {
        is: "error",
        code: "crashed",
        why: `\`${step.text}\` exited ${done.ran.exitCode} before the rest could run: ${tail(done.ran.stderr, done.ran.stdout)}`,
      }
      return { result, exitCode, sandboxed, transcript }
    }
    parts.push({
      step,
      exitCode: done.ran.exitCode,
      report: done.parsed?.report,
      said: tail(done.ran.stderr, done.ran.stdout),
    })
  }
  return {
    result:
      kind === "numbers"
        ? numbersOf(parts)
        : { is: "report", report: kind === "tests" ? testsOf(parts) : issuesOf(parts) },
    exitCode,
    sandboxed,
    alone,
    transcript,
  }
}

/** The tests that are asked for, as runners in the folder name them. */
function asRunnersKnow(place: Place): Place {
  const { only, folder } = place
  return only === undefined || folder === undefined ? place : { ...place, only: toFolder(only, folder) }
}

function withoutOnly({ only: _only, ...place }: Place): Place {
  return place
}

type Part = { step: Step; exitCode: number | null; report: Report | undefined; said: string }

/** All tests of all runners; any other command is one result more, by its exit code. */
function testsOf(parts: readonly Part[]): Report {
  const tests = parts.flatMap(({ step, exitCode, report, said }): TestResult[] => {
    if (report?.kind === "tests") return report.tests
    const id = `$ ${step.text}`
    return [exitCode === 0 ? { id, name: id, status: "passed" } : { id, name: id, status: "failed", message: said }]
  })
  return { kind: "tests", tests: numbered(tests, (test) => test.id).map(({ item, id }) => ({ ...item, id })) }
}

/** All issues of all linters; any other command that fails is one issue more. */
function issuesOf(parts: readonly Part[]): Report {
  const issues = parts.flatMap(({ step, exitCode, report }): Issue[] => {
    if (report?.kind === "issues") return report.issues
    const failed: RawIssue = {
      rule: "exit",
      file: "",
      message: `\`${step.text}\` exited ${exitCode}`,
      severity: "error",
    }
    return exitCode === 0 ? [] : fingerprinted([failed], "")
  })
  const unique = numbered(issues, (issue) => issue.fingerprint).map(({ item, id }) => ({ ...item, fingerprint: id }))
  return { kind: "issues", issues: unique }
}

/** All numbers of all benchmarks; any other command that fails leaves nothing to believe. */
function numbersOf(parts: readonly Part[]): Parsed {
  const failed = parts.find(({ report, exitCode }) => report === undefined && exitCode !== 0)
  if (failed !== undefined)
    return { is: "error", code: "crashed", why: `\`${failed.step.text}\` exited ${failed.exitCode}: ${failed.said}` }
  const numbers = parts.flatMap(({ report }) => (report?.kind === "numbers" ? report.numbers : []))
  const unique = numbered(numbers, (number) => number.id).map(({ item, id }) => ({ ...item, id }))
  return { is: "report", report: { kind: "numbers", numbers: unique } }
}

async function runWhole(argv: readonly string[], kind: string, place: Place): Promise<Outcome> {
  const { ran, sandboxed } = await confined(argv, {}, place)
  const transcript = [{ text: argv.join(" "), ran }]
  const stopped = stoppedEarly(ran, argv.join(" "))
  if (stopped !== undefined) return { result: stopped, exitCode: ran.exitCode, sandboxed, transcript }
  const exitCode = ran.exitCode ?? 1
  if (kind === "numbers") return { result: printedNumber(ran, argv.join(" ")), exitCode, sandboxed, transcript }
  return { result: { is: "report", report: { kind: "exit", exitCode } }, exitCode, sandboxed, transcript }
}

/** The one number that a command of unknown format is asked for: the last it printed, if it ended well. */
function printedNumber(ran: Ran, text: string): Parsed {
  const said = tail(ran.stderr, ran.stdout)
  if (ran.exitCode !== 0)
    return {
      is: "error",
      code: "crashed",
      why: `\`${text}\` exited ${ran.exitCode}, so its number is not believed: ${said}`,
    }
  const value = lastNumber(ran.stdout)
  if (value === undefined) return { is: "error", code: "unreadable", why: `\`${text}\` printed no number: ${said}` }
  return {
    is: "report",
    report: { kind: "numbers", numbers: [{ id: "printed number", better: "lower", samples: [value] }] },
  }
}

async function runStep(step: Step, index: number, tree: TreeFiles, place: Place) {
  const { runner } = step
  if (runner === undefined)
    return { ...(await confined(withShell(step.argv, step.globs), step.env, place)), alone: false, parsed: undefined }
  const reportDir = join(place.scratch.reports, String(index))
  const supplied = join(place.scratch.supplied, String(index))
  mkdirSync(reportDir, { recursive: true })
  mkdirSync(supplied, { recursive: true })
  const only = place.only === undefined ? {} : { only: place.only }
  const command = runner.command({ argv: step.argv, reportDir, supplied, tree, ...only })
  for (const [name, text] of Object.entries(command.supplies ?? {})) writeFileSync(join(supplied, name), text)
  const { ran, sandboxed } = await confined(
    withShell(command.argv, step.globs),
    joined(step.env, command.env ?? {}),
    place,
  )
  const alone = command.alone === true
  if (stoppedEarly(ran, step.text) !== undefined) return { ran, sandboxed, alone, parsed: undefined }
  return { ran, sandboxed, alone, parsed: read(step, command.reportFile, ran, place, tree) }
}

function read(
  { runner, text }: Step,
  reportFile: string | undefined,
  ran: Ran,
  place: Place,
  tree: TreeFiles,
): Parsed | undefined {
  if (runner === undefined) return undefined
  if (reportFile === undefined && ran.droppedBytes > 0)
    return { is: "error", code: "unreadable", why: `\`${text}\` printed more than can be read.` }
  const report = reportFile === undefined ? undefined : readLimited(reportFile)
  const output: RunnerOutput = {
    root: workingFolder(place),
    report,
    stdout: ran.stdout,
    stderr: ran.stderr,
    exitCode: ran.exitCode,
    tree,
  }
  const parsed = namedFromRoot(runner.parse(output), place)
  const missing = parsed.is === "error" ? missingTool(ran) : undefined
  return missing === undefined ? parsed : { is: "error", code: "missing_tool", why: missing }
}

function namedFromRoot(parsed: Parsed, { folder, checkout }: Place): Parsed {
  return folder === undefined ? parsed : fromRoot(parsed, folder, checkout.path)
}

function workingFolder({ checkout, folder }: Place): string {
  return folder === undefined ? checkout.path : join(checkout.path, folder)
}

/** Ended by a limit, by us, or by the lack of its program: nothing it printed is a result. */
function stoppedEarly(ran: Ran, text: string): Parsed | undefined {
  if (ran.ended === "timeout")
    return {
      is: "error",
      code: "timeout",
      why: `\`${text}\` did not end within its time limit (${Math.round(ran.ms / 1000)} s).`,
    }
  if (ran.ended === "over") return { is: "error", code: "over_limit", why: `\`${text}\` was ended: ${ran.over?.why}.` }
  if (ran.ended === "aborted") return { is: "error", code: "stopped", why: "The measurement was stopped." }
  if (ran.ended === "missing") return { is: "error", code: "missing_tool", why: ran.stderr }
  if (ran.ended === "unready")
    return { is: "error", code: "stopped", why: `The sandbox could not be set up: ${tail(ran.stderr, "")}` }
  if (ran.exitCode === 127)
    return {
      is: "error",
      code: "missing_tool",
      why: `\`${text}\`: a program was not found. ${tail(ran.stderr, ran.stdout)}`,
    }
  const killed = ran.exitCode === null || ran.exitCode === 137 || ran.exitCode === 139 || ran.exitCode === 134
  if (killed)
    return {
      is: "error",
      code: "crashed",
      why: `\`${text}\` was killed (${ran.signal ?? `exit ${ran.exitCode}`}); out of memory, perhaps. ${tail(ran.stderr, ran.stdout)}`,
    }
  return undefined
}

/** Launchers that exist say in words that what they launch does not. */
function missingTool({ stderr, stdout }: Ran): string | undefined {
  const said = `${stderr}\n${stdout}`.slice(0, 100_000)
  const found =
    /^.*: No module named ['"]?[\w.]+['"]?$/m.exec(stderr.split("\n").slice(-3).join("\n"))?.[0] ??
    /^error: no such command: .*$/m.exec(said)?.[0] ??
    /^error: '[\w-]+' is not installed for the toolchain.*$/m.exec(said)?.[0] ??
    /^Error: Cannot find module '[^']*\/node_modules\/(?:\.bin\/)?[^']*(?:bin|cli)[^']*'$/m.exec(
      stderr.split("\n").slice(0, 12).join("\n"),
    )?.[0]
  return found === undefined ? undefined : `A tool of this check is not installed: ${found}`
}

async function confined(
  argv: readonly string[],
  env: Record<string, string>,
  place: Place,
): Promise<{ ran: Ran; sandboxed: boolean }> {
  const { checkout, sandbox, scratch } = place
  // Started by a shell's `exec`, a missing program is exit 127 under every sandbox.
  const words = argv[0] === "sh" ? [...argv] : ["sh", "-c", 'exec "$@"', "sh", ...argv]
  const cwd = workingFolder(place)
  const wrapped = sandbox.wrap(words, cwd, {
    writable: [checkout.path, scratch.reports],
    readable: [...(checkout.readable ?? []), ...place.readable, scratch.supplied],
    network: "none",
    ...(checkout.binds === undefined ? {} : { binds: checkout.binds }),
    home: scratch.home,
    tmp: scratch.tmp,
  })
  const timeoutMs = Math.max(1, place.deadline - performance.now())
  const once = () =>
    run(wrapped.argv, {
      cwd,
      env: joined(place.env, env),
      timeoutMs,
      limitBytes: OUTPUT_BYTES,
      signal: place.signal,
      within: wrapped.within,
      unready: wrapped.unready,
    })
  const ran = await once()
  // The machine may have been out of something for a moment.
  return { ran: ran.ended === "unready" ? await once() : ran, sandboxed: wrapped.sandboxed }
}

/** Paths are added in front of what is there; everything else is replaced. */
function joined(a: Record<string, string>, b: Record<string, string>): Record<string, string> {
  const python = [b.PYTHONPATH, a.PYTHONPATH].filter((path) => path !== undefined && path !== "")
  return { ...a, ...b, ...(python.length === 0 ? {} : { PYTHONPATH: python.join(":") }) }
}

/** Words that the script left to the shell to expand are left to it. */
function withShell(argv: readonly string[], globs: ReadonlySet<string>): string[] {
  if (!argv.some((word) => globs.has(word))) return [...argv]
  const words = argv.map((word) =>
    globs.has(word) ? word.replace(/[^\w./*?[\]{}!@:,+-]/g, "\\$&") : `'${word.replaceAll("'", "'\\''")}'`,
  )
  return ["sh", "-c", `exec ${words.join(" ")}`]
}

function readLimited(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isFile() || found.size > OUTPUT_BYTES) return undefined
  return readFileSync(path, "utf8")
}

/**
 * The checkout, for plug-ins to look things up in: nothing outside it, and no large file. With `from`, paths begin in that
 * folder of it, and `../` leads up to the checkout's root and no further.
 */
export function filesOf(root: string, from = ""): TreeFiles {
  const inside = (path: string) => !path.startsWith("/") && !posix.join(from, path).split("/").includes("..")
  const at = (path: string) => join(root, from, path)
  return {
    read: (path) => {
      const found = inside(path) ? statSync(at(path), { throwIfNoEntry: false }) : undefined
      return found?.isFile() === true && found.size < 1024 * 1024 ? readFileSync(at(path), "utf8") : undefined
    },
    list: (folder) => {
      try {
        return inside(folder) ? readdirSync(at(folder)) : []
      } catch {
        return []
      }
    },
  }
}
