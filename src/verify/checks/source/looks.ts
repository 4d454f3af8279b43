import { branchesOn } from "./branches.ts"
import type { Look } from "./changed.ts"
import { doubts } from "./doubts.ts"
import { reaching } from "./reaching.ts"
import { resultsOf } from "./results.ts"
import { state } from "./state.ts"
import { tablesOf } from "./tables.ts"
import type { TestValues } from "./test-values.ts"

/** Source that knows what its tests give and want. */
export function looksForAnswers(values: TestValues): Look[] {
  return [branchesOn(values), tablesOf(values), resultsOf(values)]
}

/** All that is asked about in source. Of one place, what stands first here is told. */
export function looksFor(values: TestValues): Look[] {
  return [...looksForAnswers(values), doubts, reaching, state]
}
