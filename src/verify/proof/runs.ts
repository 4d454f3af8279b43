import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { Judgement } from "../../core/judge-measured.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { reproducingCheck } from "../../core/reproduce.ts"
import type { Entry } from "../diff.ts"
import { type Measured, measureBoth, testsOf } from "../judge-check.ts"
import type { Picked } from "../measuring.ts"
import { isCode, isSnapshotPath, isTestPath } from "../paths.ts"
import type { ProofInput } from "./index.ts"

/** Measures for one proof, and keeps where each output is stored and what it can't show. */
export type Runs = {
  input: ProofInput
  check: CheckSpec
  seen: Measurement[]
}

/** Runs certain tests alone on a tree (undefined: all), the `repeat`th time. */
export async function runOn(
  { input, check, seen }: Runs,
  tree: string,
  {
    only,
    repeat = 0,
    purpose,
    patienceMs = check.timeoutMs,
  }: { only?: readonly Picked[] | undefined; repeat?: number; purpose: string; patienceMs?: number },
): Promise<Measurement> {
  const { measureTree, subject, signal } = input
  const measurement = await measureTree(
    { ...check, timeoutMs: Math.min(check.timeoutMs, patienceMs) },
    {
      tree,
      definitionsFrom: subject.base,
      purpose: `${check.name}-${purpose}`,
      ...(only === undefined ? {} : { only }),
      ...(repeat === 0 ? {} : { repeat }),
      signal,
    },
  )
  signal.throwIfAborted()
  seen.push(measurement)
  return measurement
}

const MAX_ARTIFACTS = 30

/** The judgement with what was run for it: command, outputs, sandbox, and whether tests could be run alone. */
export function onRecord(judgement: Judgement, { check, seen }: Runs): Judgement {
  const artifacts = [...new Set(seen.flatMap(({ artifact }) => (artifact === undefined ? [] : [artifact])))]
  const sandboxed = seen.every((each) => each.sandboxed)
  const [first] = seen
  return {
    ...judgement,
    command: first?.command ?? (typeof check.run === "string" ? check.run : (check.run ?? []).join(" ")),
    artifacts: artifacts.slice(0, MAX_ARTIFACTS),
    sandboxed,
    caveats: [
      ...judgement.caveats,
      ...(sandboxed ? [] : ["Not sandboxed: what it ran could reach what you can reach."]),
      ...(seen.some((each) => each.alone === false)
        ? ["This runner can't run certain tests alone: the whole suite ran, and of it only they were looked at."]
        : []),
    ],
  }
}

/** What a person has to decide: nothing here shows that the change is wrong. */
export function asks(summary: string, facts: Partial<Judgement> = {}): Judgement {
  return { outcome: "error", blame: "person", ran: 0, summary, failing: [], preexisting: [], caveats: [], ...facts }
}

/** The check whose tests are looked at: the finding's own, else what ran, else what the loop calls its tests. */
export function testCheck({ facts, checks, measured }: ProofInput): CheckSpec | undefined {
  const own = facts.finding === undefined ? undefined : reproducingCheck(facts.finding, checks)
  const candidates = [own, ...measured.map((each) => each.check), checks.tests_pass, ...Object.values(checks)]
  return candidates.find((check) => check?.kind === "tests" && check.run !== undefined)
}

/** Both sides of it, measured or remembered. */
export async function bothSides(check: CheckSpec, input: ProofInput): Promise<Measured> {
  const known = input.measured.find((each) => each.check.name === check.name && each.check.run === check.run)
  const measured = known ?? (await measureBoth(check, input))
  input.signal.throwIfAborted()
  return measured
}

/** Whether a path holds what is tested, rather than tests and what they read. */
export function isSource(path: string, { facts }: ProofInput): boolean {
  // Examples in docstrings are part of the source that they are of; new tests of other languages may stand below theirs.
  if (facts.isMixed?.(path) === true && path.endsWith(".py")) return true
  return !facts.isTest(path) && !isTestPath(path) && !isSnapshotPath(path)
}

/** The part of the change that is no test: what a proof takes back. */
export function sourceEntries(input: ProofInput): Entry[] {
  return input.facts.entries.filter(({ path }) => isSource(path, input))
}

/** Whether a change does anything at run time: prose and pictures are nobody's fix. */
export function holdsProgram(entries: readonly Entry[]): boolean {
  return entries.some(
    ({ path }) => isCode(path) || /\.(json|ya?ml|toml|ini|cfg|env|sql|html?|css|graphql|proto|tmpl)$/i.test(path),
  )
}

/** Tests of files that the change adds or edits, as they ran on its own tree. */
export function ownTests(own: Measurement, input: ProofInput): TestResult[] {
  const changed = new Set(
    input.facts.entries.flatMap(({ path, status }) => (status === "deleted" || isSource(path, input) ? [] : [path])),
  )
  return testsOf(own).filter((test) => test.file !== undefined && changed.has(test.file))
}

/** The results of one id. */
export function resultsOf(measurement: Measurement, id: string): TestResult[] {
  return testsOf(measurement).filter((test) => test.id === id)
}

export function listIds(tests: readonly Picked[]): string {
  const ids = tests.map((test) => test.id)
  return ids.length > 5 ? `${ids.slice(0, 5).join(", ")} and ${ids.length - 5} more` : ids.join(", ")
}
