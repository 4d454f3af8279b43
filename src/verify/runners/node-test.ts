import { join } from "node:path"
import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { javascriptFailure } from "./failure.ts"
import { repoPath, testId } from "./ids.ts"
import { error, jsonLines, noReport, testsReport } from "./outcome.ts"
import { pickedFiles } from "./pick.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/**
 * node:test through a reporter of ours. Node itself is no witness of an early exit: a file that calls `process.exit(0)`
 * halfway is reported as one passed test (measured on Node 20). So every test process also records such calls.
 */
export const nodeTest: Runner = {
  name: "node:test",
  kind: "tests",
  recognise: (argv) => (toolOf(argv)?.name === "node" || toolOf(argv)?.name === "tsx" ? hasTestFlag(argv) : false),
  command: ({ argv, reportDir, supplied, only }) => {
    const reportFile = join(reportDir, "node-test.jsonl")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--watch", "--experimental-test-coverage"],
      valued: [
        "--test-reporter",
        "--test-reporter-destination",
        "--test-coverage-lines",
        "--test-coverage-branches",
        "--test-coverage-functions",
      ],
    })
    const flags = [
      `--require=${join(supplied, "exit-watch.cjs")}`,
      `--test-reporter=${join(supplied, "node-test-reporter.mjs")}`,
      `--test-reporter-destination=${reportFile}`,
    ]
    // By file alone: what `--test-name-pattern` means differs from one Node to the next. Each file is a process of its own.
    const files = only === undefined ? undefined : pickedFiles(only)
    const args = files === undefined ? kept : [...withoutFiles(kept), ...files]
    return {
      argv: withArguments(argv, [...flags, ...args]),
      reportFile,
      ...(files === undefined ? {} : { alone: true }),
      supplies: {
        "exit-watch.cjs": exitWatch(join(reportDir, "exits.jsonl")),
        "node-test-reporter.mjs": reporter(join(reportDir, "exits.jsonl")),
      },
    }
  },
  parse,
}

const valued = ["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--tsconfig"]

function withoutFiles(args: readonly string[]): string[] {
  const kept = dropFlags(args, { valued: ["--test-name-pattern", "--test-skip-pattern", "--test-shard"] })
  return kept.filter((word, index) => word.startsWith("-") || valued.includes(kept[index - 1] ?? ""))
}

function hasTestFlag(argv: readonly string[]): boolean {
  return argumentsOf(argv).some((word) => word === "--test")
}

/**
 * Runs first in every test process. Exits: only what a direct child of the runner does counts, a program under test may
 * exit as it likes. Assertions: the source under test shares the process, and must not be able to make them do nothing.
 */
function exitWatch(file: string): string {
  return `"use strict"
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  const assert = require("node:assert")
  for (const of of [assert, assert.strict, assert.AssertionError.prototype]) {
    for (const [name, { value, configurable }] of Object.entries(Object.getOwnPropertyDescriptors(of))) {
      if (typeof value === "function" && configurable) Object.defineProperty(of, name, { writable: false, configurable: false })
    }
  }
  const fs = require("node:fs")
  const exit = process.exit
  const write = fs.appendFileSync
  const pid = process.pid
  process.exit = function (code) {
    if (process.pid === pid) write(${JSON.stringify(file)}, JSON.stringify({ ppid: process.ppid, file: process.argv[1], code: code ?? process.exitCode ?? 0 }) + "\\n")
    return exit.call(process, code)
  }
}
`
}

/** One JSON line per event, and a last one that says the stream came to its end. */
function reporter(exits: string): string {
  return `import { existsSync, readFileSync } from "node:fs"
export default async function* flyball(source) {
  for await (const { type, data = {} } of source) {
    const { name, nesting, file, skip, todo } = data
    if (type === "test:pass" || type === "test:fail" || type === "test:start" || type === "test:enqueue") {
      const { duration_ms: ms, type: of, error } = data.details ?? {}
      const cause = error?.cause ?? error
      const message = cause === undefined ? undefined : String(cause?.stack ?? cause?.message ?? cause)
      yield JSON.stringify({ type, name, nesting, file, skip, todo, ms, of, failure: error?.failureType, message }) + "\\n"
    }
    if (type === "test:stderr") yield JSON.stringify({ type, file, message: data.message }) + "\\n"
  }
  const calls = existsSync(${JSON.stringify(exits)}) ? readFileSync(${JSON.stringify(exits)}, "utf8") : ""
  const exited = calls.split("\\n").filter(Boolean).map((line) => JSON.parse(line)).filter((call) => call.ppid === process.pid)
  yield JSON.stringify({ type: "finished", exited }) + "\\n"
}
`
}

const Line = z.discriminatedUnion("type", [
  z.object({
    type: z.enum(["test:pass", "test:fail", "test:start", "test:enqueue"]),
    name: z.string(),
    nesting: z.number(),
    file: z.string().optional(),
    skip: z.union([z.string(), z.boolean()]).optional(),
    todo: z.union([z.string(), z.boolean()]).optional(),
    ms: z.number().optional(),
    of: z.string().optional(),
    failure: z.string().optional(),
    message: z.string().optional(),
  }),
  z.object({ type: z.literal("test:stderr"), file: z.string().optional(), message: z.string() }),
  z.object({
    type: z.literal("finished"),
    exited: z.array(z.object({ file: z.string().optional(), code: z.unknown() })),
  }),
])
type Line = z.infer<typeof Line>
type TestLine = Extract<Line, { type: "test:pass" | "test:fail" | "test:start" | "test:enqueue" }>

function parse(output: RunnerOutput): Parsed {
  const parsed = z.array(Line).safeParse(jsonLines(output.report ?? ""))
  if (!parsed.success)
    return error("unreadable", `node:test's events have another shape than expected: ${z.prettifyError(parsed.error)}`)
  const finished = parsed.data.find((line) => line.type === "finished")
  if (finished === undefined) return noReport(output, "node:test")
  const [early] = finished.exited
  if (early !== undefined) {
    const file = early.file === undefined ? "a test process" : repoPath(output.root, early.file)
    return error(
      "unfinished",
      `${file} called process.exit(${String(early.code ?? "")}) before node:test had reported its tests.`,
    )
  }
  return testsReport(results(parsed.data, output.root), output, "node:test")
}

/** Leaves only: a suite counts where it is red by itself (a hook that failed). */
function results(lines: readonly Line[], root: string): TestResult[] {
  const path = new Map<string, string[]>()
  const words = new Map<string, string>()
  const parents = new Set<string>()
  const results: TestResult[] = []
  for (const line of lines) {
    if (line.type === "finished") continue
    const file = line.file === undefined ? undefined : repoPath(root, line.file)
    if (line.type === "test:stderr") {
      words.set(file ?? "", `${words.get(file ?? "") ?? ""}${line.message}`.slice(-4_000))
      continue
    }
    const names = path.get(file ?? "") ?? []
    // `test:start` comes in order, parents first: it gives each nesting its name.
    if (line.type === "test:start") {
      path.set(file ?? "", [...names.slice(0, line.nesting), line.name])
      if (line.nesting > 0) parents.add(testId([file, ...names.slice(0, line.nesting)]))
      continue
    }
    if (line.type === "test:enqueue") continue
    const result = resultOf(line, names, file, root, words.get(file ?? ""))
    const container = line.of === "suite" || parents.has(result.id)
    if (container && !(line.type === "test:fail" && line.failure !== "subtestsFailed")) continue
    results.push(result)
  }
  return results
}

function resultOf(
  line: TestLine,
  names: readonly string[],
  file: string | undefined,
  root: string,
  said: string | undefined,
): TestResult {
  const titles = [...names.slice(0, line.nesting), line.name]
  // A file that is red as a whole, or has no tests in it, is one test: its own name is its path.
  const whole = line.nesting === 0 && file !== undefined && repoPath(root, line.name) === file
  const message = whole ? (said ?? line.message) : line.message
  return {
    id: whole ? file : testId([file, ...titles]),
    ...(file === undefined ? {} : { file }),
    name: whole ? file : titles.join(" > "),
    status: statusOf(line),
    ...(statusOf(line) === "failed" ? { failure: failureOf(line, message, file, root, whole) } : {}),
    ...(message === undefined || line.type === "test:pass" ? {} : { message }),
    ...(line.ms === undefined ? {} : { ms: line.ms }),
  }
}

function failureOf(
  line: TestLine,
  message: string | undefined,
  file: string | undefined,
  root: string,
  whole: boolean,
): NonNullable<TestResult["failure"]> {
  return whole || line.failure !== "testCodeFailure" ? "error" : javascriptFailure(message, file, root)
}

function statusOf(line: TestLine): TestResult["status"] {
  if (line.todo !== undefined && line.todo !== false) return "todo"
  if (line.skip !== undefined && line.skip !== false) return "skipped"
  return line.type === "test:pass" ? "passed" : "failed"
}
