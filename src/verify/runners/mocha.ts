import { join } from "node:path"
import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { javascriptFailure } from "./failure.ts"
import { repoPath, testId } from "./ids.ts"
import { error, jsonLines, noReport, testsReport } from "./outcome.ts"
import { namePattern, pickedFiles, withoutPaths } from "./pick.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** mocha, through a reporter of ours that writes one line per test as it ends and one when all have. */
export const mocha: Runner = {
  name: "mocha",
  kind: "tests",
  recognise: (argv) => ["mocha", "_mocha"].includes(toolOf(argv)?.name ?? "") && argumentsOf(argv)[0] !== "init",
  command: ({ argv, reportDir, supplied, only, tree }) => {
    const reportFile = join(reportDir, "mocha.jsonl")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--watch", "-w", "--bail", "-b", "--pass-on-failing-test-suite"],
      valued: ["--reporter", "-R", "--reporter-option", "--reporter-options", "-O"],
    })
    const files = only === undefined ? undefined : pickedFiles(only)
    const pattern = only === undefined ? undefined : namePattern(only)
    // Files that a `.mocharc` names are loaded beside these: the pattern keeps their tests from running.
    const picks = files === undefined ? [] : [...(pattern === undefined ? [] : ["--grep", pattern]), ...files]
    const args = files === undefined ? kept : withoutPaths(dropFlags(kept, grep), valued, tree)
    const flags = ["--reporter", join(supplied, "mocha-reporter.cjs"), "--no-bail", "--no-color"]
    return {
      argv: withArguments(argv, [...flags, ...args, ...picks]),
      reportFile,
      ...(files === undefined ? {} : { alone: true }),
      supplies: { "mocha-reporter.cjs": reporter(reportFile) },
    }
  },
  parse,
}

const grep = { bare: ["--invert", "-i"], valued: ["-g", "--grep", "-f", "--fgrep", "--spec"] }
const valued = ["-r", "--require", "--import", "-c", "--config", "--package", "-u", "--ui", "-t", "--timeout", "--file"]

// Event names as strings: the file stands outside the tree and can't require the project's mocha.
function reporter(file: string): string {
  return `"use strict"
const fs = require("node:fs")
module.exports = class Flyball {
  constructor(runner) {
    const write = (record) => fs.appendFileSync(${JSON.stringify(file)}, JSON.stringify(record) + "\\n")
    const titles = (of) => (of.parent === undefined || of.parent === null ? [] : [...titles(of.parent), of.title]).filter((title) => title !== "")
    const record = (status) => (test, problem) =>
      write({ type: "test", status, titles: titles(test), file: test.file, hook: test.type === "hook", ms: test.duration, message: problem === undefined ? undefined : String(problem.stack ?? problem.message ?? problem) })
    runner.on("pass", record("passed"))
    runner.on("fail", record("failed"))
    runner.on("pending", record("skipped"))
    runner.once("end", () => write({ type: "finished", planned: runner.total, only: runner.hasOnly === true }))
  }
}
`
}

const Line = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("test"),
    status: z.enum(["passed", "failed", "skipped"]),
    titles: z.array(z.string()),
    file: z.string().optional(),
    hook: z.boolean(),
    ms: z.number().optional(),
    message: z.string().optional(),
  }),
  z.object({ type: z.literal("finished"), planned: z.number().optional(), only: z.boolean().optional() }),
])
type TestLine = Extract<z.infer<typeof Line>, { type: "test" }>

function parse(output: RunnerOutput): Parsed {
  const parsed = z.array(Line).safeParse(jsonLines(output.report ?? ""))
  if (!parsed.success)
    return error("unreadable", `mocha's events have another shape than expected: ${z.prettifyError(parsed.error)}`)
  if (!parsed.data.some((line) => line.type === "finished")) return fileThatFailed(output) ?? noReport(output, "mocha")
  const lines = parsed.data.filter((line) => line.type === "test")
  const failedFirst = new Set(lines.filter((line) => line.status === "failed").map((line) => idOf(line, output.root)))
  // A test that calls done() twice is reported as passed and then as failed: it failed.
  const tests = lines.filter((line) => line.status === "failed" || !failedFirst.has(idOf(line, output.root)))
  return testsReport(
    tests.map((line) => resultOf(line, output.root)),
    output,
    "mocha",
  )
}

/** mocha loads every file before it runs any, so one file that does not import ends it: that file is the failed result. */
function fileThatFailed(output: RunnerOutput): Parsed | undefined {
  if (output.report !== undefined || output.exitCode === 0 || output.exitCode === null) return undefined
  const message = output.stderr
  const paths = [...message.matchAll(/\/[^\s:()'"[\]]+\.[cm]?[jt]sx?\b/g)]
    .map((match) => match[0].replace(/^\/\/\//, "/"))
    .filter((path) => path.startsWith(`${output.root}/`) && !path.includes("/node_modules/"))
  const file = paths.map((path) => repoPath(output.root, path)).find((path) => output.tree.read(path) !== undefined)
  if (file === undefined) return undefined
  return testsReport([{ id: file, file, name: file, status: "failed", failure: "error", message }], output, "mocha")
}

function idOf(line: TestLine, root: string): string {
  return testId([line.file === undefined ? undefined : repoPath(root, line.file), ...line.titles])
}

function resultOf(line: TestLine, root: string): TestResult {
  const file = line.file === undefined ? undefined : repoPath(root, line.file)
  return {
    id: idOf(line, root),
    ...(file === undefined ? {} : { file }),
    name: line.titles.join(" > "),
    status: line.status,
    ...(line.status === "failed" ? { failure: line.hook ? "error" : javascriptFailure(line.message, file, root) } : {}),
    ...(line.message === undefined ? {} : { message: line.message }),
    ...(line.ms === undefined ? {} : { ms: line.ms }),
  }
}
