import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import type { Measurement } from "../../core/evidence.ts"
import { judgeMeasured } from "../../core/judge-measured.ts"
import { CheckKind, type CheckSpec } from "../../core/loop.ts"
import { commitTree } from "../../spec/tree.ts"
import { openProber, type TreeProber } from "../../verify/measure.ts"
import { type Break, type Broken, breaksFor } from "./breaks.ts"
import { editTree, filesIn } from "./edit-tree.ts"
import type { Definitions } from "./offered.ts"
import type { OpenGate } from "./open-gate.ts"

/** How a check stands on a commit, measured twice. */
export const CheckState = z.object({
  /** `flaky`: not the same twice on one tree. `error`: it can't be measured. */
  is: z.enum(["green", "red", "flaky", "error"]),
  /** Tests that ran, or problems that were reported. */
  ran: z.number(),
  /** The ids that are red, or that differed; at most 20. */
  ids: z.array(z.string()),
  says: z.string(),
  /** Of the first measurement. */
  ms: z.number(),
})
export type CheckState = z.infer<typeof CheckState>

export const ProvedCheck = z.object({
  name: z.string(),
  kind: CheckKind,
  run: z.string(),
  from: z.string(),
  base: CheckState,
  proof: z.object({
    is: z.enum(["goes_red", "stays_green", "not_shown"]),
    says: z.string(),
    /** What was broken, each tried in turn. */
    tried: z.array(z.string()),
  }),
})
export type ProvedCheck = z.infer<typeof ProvedCheck>

type Proving = {
  gate: OpenGate
  definitions: Definitions
  commit: string
  told: (text: string) => void
  signal: AbortSignal
}

/** Measures a check twice on a commit, and then with what it guards broken, until it is seen to go red. */
export async function proveCheck(check: CheckSpec, proving: Proving): Promise<ProvedCheck> {
  const { commit, told, signal } = proving
  const run = typeof check.run === "string" ? check.run : (check.run ?? []).join(" ")
  const facts = { name: check.name, kind: check.kind, run, from: check.from }
  told(`${check.name} as it is, twice`)
  const probers = [
    await freshProber(proving, `${check.name}-1`),
    await freshProber(proving, `${check.name}-2`),
  ] as const
  const first = await measure(probers[0], check, commit, proving)
  if (first.result.is === "error")
    return { ...facts, base: stateOf(first, first), proof: notShown("it can't be measured as it is") }
  const second = await measure(probers[1], check, commit, proving)
  const base = stateOf(first, second)
  signal.throwIfAborted()
  if (base.is === "red" && first.result.report.kind === "exit")
    return {
      ...facts,
      base,
      proof: notShown("it is red as it is, and its exit code alone can't tell one red from another"),
    }
  return { ...facts, base, proof: await tryBreaks(check, { first, second, base, probers }, proving) }
}

type Given = { first: Measurement; second: Measurement; base: CheckState; probers: readonly [TreeProber, TreeProber] }

async function tryBreaks(check: CheckSpec, given: Given, proving: Proving): Promise<ProvedCheck["proof"]> {
  const { first, base, probers } = given
  const { gate, commit, told, signal } = proving
  const committed = commitTree(gate.repo.gitDir, commit)
  const broken: Broken = {
    files: await filesIn(gate.repo, commit, signal),
    read: committed.read,
    testFiles: testFilesOf(first),
  }
  const tried: string[] = []
  for await (const each of breaksFor(check, broken)) {
    told(`${check.name} with ${each.says}`)
    const tree = await editTree(gate.repo, commit, each.texts, signal)
    const measured = await measure(probers[0], check, tree, proving)
    signal.throwIfAborted()
    const judged = judgeMeasured(first, measured, { is: "nothing" })
    tried.push(each.says)
    if (judged.outcome === "pass") continue
    if (base.is === "flaky" && !(await twice(check, tree, judged.failing, given, proving))) continue
    return { is: "goes_red", says: redWords(each, judged.summary, first), tried }
  }
  if (tried.length === 0) return notShown("nothing is known here that could be broken for it")
  if (base.is === "flaky") return notShown("it is not the same twice, so what turned it red may have been chance")
  const whole = "It proves nothing: it stays green whatever was broken."
  return { is: "stays_green", says: whole, tried }
}

/** What goes red by itself now and then shows nothing: here only what was green twice, and is red twice, counts. */
async function twice(
  check: CheckSpec,
  tree: string,
  failing: readonly string[],
  { second, probers }: Given,
  proving: Proving,
): Promise<boolean> {
  const again = judgeMeasured(second, await measure(probers[1], check, tree, proving), { is: "nothing" })
  return failing.some((id) => again.failing.includes(id))
}

/** What only the harshest break shows is said: a suite that notices no wrong value proves less than it seems to. */
function redWords({ is, says }: Break, summary: string, { result }: Measurement): string {
  const seen = `goes red for ${says}: ${clip(summary)}`
  if (is !== "failing_test") return seen
  const passing =
    result.is === "report" &&
    result.report.kind === "tests" &&
    result.report.tests.some(({ status }) => status === "passed")
  return `${seen}. No mistake in the source was noticed: ${passing ? "the tests seem not to cover it" : "no test is green"}.`
}

function notShown(why: string): ProvedCheck["proof"] {
  return { is: "not_shown", says: `It can't be shown here: ${why}.`, tried: [] }
}

/** One that remembers nothing: what is to be seen twice must be run twice. */
async function freshProber({ gate, definitions }: Proving, name: string): Promise<TreeProber> {
  const dataDir = join(gate.repo.gitDir, "fresh", name.replace(/[^\w-]+/g, "-").slice(0, 60))
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const { workspaces } = gate.toolsFor(definitions)
  const { loopPath } = definitions
  return openProber({
    workspaces,
    sandbox: gate.sandbox,
    repo: { ...gate.repo, dataDir },
    artifactDir: join(gate.source.dataDir, "checks"),
    ...(loopPath === undefined ? {} : { loopPath }),
  })
}

function measure(
  prober: TreeProber,
  check: CheckSpec,
  tree: string,
  { commit, signal }: Proving,
): Promise<Measurement> {
  return prober.measureTree(check, { tree, definitionsFrom: commit, purpose: `${check.name}-prove`, signal })
}

const MAX_IDS = 20

/** What two measurements of one tree say of it; given one and the same, nothing of flakiness. */
export function stateOf(first: Measurement, second: Measurement): CheckState {
  if (first.result.is === "error")
    return { is: "error", ran: 0, ids: [], says: `${first.result.code}: ${first.result.why}`, ms: first.ms }
  const [a, b] = [redsOf(first), redsOf(second)]
  const differ = [...a.reds].filter((id) => !b.reds.has(id)).concat([...b.reds].filter((id) => !a.reds.has(id)))
  const facts = { ran: a.ran, ms: first.ms }
  if (differ.length > 0 || a.ran !== b.ran) {
    const what =
      differ.length > 0
        ? `${differ.length} not the same twice: ${differ.slice(0, 3).join("; ")}`
        : `${a.ran} ran, and then ${b.ran}`
    return { ...facts, is: "flaky", ids: differ.sort().slice(0, MAX_IDS), says: what }
  }
  const reds = [...a.reds].sort()
  if (reds.length === 0) return { ...facts, is: "green", ids: [], says: a.says }
  return {
    ...facts,
    is: "red",
    ids: reds.slice(0, MAX_IDS),
    says: `${reds.length} of ${a.ran}: ${reds.slice(0, 3).join("; ")}`,
  }
}

function redsOf({ result, exitCode }: Measurement): { reds: Set<string>; ran: number; says: string } {
  if (result.is === "error") return { reds: new Set([`${result.code}: ${result.why}`]), ran: -1, says: result.why }
  const { report } = result
  switch (report.kind) {
    case "tests": {
      const ran = report.tests.filter(({ status }) => status === "passed" || status === "failed").length
      const idle = report.tests.length - ran
      const reds = report.tests.filter(({ status }) => status === "failed").map(({ id }) => id)
      return { reds: new Set(reds), ran, says: `${ran} tests pass${idle === 0 ? "" : `, ${idle} skipped or todo`}` }
    }
    case "issues": {
      // What a linter warns of without being red by it is nothing to be mended first.
      const counted = exitCode === 0 ? report.issues.filter(({ severity }) => severity === "error") : report.issues
      const reds = counted.map(({ rule, file, line }) => `${rule} in ${file}${line === undefined ? "" : `:${line}`}`)
      const warnings = report.issues.length - counted.length
      const says = warnings === 0 ? "nothing reported" : `${warnings} warnings, by which it is not red`
      return { reds: new Set(reds), ran: report.issues.length, says }
    }
    case "exit":
      return { reds: new Set(report.exitCode === 0 ? [] : [`exits ${report.exitCode}`]), ran: 1, says: "exits 0" }
    default:
      return { reds: new Set(), ran: 1, says: "measured" }
  }
}

function testFilesOf({ result }: Measurement): string[] {
  if (result.is === "error" || result.report.kind !== "tests") return []
  return [...new Set(result.report.tests.flatMap(({ file }) => file ?? []))]
}

function clip(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim()
  return flat.length <= 200 ? flat : `${flat.slice(0, 199)}…`
}
