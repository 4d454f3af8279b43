import type { Measurement, TestResult } from "../core/evidence.ts"
import type { CheckSpec } from "../core/loop.ts"
import type { Repo } from "../core/ports.ts"

/** A test as far as a runner needs to know it to run it alone. */
export type Picked = Pick<TestResult, "id" | "file" | "name">

export type MeasureOptions = {
  tree: string
  definitionsFrom: string
  purpose: string
  signal: AbortSignal
  /** These tests alone, where the runner can; `alone` of the measurement says whether it could. */
  only?: readonly Picked[]
  /** Which repetition this is: each is remembered for itself. */
  repeat?: number
  /** Measured now, whatever is remembered; what comes of it is remembered in the other's place. */
  fresh?: boolean
  /** What differs from `definitionsFrom` to `tree`, where that was read already. */
  differences?: readonly Difference[] | undefined
}

/** One path that differs between two trees; a side without the file has no entry. */
export type Difference = { path: string; base: FileSide | undefined; head: FileSide | undefined }
export type FileSide = { mode: string; id: string }

/** Measures one check on one tree, with definitions (scripts, configuration) of another commit or tree. */
export type MeasureTree = (check: CheckSpec, options: MeasureOptions) => Promise<Measurement>

/** Puts the base's copies of existing tests and of harness files into a tree. */
export type OverlayTree = (options: {
  repo: Repo
  base: string
  tree: string
  testFiles: readonly string[]
  /** The folder that the checks run in; unset: the root alone. */
  folder?: string | undefined
  /** What differs between the two, where that was read already. */
  differences?: readonly Difference[]
  signal: AbortSignal
}) => Promise<Overlay>

export type Overlay = {
  /** The tree to run tests on. */
  tree: string
  /** Paths put back from the base. */
  restored: string[]
  /** Existing tests that the head edited or deleted. */
  editedTests: string[]
  /** Harness files that differ. */
  harnessChanged: string[]
  /** Files that the base's report names and that hold what is tested as well: the head's run. */
  mixed?: ReadonlySet<string>
  /** What differs from the base to `tree`; unset where something was put back. */
  differences?: readonly Difference[]
  /**
   * The base's copies without the test files that the head adds, which share a process with them; unset where it adds none.
   * `moved`: the base's files whose tests now stand in added ones; in `tree` they are the head's, since both at once collide.
   */
  withoutNewTests?: { tree: string; removed: string[]; moved: string[] }
}
