import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { Judgement } from "../../core/judge-measured.ts"
import { reproducingCheck } from "../../core/reproduce.ts"
import { fails, passes, plural } from "../checks/check.ts"
import { treeReverted } from "../edit-tree.ts"
import { type Measured, testsOf } from "../judge-check.ts"
import type { Picked } from "../measuring.ts"
import { widened } from "../runners/pick.ts"
import { breakUntilNoticed, mutantsOfChange, toldOf } from "./break-it.ts"
import { provedOtherwise } from "./by-whole-check.ts"
import type { ProofInput } from "./index.ts"
import {
  asks,
  bothSides,
  holdsProgram,
  listIds,
  onRecord,
  ownTests,
  type Runs,
  resultsOf,
  runOn,
  sourceEntries,
  testCheck,
} from "./runs.ts"

/** Each side is seen this often, alone: what is red once may be a coincidence. */
const REPEATS = 2
const MUTANTS = 4
const WITHIN_MS = 5 * 60_000

/**
 * Whether it is the change's source that turns the tests green (catalogue T10): they fail without it by what they assert, on
 * the base and with the source part of the change taken back, and pass with it; alone, and each time.
 */
export async function fixIsProved(input: ProofInput): Promise<Judgement> {
  const { finding } = input.facts
  const source = sourceEntries(input)
  if (!holdsProgram(source)) {
    const caveat = "The change holds no source, so there is nothing whose absence could be shown."
    return passes("no source is changed", 0, [caveat])
  }
  const reproducing = finding === undefined ? undefined : reproducingCheck(finding, input.checks)
  if (reproducing !== undefined && reproducing.kind !== "tests") return provedOtherwise(reproducing, input)
  const check = testCheck(input)
  if (check === undefined) return asks("no check runs tests, so no test can show that the fix is one")
  const measured = await bothSides(check, input)
  if (measured.base.result.is === "error" || measured.head.result.is === "error") {
    const { result } = measured.head.result.is === "error" ? measured.head : measured.base
    return asks(`\`${check.name}\` can't be measured: ${result.is === "error" ? result.why : ""}`, {
      class: "infrastructure",
      blame: "infrastructure",
    })
  }
  // A suite that says no more than how it ended has no test to be run alone.
  if (reproducing?.name === check.name && isExit(measured.base) && isExit(measured.head))
    return provedOtherwise(check, input)
  const runs: Runs = { input, check, seen: [measured.base, measured.head] }
  const named = finding?.reproduce?.check === check.name ? (finding.reproduce.ids ?? []) : []
  const judged = named.length > 0 ? await byNamed(named, measured, runs) : await byOwn(measured, runs)
  return onRecord(judged, runs)
}

function isExit({ result }: Measurement): boolean {
  return result.is === "report" && result.report.kind === "exit"
}

/** The tests that the finding names, by the base's copies of them. */
async function byNamed(ids: readonly string[], measured: Measured, runs: Runs): Promise<Judgement> {
  const { subject, overlay } = runs.input
  const known = new Map([...testsOf(measured.head), ...testsOf(measured.base)].map((test) => [test.id, test]))
  const missing = ids.filter((id) => !known.has(id))
  if (missing.length > 0) {
    const summary = `${missing.join(", ")} ran neither on the base nor on the change`
    return fails(summary, `${summary}. The tests that the finding names have to run, and pass.`, missing, 0)
  }
  const tests = ids.flatMap((id) => known.get(id) ?? [])
  // With the fix, the base's tests stand apart from test files that the head adds; with its source taken back, beside them.
  const fixed = overlay.withoutNewTests?.tree ?? overlay.tree
  // Tests that moved stand in the base's copies alone.
  const landed = (overlay.withoutNewTests?.moved.length ?? 0) > 0 ? fixed : overlay.tree
  const trees = { without: subject.base, with: fixed, reverted: await reverted(landed, runs) }
  return judgeSides(await seenOn(trees, tests, runs), tests, runs, { all: true, tree: fixed })
}

/** No test is named: those of the base that the change turned green, else the tests that it brings. */
async function byOwn(measured: Measured, runs: Runs): Promise<Judgement> {
  const { input } = runs
  const { subject, overlay } = input
  const red = new Set(testsOf(measured.base).flatMap((test) => (test.status === "failed" ? [test.id] : [])))
  const turned = testsOf(measured.head).filter((test) => test.status === "passed" && red.has(test.id))
  if (turned.length > 0) {
    const trees = { without: subject.base, with: overlay.tree, reverted: await reverted(overlay.tree, runs) }
    const sides = await seenOn(trees, turned, runs)
    const judged = await judgeSides(sides, turned, runs, { all: false, tree: overlay.tree })
    if (judged.outcome === "pass") return judged
  }
  const own = await runOn(runs, subject.tree, { purpose: "own-tests" })
  const brought = ownTests(own, input).filter((test) => test.status === "passed")
  if (brought.length === 0) return nothingToProve(own, turned, input)
  const without = await reverted(subject.tree, runs)
  const sides = await seenOn({ without, with: subject.tree, reverted: without }, brought, runs)
  return judgeSides(sides, brought, runs, { all: false, tree: subject.tree })
}

function nothingToProve(own: Measurement, turned: readonly Picked[], { facts }: ProofInput): Judgement {
  if (own.result.is === "error") return asks(`the change's own tests can't be read: ${own.result.why}`)
  if (turned.length > 0)
    return asks(`${listIds(turned)} went from red to green, and not by what they assert each time they are run alone`)
  const summary = "no test fails without the change, and it brings none"
  if (facts.finding === undefined) return asks(summary)
  return fails(summary, "Add a test that fails without your fix and passes with it.", ["no test of the fix"], 0)
}

/** The tree with its tests as they are and its source as it is on the base. */
function reverted(tree: string, { input }: Runs): Promise<string> {
  return treeReverted(tree, sourceEntries(input), { repo: input.facts.repo, signal: input.signal })
}

type Trees = { without: string; with: string; reverted: string }
type Seen = Record<"without" | "with" | "reverted", Measurement[]> & { picks: readonly Picked[] }

async function seenOn(trees: Trees, only: readonly Picked[], runs: Runs): Promise<Seen> {
  const on = async (tree: string, purpose: string, picks: readonly Picked[]) => {
    runs.input.told(`${runs.check.name}: ${purpose}, ${plural(only.length, "test")} alone`)
    const seen: Measurement[] = []
    for (let repeat = 1; repeat <= REPEATS; repeat++)
      seen.push(await runOn(runs, tree, { only: picks, repeat, purpose }))
    return seen
  }
  const alone = await on(trees.with, "with-the-fix", only)
  const stands = only.map(({ id }) => standsOf(id, alone))
  const needOthers = stands.some((each) => each !== "green") && !stands.includes("flickers")
  // Tests that need what others of their file do first are run with these.
  const wide = needOthers ? widened(only) : undefined
  const picks = wide ?? only
  return {
    picks,
    with: wide === undefined ? alone : await on(trees.with, "with-the-fix", wide),
    without: await on(trees.without, "without-the-fix", picks),
    // Often one and the same tree as the base: then it is remembered, and not run again.
    reverted: await on(trees.reverted, "fix-taken-back", picks),
  }
}

/** How one test stands without the fix. */
type Without = "proves" | "green" | "flickers" | "error"

function standsOf(id: string, measurements: readonly Measurement[]): Without {
  const reds = measurements.map((measurement) => {
    const results = resultsOf(measurement, id)
    if (results.length === 0) return "error"
    const red = results.filter((test) => test.status === "failed")
    if (red.length === 0) return results.every((test) => test.status === "passed") ? "green" : "error"
    return red.every((test) => test.failure === "assertion" || test.failure === "thrown") ? "proves" : "error"
  })
  const kinds = new Set(reds)
  if (kinds.size === 1) return reds[0] ?? "error"
  return kinds.has("green") ? "flickers" : "error"
}

async function judgeSides(
  { without, with: fixed, reverted: back, picks }: Seen,
  tests: readonly TestResult[],
  runs: Runs,
  { all, tree }: { all: boolean; tree: string },
): Promise<Judgement> {
  const unsteady = tests.filter(({ id }) => standsOf(id, fixed) !== "green")
  if (all && unsteady.length > 0) return notGreen(unsteady, fixed)
  const steady = tests.filter((test) => !unsteady.includes(test))
  const on = (test: TestResult, side: readonly Measurement[]) => standsOf(test.id, side)
  const proving = steady.filter((test) => on(test, without) === "proves" && on(test, back) === "proves")
  if (all ? proving.length === tests.length : proving.length > 0) return proved(proving, without)

  const flicker = steady.filter((test) => on(test, without) === "flickers" || on(test, back) === "flickers")
  if (all && flicker.length > 0) {
    const summary = `${listIds(flicker)} is red without the fix at one time and green at another: nothing can be proved by it`
    return asks(summary, { class: "flaky", flaky: flicker.map((test) => test.id) })
  }
  const stays = steady.filter((test) => on(test, back) === "green" && on(test, without) !== "green")
  if (stays.length > 0) return notTheSource(stays)
  const stuck = steady.filter((test) => on(test, without) === "error" || on(test, back) === "error")
  if (stuck.length > 0) return byBreaking({ tests: stuck, picks: picks === tests ? stuck : picks, tree }, without, runs)
  if (all)
    return asks(`${listIds(tests)} passes alone without the fix: it was red only beside other tests, or is no more`)
  const summary = `the tests that the change brings pass without it too: ${listIds(steady.length > 0 ? steady : tests)}`
  if (runs.input.facts.finding === undefined) return noneClaimed(tests, steady, runs)
  const feedback = `${summary}. Write one that fails without your fix, by what it asserts.`
  return fails(summary, feedback, ["its tests pass without it"], tests.length)
}

/** Nothing says that it is a fix: a refactoring, or a faster way, turns no test green. New tests that show nothing of it are asked about. */
function noneClaimed(tests: readonly TestResult[], steady: readonly TestResult[], { seen }: Runs): Judgement {
  const [base] = seen
  const known = new Set(base === undefined ? [] : testsOf(base).map(({ id }) => id))
  const added = tests.filter(({ id }) => !known.has(id))
  if (steady.length < tests.length || added.length > 0) {
    const told = added.length > 0 ? added : tests
    return asks(
      `the tests that the change brings pass without it too: ${listIds(told)}. Right for tests of what was there all along; those of a fix must fail without it`,
      { failing: told.map(({ id }) => id).sort(), ran: tests.length },
    )
  }
  return passes("no test tells the change from the base, and no finding says that one should", tests.length, [
    "It is shown to break nothing that the tests know, and not to mend anything.",
  ])
}

function proved(proving: readonly TestResult[], without: readonly Measurement[]): Judgement {
  const thrown = proving.filter(({ id }) =>
    without.some((measurement) => resultsOf(measurement, id).some((test) => test.failure === "thrown")),
  )
  const caveats = [
    "It shows that the tests need this source, not that the source is right beyond them.",
    ...(thrown.length === 0
      ? []
      : [`Without the fix the source throws, rather than a test asserting: ${listIds(thrown)}.`]),
  ]
  const summary = `${plural(proving.length, "test")} red without the source of the change, and green with it, ${REPEATS} times each and alone: ${listIds(proving)}`
  return passes(summary, proving.length, caveats)
}

function notGreen(tests: readonly TestResult[], fixed: readonly Measurement[]): Judgement {
  const green = tests.filter(({ id }) =>
    fixed.some((each) => resultsOf(each, id).some((test) => test.status === "passed")),
  )
  if (green.length > 0) {
    const summary = `${listIds(green)} passes with the fix at one time and not at another`
    return asks(summary, { class: "flaky", flaky: green.map((test) => test.id), failing: green.map((test) => test.id) })
  }
  const summary = `${listIds(tests)} does not pass with the fix when it is run alone`
  const ids = tests.map((test) => test.id)
  return {
    ...fails(summary, `${summary}. It must not need other tests to run before it.`, ids, tests.length),
    class: "code",
  }
}

/** Green with the source taken back: something beside the source does it. */
function notTheSource(tests: readonly TestResult[]): Judgement {
  const summary = `${listIds(tests)} passes with the source of the change taken back: it is not the source that turns it green`
  const feedback = `${summary}, but a file beside it. Mend the source; tests and what they load must not stand in for it.`
  return fails(
    summary,
    feedback,
    tests.map((test) => `not by the source: ${test.id}`),
    tests.length,
  )
}

/**
 * Tests that can't even run without the change, as those of a new feature: an import or an export that is missing proves
 * nothing. Then the changed lines are broken where they stand, and the tests have to notice by what they assert.
 */
async function byBreaking(
  { tests, picks, tree }: { tests: readonly TestResult[]; picks: readonly Picked[]; tree: string },
  without: readonly Measurement[],
  runs: Runs,
): Promise<Judgement> {
  const lacks = whatIsMissing(tests, without)
  const mutants = await mutantsOfChange(runs.input, MUTANTS)
  const measured = await runOn(runs, tree, { only: picks, repeat: 1, purpose: "with-the-fix" })
  const until = performance.now() + WITHIN_MS
  const broken = await breakUntilNoticed(runs, { tree, measured }, mutants, {
    only: picks,
    watch: tests,
    until,
  })
  if (broken.noticed !== undefined) {
    const caveat = `The tests can't run without the change (${lacks}), which proves nothing; that they fail when its lines are broken does.`
    const summary = `the tests notice when the changed lines are broken: ${toldOf(broken.noticed.mutant)}, by ${broken.noticed.by[0]}`
    return passes(summary, tests.length, [caveat])
  }
  const tried =
    mutants.length === 0
      ? "nothing in its lines can be broken"
      : `they notice none of ${plural(mutants.length, "small break")} of its lines`
  return asks(`without the change its tests can't run (${lacks}), and ${tried}`, {
    failing: tests.map((test) => test.id).sort(),
    ran: tests.length,
  })
}

/** In the runner's own words: the first line of what went wrong. */
function whatIsMissing(tests: readonly TestResult[], without: readonly Measurement[]): string {
  const messages = without.flatMap((measurement) => {
    if (measurement.result.is === "error") return [measurement.result.why]
    const ids = new Set(tests.flatMap((test) => [test.id, test.file ?? ""]))
    return testsOf(measurement).flatMap((test) => (ids.has(test.id) ? [test.message ?? ""] : []))
  })
  const [said = "they did not run"] = messages.filter((message) => message.trim() !== "")
  const lines = said.split("\n").map((line) => line.trim())
  const line = lines.find((each) => /\b\w*Error\b.*: \S/.test(each))
  const other = lines.find((each) => /cannot|not found|undefined|no such/i.test(each))
  return (line ?? other ?? lines[0] ?? "").slice(0, 200)
}
