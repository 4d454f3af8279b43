import type { Evidence, Measurement, TestResult } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import type { Named } from "../core/judge-measured.ts"
import { judgeCheck, type Measured, namedBy, type Sides, testsOf } from "./judge-check.ts"
import type { MeasureOptions, Picked } from "./measuring.ts"
import { asSeenApart } from "./new-tests.ts"
import { widened } from "./runners/pick.ts"

/** With more red tests than these it is no flicker, and running them again would say nothing new. */
const MAX_AGAIN = 30

/**
 * Judged, and where a test is in the way, seen again before anybody is blamed (catalogue T6): only what failed, alone; what is
 * green then, once more beside the others, since a change may break a test in company alone. What the finding names must be
 * red on the base and green on the head each time it is run.
 */
export async function judgeAgain(measured: Measured, finding: Finding | undefined, sides: Sides): Promise<Evidence> {
  const first = judgeCheck(measured, finding, sides.overlay, sides.subject)
  const named = namedBy(finding, measured.check)
  const ids = named.is === "ids" ? named.ids : []
  const input: Input = { measured, finding, sides, named: new Set(ids) }
  if (measured.head.result.is === "error" || measured.check.kind !== "tests") return first
  if (first.outcome === "pass") return ids.length === 0 ? first : await confirmed(first, named, input)
  return first.outcome === "fail" && first.blame === "maker" ? await repeated(first, input) : first
}

type Input = { measured: Measured; finding: Finding | undefined; sides: Sides; named: ReadonlySet<string> }

/** What failed, seen again. */
async function repeated(first: Evidence, input: Input): Promise<Evidence> {
  const { measured, sides, finding } = input
  const inTheWay = new Set(first.failing)
  const red = testsOf(measured.head).filter((test) => test.status === "failed" && inTheWay.has(test.id))
  if (red.length === 0 || red.length > MAX_AGAIN) return first
  const now = await baseNow(red, input)
  if (now !== undefined) return judgeAgain({ ...measured, base: now }, finding, sides)

  const alone = await aloneOnHead(red, input)
  const green = red.filter((test) => passesInAny(alone, test.id))
  const seen = [...alone]
  if (green.length === 0 && red.every((test) => test.failure !== "error")) return withArtifacts(first, seen)
  const once = [...green]
  const stubborn = red.filter((test) => !green.includes(test))
  if (stubborn.length > 0) {
    // A port, a clock, a worker that died: such a failure may go as it came.
    const third = await aloneOnHead(stubborn, input)
    seen.push(...third)
    once.push(...stubborn.filter((test) => passesInAny(third, test.id)))
  }
  if (once.length === 0) return withArtifacts(first, seen)
  const beside = await besideOthers(input)
  const flaky = once.filter((test) => passesIn(beside, test.id))
  return withArtifacts(flickering(first, flaky, input), [...seen, beside])
}

/** Once more, alone: what the base has too, away from the test files that the head adds. */
async function aloneOnHead(tests: readonly TestResult[], input: Input): Promise<Measurement[]> {
  const { measured, sides } = input
  const apart = sides.overlay.withoutNewTests
  if (apart === undefined) return [await run(tests, { ...headOf(sides), fresh: true }, input)]
  const known = new Set(testsOf(measured.base).map((test) => test.id))
  const old = tests.filter((test) => known.has(test.id))
  const added = tests.filter((test) => !known.has(test.id))
  const seen: Measurement[] = []
  if (old.length > 0) seen.push(await run(old, { ...headOf(sides), tree: apart.tree, fresh: true }, input))
  if (added.length > 0) seen.push(await run(added, { ...headOf(sides), fresh: true }, input))
  return seen
}

/** The whole suite once more, as it was judged at first. */
async function besideOthers(input: Input): Promise<Measurement> {
  const { measured, sides } = input
  const beside = await run(undefined, { ...headOf(sides), fresh: true }, input)
  const apart = sides.overlay.withoutNewTests
  if (apart === undefined || beside.result.is === "error") return beside
  const alone = await run(undefined, { ...headOf(sides), tree: apart.tree, fresh: true }, input)
  return asSeenApart(measured.base, alone, beside, apart.moved)
}

/** The base as it is now, where a remembered one no longer tells the truth about these tests. */
async function baseNow(red: readonly TestResult[], input: Input): Promise<Measurement | undefined> {
  const { measured, sides } = input
  const { base } = measured
  const passed = new Set(testsOf(base).flatMap((test) => (test.status === "passed" ? [test.id] : [])))
  const known = red.filter((test) => passed.has(test.id))
  if (!base.cached || known.length === 0) return undefined
  const alone = await run(known, { ...baseOf(sides), fresh: true }, input)
  const stale = known.some((test) => testsOf(alone).some((each) => each.id === test.id && each.status === "failed"))
  return stale ? run(undefined, { ...baseOf(sides), fresh: true }, input) : undefined
}

/** Judged again without what flickers, which is told and not hidden. */
function flickering(first: Evidence, flaky: readonly TestResult[], input: Input): Evidence {
  const { measured, sides, finding, named } = input
  if (flaky.length === 0) return first
  const ids = new Set(flaky.map((test) => test.id))
  const onBase = new Set(testsOf(measured.base).map((test) => test.id))
  const caveat = `Flaky: ${[...ids].join(", ")} failed, and passed when run again on the same tree, alone and beside the others.`
  const told = { flaky: [...ids].sort(), caveats: [...first.caveats, caveat] }
  const rest = judgeCheck({ ...measured, head: asPassed(measured.head, ids) }, finding, sides.overlay, sides.subject)
  // A new test that flickers is the change's own, as is everything else that is still in the way.
  const added = [...ids].filter((id) => !onBase.has(id) && !named.has(id))
  if (added.length > 0) {
    const summary = `the change's own new test ${added.join(", ")} is flaky: it failed, and passed when run again`
    const feedback = `${summary}. Make it pass every time.\n${rest.feedback ?? ""}`.trim()
    return { ...first, ...told, summary, feedback, class: "code" }
  }
  if (rest.outcome !== "pass") return { ...rest, ...told, caveats: [...rest.caveats, caveat] }
  const wanted = [...ids].filter((id) => named.has(id))
  if (wanted.length > 0)
    return unreliable(rest, wanted, `${wanted.join(", ")} must be seen to pass, and is flaky`, told)
  return {
    ...rest,
    flaky: told.flaky,
    class: "flaky",
    caveats: [...rest.caveats, caveat],
    summary: `${rest.summary}; ${ids.size} flaky`,
  }
}

/** What the finding names, once more on both sides: a red that comes and goes is not mended by a run that is green. */
async function confirmed(first: Evidence, { is }: Named, input: Input): Promise<Evidence> {
  const { measured, sides, named } = input
  const was = testsOf(measured.base).filter((test) => is === "ids" && named.has(test.id) && test.status === "failed")
  if (was.length === 0) return first
  const on = sides.overlay.withoutNewTests?.tree ?? sides.overlay.tree
  const { only, measured: head } = await steady(was, { ...headOf(sides), tree: on, repeat: 1 }, input)
  const shaky = was.filter((test) => !passesIn(head, test.id)).map((test) => test.id)
  if (shaky.length > 0) {
    const why = head.result.is === "error" ? `: ${head.result.why}` : ""
    const summary = `${shaky.join(", ")} passes beside the other tests, and not when its file is run alone${why}`
    const flaky = {
      flaky: shaky,
      caveats: [...first.caveats, `Flaky, or in need of other tests: ${shaky.join(", ")}.`],
    }
    return withArtifacts(unreliable(first, shaky, summary, flaky), [head])
  }
  const base = await run(only, { ...baseOf(sides), repeat: 1 }, input)
  const green = was.filter((test) => passesIn(base, test.id))
  if (green.length === 0) return withArtifacts(first, [head, base])
  const beside = await run(undefined, { ...baseOf(sides), repeat: 1 }, input)
  const gone = green.filter((test) => passesIn(beside, test.id)).map((test) => test.id)
  const seen = withArtifacts(first, [head, base, beside])
  if (gone.length === 0) return seen
  const summary = `${gone.join(", ")} is flaky on the base: red, and green again with nothing changed, so nothing shows that the change mended it`
  return unreliable(seen, gone, summary, { flaky: gone, caveats: seen.caveats })
}

/** Alone; and with the rest of their files, where they need each time what other tests of them do first. */
async function steady(tests: readonly TestResult[], on: On, input: Input) {
  const measured = await run(tests, on, input)
  const red = tests.filter((test) => !passesIn(measured, test.id))
  const wide = red.length === 0 ? undefined : widened(tests)
  if (wide === undefined) return { only: tests, measured }
  const again = await run(tests, { ...on, repeat: 2 }, input)
  const comesAndGoes = red.some((test) => passesIn(again, test.id))
  return comesAndGoes ? { only: tests, measured } : { only: wide, measured: await run(wide, on, input) }
}

/** Neither a pass nor the maker's to mend. */
function unreliable(
  evidence: Evidence,
  failing: string[],
  summary: string,
  told: Pick<Evidence, "flaky" | "caveats">,
): Evidence {
  const { feedback: _feedback, ...rest } = evidence
  return { ...rest, ...told, outcome: "error", blame: "person", class: "flaky", summary, failing: [...failing].sort() }
}

type On = Pick<MeasureOptions, "tree" | "purpose" | "fresh" | "repeat">

const headOf = ({ overlay }: Sides): On => ({ tree: overlay.tree, purpose: "again" })
const baseOf = ({ subject }: Sides): On => ({ tree: subject.base, purpose: "base-again" })

async function run(only: readonly Picked[] | undefined, on: On, { measured, sides }: Input): Promise<Measurement> {
  const { measureTree, subject, signal } = sides
  const options = { ...on, purpose: `${measured.check.name}-${on.purpose}`, definitionsFrom: subject.base, signal }
  const measurement = await measureTree(measured.check, only === undefined ? options : { ...options, only })
  signal.throwIfAborted()
  return measurement
}

function passesInAny(measurements: readonly Measurement[], id: string): boolean {
  return measurements.some((measurement) => passesIn(measurement, id))
}

/** Whether every result of this id is a pass, and there is one. */
function passesIn(measurement: Measurement, id: string): boolean {
  const found = testsOf(measurement).filter((test) => test.id === id)
  return found.length > 0 && found.every((test) => test.status === "passed")
}

function asPassed(head: Measurement, ids: ReadonlySet<string>): Measurement {
  const tests = testsOf(head).map((test) => (ids.has(test.id) ? { ...test, status: "passed" as const } : test))
  const red = tests.some((test) => test.status === "failed")
  return { ...head, exitCode: red ? head.exitCode : 0, result: { is: "report", report: { kind: "tests", tests } } }
}

function withArtifacts(evidence: Evidence, seen: readonly Measurement[]): Evidence {
  const artifacts = seen.flatMap(({ artifact }) => (artifact === undefined ? [] : [artifact]))
  return { ...evidence, artifacts: [...(evidence.artifacts ?? []), ...artifacts] }
}
