import type { Evidence, Measurement } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import { judgeTests } from "../core/judge-measured.ts"
import type { CheckSpec, Guardrails } from "../core/loop.ts"
import type { Repo } from "../core/ports.ts"
import type { ChangeFacts } from "./checks/check.ts"
import type { OwnTests } from "./checks/no-weakened-tests.ts"
import { type Entry, readDiff } from "./diff.ts"
import type { Subject } from "./evidence.ts"
import { type FindGateFiles, isGateData } from "./gate-scripts/named.ts"
import { type Measured, measureBase, reportedFiles, runsTests, testsOf } from "./judge-check.ts"
import type { Difference, MeasureTree, Overlay, OverlayTree } from "./measuring.ts"
import { apartFromNewTests } from "./new-tests.ts"
import { isTestPath } from "./paths.ts"

/**
 * Whether a test that its file lost passes by the same name in a file that the change adds. What it expects there is
 * compared by `no_weakened_tests` itself.
 */
function hasMoved(id: string, { entries, isTest }: ChangeFacts, own: Measurement): boolean {
  const [file = "", ...names] = id.split(" > ")
  if (!entries.some(({ path, status }) => path === file && status !== "added")) return false
  if (own.result.is !== "report" || own.result.report.kind !== "tests") return false
  const added = new Set(
    entries.filter(({ path, status }) => status === "added" && isTest(path)).map(({ path }) => path),
  )
  const moved = own.result.report.tests.filter(
    (test) =>
      added.has(test.id.split(" > ")[0] ?? "") && test.id.split(" > ").slice(1).join(" > ") === names.join(" > "),
  )
  return moved.length > 0 && moved.every(({ status }) => status === "passed")
}

type Where = { repo: Repo; subject: Subject; signal: AbortSignal }

/** What changed, read once. Throws a Failure `DIFF_TOO_LARGE` for what nobody could read. */
export async function readFacts(
  { repo, subject, signal }: Where,
  finding: Finding | undefined,
  guardrails: Guardrails,
  { path, checks, find }: { path?: string | undefined; checks: readonly CheckSpec[]; find: FindGateFiles },
): Promise<ChangeFacts> {
  const { base, tree } = subject
  const [diff, named] = await Promise.all([readDiff(repo, base, tree, signal), find({ repo, base, signal }, checks)])
  return {
    repo,
    base,
    tree,
    ...diff,
    finding,
    guardrails,
    ...(path === undefined ? {} : { within: path }),
    isTest: isTestPath,
    harnessChanged: [],
    gateFiles: named,
    signal,
  }
}

/** The facts again, with the test files that the base's own report names, and the base's copies of them in place. */
export async function withOverlay(
  facts: ChangeFacts,
  { repo, subject, signal }: Where,
  tools: { checks: readonly CheckSpec[]; measureTree: MeasureTree; overlayTree: OverlayTree },
): Promise<{ facts: ChangeFacts; overlay: Overlay }> {
  const reported = new Set<string>()
  for (const check of tools.checks.filter((each) => each.kind === "tests" && each.run !== undefined)) {
    const base = await measureBase(check, { measureTree: tools.measureTree, subject, signal })
    for (const file of reportedFiles(base)) reported.add(file)
  }
  const isTest = (path: string) => reported.has(path) || isTestPath(path) || isGateData(path, facts.gateFiles)
  const edited = facts.entries.filter((entry) => entry.status !== "added" && isTest(entry.path))
  const testFiles = [...new Set([...reported, ...edited.map((entry) => entry.path)])]
  const { base, tree } = subject
  const differences = facts.entries.map(differenceOf)
  const put = await tools.overlayTree({ repo, base, tree, testFiles, folder: facts.within, differences, signal })
  const isMixed = (path: string) => put.mixed?.has(path) === true
  const known = { ...facts, isTest, isMixed, harnessChanged: put.harnessChanged }
  return { facts: known, overlay: await apartFromNewTests(put, known) }
}

/** A line of the difference as those who put files back need it. */
export function differenceOf({ path, oldMode, oldId, newMode, newId }: Entry): Difference {
  const side = (mode: string, id: string) => (mode === "000000" ? undefined : { mode, id })
  return { path, base: side(oldMode, oldId), head: side(newMode, newId) }
}

/** What the head's edited tests no longer show, by running them beside the base's copies: what lands must stay green. */
export async function lostInOwnTests(
  facts: ChangeFacts,
  measured: readonly Measured[],
  { subject, measureTree, signal }: { subject: Subject; measureTree: MeasureTree; signal: AbortSignal },
): Promise<OwnTests["lost"]> {
  const edited = facts.entries.some((entry) => entry.status !== "added" && facts.isTest(entry.path))
  const lost: OwnTests["lost"][number][] = []
  for (const { check, head } of edited ? measured.filter((each) => runsTests(each.check)) : []) {
    if (head.tree === subject.tree) continue
    const purpose = `${check.name}-own-tests`
    const own = await measureTree(check, { tree: subject.tree, definitionsFrom: subject.base, purpose, signal })
    signal.throwIfAborted()
    if (own.result.is === "error") {
      lost.push({
        id: `\`${check.name}\``,
        why: `can't be read with the change's own copies of the tests: ${own.result.why}`,
      })
      continue
    }
    const { failing } = judgeTests(head, own, { is: "nothing" })
    const stays = failing.filter((id) => !hasMoved(id, facts, own))
    const ran = new Set(testsOf(own).map((test) => test.id))
    const why = "is lost in the change's own copy of the tests"
    lost.push(...stays.map((id) => ({ id, why, gone: !ran.has(id) })))
  }
  return lost
}

/**
 * Whether all that stands in the way are the base's copies of tests that the change edits, and its own copies of them pass:
 * then the change is of what the tests expect, and not of whether the code does it.
 */
export async function onlyBaseCopiesFail(
  facts: ChangeFacts,
  evidence: readonly Evidence[],
  measured: readonly Measured[],
  { subject, measureTree, signal }: { subject: Subject; measureTree: MeasureTree; signal: AbortSignal },
): Promise<boolean> {
  const failed = evidence.filter(({ outcome }) => outcome !== "pass")
  const named = new Set(facts.finding?.reproduce?.ids ?? [])
  const edited = new Set(facts.entries.flatMap(({ path, status }) => (status === "added" ? [] : [path])))
  for (const { check, failing } of failed) {
    const of = measured.find((each) => each.check.name === check && each.check.kind === "tests")
    if (of === undefined || failing.length === 0) return false
    const files = new Map(testsOf(of.base).map((test) => [test.id, test.file ?? ""]))
    if (failing.some((id) => named.has(id) || !edited.has(files.get(id) ?? "") || !facts.isTest(files.get(id) ?? "")))
      return false
    const purpose = `${check}-own-tests`
    const own = await measureTree(of.check, { tree: subject.tree, definitionsFrom: subject.base, purpose, signal })
    signal.throwIfAborted()
    const ran = new Set(testsOf(own).map((test) => test.id))
    const left = judgeTests(of.base, own, { is: "nothing" }).failing
    if (ran.size === 0 || left.some((id) => ran.has(id) || !edited.has(files.get(id) ?? ""))) return false
  }
  return failed.length > 0
}
