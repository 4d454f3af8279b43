import type { Judgement } from "../../core/judge-measured.ts"
import { passes, plural } from "../checks/check.ts"
import { testsOf } from "../judge-check.ts"
import type { Mutant } from "../mutate/mutants.ts"
import { type Broken, breakUntilNoticed, mutantsOfChange, toldOf } from "./break-it.ts"
import type { ProofInput } from "./index.ts"
import { asks, onRecord, ownTests, type Runs, runOn, testCheck } from "./runs.ts"

/** So many broken copies are run against the tests that matter, and so many against the whole suite. */
const MUTANTS = 5
const WHOLE_SUITE = 3
const WITHIN_MS = 10 * 60_000

/**
 * Whether the tests would notice if the change were wrong: its lines are broken in a few small places, one at a time, until a
 * test fails. First the tests that the finding names and those that the change brings, alone; then the whole suite.
 */
export async function testsHaveTeeth(input: ProofInput): Promise<Judgement> {
  const check = testCheck(input)
  if (check === undefined) return asks("no check runs tests, so nothing can be said of their teeth")
  const mutants = await mutantsOfChange(input, MUTANTS)
  if (mutants.length === 0) {
    const caveat = "Nothing in the change's lines can be broken in a small way: nothing was tried."
    return passes("no line of the change can be broken", 0, [caveat])
  }
  const runs: Runs = { input, check, seen: [] }
  const { tree } = input.subject
  const own = await runOn(runs, tree, { purpose: "own-tests" })
  if (own.result.is === "error") return onRecord(asks(`its tests can't be read: ${own.result.why}`), runs)
  const green = { tree, measured: own }
  const until = performance.now() + WITHIN_MS

  const named = new Set(input.facts.finding?.reproduce?.ids ?? [])
  const close = new Set(ownTests(own, input).map((test) => test.id))
  const matter = testsOf(own).filter((test) => test.status === "passed" && (named.has(test.id) || close.has(test.id)))
  const first = matter.length === 0 ? undefined : await breakUntilNoticed(runs, green, mutants, { only: matter, until })
  if (first?.noticed !== undefined) return onRecord(noticed([first]), runs)
  // A small part of a suite may be blind where the rest is not.
  const rest = mutants.filter((mutant) => first?.unread.includes(mutant) !== true).slice(0, WHOLE_SUITE)
  const second = await breakUntilNoticed(runs, green, rest, { only: undefined, until })
  const all = first === undefined ? [second] : [first, second]
  return onRecord(second.noticed === undefined ? blind(all, rest) : noticed(all), runs)
}

function noticed(rounds: readonly Broken[]): Judgement {
  const last = rounds.at(-1)?.noticed
  const missed = unique(rounds.flatMap(({ unnoticed }) => unnoticed)).filter((mutant) => mutant !== last?.mutant)
  const by = last?.by ?? []
  const caveats = [
    "A few small breaks are a sample: that one is noticed does not mean that all would be.",
    ...missed.map((mutant) => `No test that was run noticed ${toldOf(mutant)}.`),
  ]
  const what = last === undefined ? "" : toldOf(last.mutant)
  return passes(`broken on purpose, it is noticed: ${what}, by ${by[0]}`, missed.length + 1, caveats)
}

function blind(rounds: readonly Broken[], tried: readonly Mutant[]): Judgement {
  const missed = unique(rounds.flatMap(({ unnoticed }) => unnoticed))
  const unread = unique(rounds.flatMap((round) => round.unread))
  const late = rounds.some(({ outOfTime }) => outOfTime) ? ["There was no time to try them all."] : []
  if (missed.length === 0) {
    const caveat = `What was tried could not be read (${unread.map(toldOf).join("; ") || "nothing was"}), so nothing is known of the tests' teeth.`
    return { ...passes("no broken copy could be run", 0, [caveat, ...late]) }
  }
  return asks(
    `the tests notice none of ${plural(missed.length, "small break")} of the changed lines: ${missed.slice(0, 3).map(toldOf).join("; ")}`,
    {
      ran: tried.length,
      failing: missed.map((mutant) => `unnoticed: ${mutant.path}: ${mutant.rule}`).sort(),
      caveats: ["A break may mean the same as what it breaks: then no test could notice it.", ...late],
    },
  )
}

function unique(mutants: readonly Mutant[]): Mutant[] {
  return [...new Set(mutants)]
}
