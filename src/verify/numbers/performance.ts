import type { Measurement } from "../../core/evidence.ts"
import { type Judgement, judgeMeasured } from "../../core/judge-measured.ts"
import { judgeNumbers } from "../../core/judge-numbers.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Entry } from "../diff.ts"
import type { ProofInput, RunningCheck } from "../proof/index.ts"

/** Rounds on each side, and once as many again where the first leave a doubt. */
const ROUNDS = 5
/** No round is begun after this long: what was measured by then has to do. */
const LIMIT_MS = 20 * 60_000
/** With fewer on each side nothing is known of the noise. */
const LEAST_ROUNDS = 3

/**
 * The project's own benchmark, on base and head in turn, so that whatever slows the machine slows both. A first word
 * against the change is believed only after a second series.
 */
export const performance: RunningCheck = async (input) => {
  const check = input.checks.performance
  if (check?.run === undefined)
    return nothing(
      "No benchmark is known for `performance`: name one in the loop's `checks`, or in `.flyball/checks.yaml`",
      "skipped",
    )
  const edited = input.facts.entries.filter(isBenchmark).map(({ path }) => path)
  if (edited.length > 0)
    return nothing(
      `the change edits the benchmark itself (${edited.slice(0, 3).join(", ")}): both sides can't be compared`,
    )
  const started = Date.now()
  const sides: Sides = { base: [], head: [] }
  for (const limit of [ROUNDS, 2 * ROUNDS]) {
    const broken = await measureUntil(check, sides, { input, limit, started })
    if (broken !== undefined) return onRecord(broken, check, sides)
    if (sides.head.length < LEAST_ROUNDS)
      return onRecord(
        nothing(`one run takes so long that only ${sides.head.length} fit: too few to tell noise from change`),
        check,
        sides,
      )
    const judged = judgeNumbers(sides.base, sides.head)
    if (judged.outcome === "pass" || limit > ROUNDS) return withCaveats(judged, check, sides)
    input.told(`performance: ${judged.summary}; measured once more to be sure`)
  }
  return nothing("it was not measured")
}

type Sides = { base: Measurement[]; head: Measurement[] }

/** Adds rounds to both sides up to a number; what can't be measured ends it. */
async function measureUntil(
  check: CheckSpec,
  { base, head }: Sides,
  { input, limit, started }: { input: ProofInput; limit: number; started: number },
): Promise<Judgement | undefined> {
  const { measureTree, subject, overlay, signal } = input
  for (let round = head.length + 1; round <= limit && Date.now() - started < LIMIT_MS; round++) {
    const measure = (side: "base" | "head") =>
      measureTree(check, {
        tree: side === "base" ? subject.base : overlay.tree,
        definitionsFrom: subject.base,
        purpose: `performance-${side}`,
        repeat: round,
        fresh: true,
        signal,
      })
    // Each round begins with the other side, so that neither always runs on the warmer machine.
    const [first, second] = round % 2 === 1 ? (["base", "head"] as const) : (["head", "base"] as const)
    const one = await measure(first)
    const other = await measure(second)
    signal.throwIfAborted()
    const [ofBase, ofHead] = first === "base" ? [one, other] : [other, one]
    if (ofHead.result.is === "error") return judgeMeasured(ofBase, ofHead, { is: "nothing" })
    if (ofBase.result.is === "error")
      return { ...nothing(`it can't be measured on the base: ${ofBase.result.why}`), blame: "infrastructure" }
    base.push(ofBase)
    head.push(ofHead)
    input.told(`performance: round ${round}`)
  }
  return undefined
}

/** Files of which benchmarks are made, by the conventions of their tools. */
function isBenchmark({ path, status }: Entry): boolean {
  if (status === "added") return false
  return /\.bench\.[cm]?[jt]sx?$|(^|\/)bench(es|marks?)?\/|(^|\/)bench[\w-]*\.[cm]?[jt]s$|bench[^/]*_test\.go$|(^|\/)test_bench[^/]*\.py$/i.test(
    path,
  )
}

/** The judgement with what was run for it, and the outputs of each round. */
function onRecord(judged: Judgement, { run = [] }: CheckSpec, { base, head }: Sides): Judgement {
  const measured = [...head, ...base]
  const artifacts = measured.flatMap(({ artifact }) => artifact ?? [])
  return {
    ...judged,
    command: measured[0]?.command ?? (typeof run === "string" ? run : run.join(" ")),
    ...(artifacts.length === 0 ? {} : { artifacts }),
    sandboxed: measured.every(({ sandboxed }) => sandboxed),
  }
}

function withCaveats(judged: Judgement, check: CheckSpec, sides: Sides): Judgement {
  const { head } = sides
  const caveats = [
    ...judged.caveats,
    "Measured on this machine, with whatever else it was doing.",
    ...(head.every(({ sandboxed }) => sandboxed) ? [] : ["Not sandboxed: what it ran could reach what you can reach."]),
  ]
  return onRecord({ ...judged, caveats }, check, sides)
}

function nothing(summary: string, outcome: "error" | "skipped" = "error"): Judgement {
  return { outcome, blame: "person", ran: 0, summary, failing: [], preexisting: [], caveats: [] }
}
