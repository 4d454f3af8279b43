import type { Evidence } from "../../core/evidence.ts"
import type { Judgement } from "../../core/judge-measured.ts"
import type { Measured } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { goalMetrics } from "../numbers/goal-metrics.ts"
import { performance } from "../numbers/performance.ts"
import { fixIsProved } from "./fix-is-proved.ts"
import { testsHaveTeeth } from "./tests-have-teeth.ts"

/** What a proof starts from: the layer's tools, the evidence so far, and what was measured for it. */
export type ProofInput = LayerInput & { known: readonly Evidence[]; measured: readonly Measured[] }

/** A built-in check that judges a change by running it in ways that no single command does. */
export type RunningCheck = (input: ProofInput) => Promise<Judgement>

/** The checks that judge by running. One file each, and a line here. */
export const runningChecks: Readonly<Record<string, RunningCheck>> = {
  goal_metrics: goalMetrics,
  performance,
  fix_is_proved: fixIsProved,
  tests_have_teeth: testsHaveTeeth,
}
