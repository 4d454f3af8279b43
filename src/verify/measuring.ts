import type { Measurement } from "../core/evidence.ts"
import type { CheckSpec } from "../core/loop.ts"
import type { Repo } from "../core/ports.ts"

/** Measures one check on one tree, with definitions (scripts, configuration) of another commit or tree. */
export type MeasureTree = (
  check: CheckSpec,
  options: { tree: string; definitionsFrom: string; purpose: string; signal: AbortSignal },
) => Promise<Measurement>

/** Puts the base's copies of existing tests and of harness files into a tree. */
export type OverlayTree = (options: {
  repo: Repo
  base: string
  tree: string
  testFiles: readonly string[]
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
}
