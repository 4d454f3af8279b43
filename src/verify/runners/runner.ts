import type { Measurement, Report } from "../../core/evidence.ts"
import type { Picked } from "../measuring.ts"

/** Why a measurement has no report. */
export type ErrorCode = Extract<Measurement["result"], { is: "error" }>["code"]

/** What was read from a runner's output: a report, or why there is none. */
export type Parsed = { is: "report"; report: Report } | { is: "error"; code: ErrorCode; why: string }

/** The checked-out files a plug-in may look at: paths are repository-relative. */
export type TreeFiles = { read(path: string): string | undefined; list(folder: string): string[] }

/** What a plug-in is given to build its command from. */
export type CommandGiven = {
  argv: readonly string[]
  /** Folder outside the tree, new for every measurement, that the command may write its report to. */
  reportDir: string
  /** Folder outside the tree, read-only to the command, that holds the files of `supplies`. */
  supplied: string
  tree: TreeFiles
  /** These tests alone, if the runner can: a plug-in that can't ignores it. */
  only?: readonly Picked[]
}

export type RunnerCommand = {
  argv: string[]
  env?: Record<string, string>
  /** Where the machine format will be; without one it is read from stdout. */
  reportFile?: string
  /** Files of ours that must stand in `supplied` before it starts: name → text. */
  supplies?: Record<string, string>
  /** Set where `only` was heeded. */
  alone?: boolean
}

/** What a command left behind. */
export type RunnerOutput = {
  /** Absolute path of the checkout, to make paths repository-relative. */
  root: string
  /** Undefined: no report file was written. */
  report: string | undefined
  stdout: string
  stderr: string
  exitCode: number | null
  tree: TreeFiles
}

/** A test runner, linter, scanner, type checker or benchmark: one file in this folder and one line in `index.ts`. */
export type Runner = {
  name: string
  kind: "tests" | "lint" | "types" | "numbers"
  /** Whether this argv, `npx` and the like already taken off, starts this runner to do its check; `tree`: where it would run. */
  recognise(argv: readonly string[], tree?: TreeFiles): boolean
  command(given: CommandGiven): RunnerCommand
  parse(output: RunnerOutput): Parsed
}
