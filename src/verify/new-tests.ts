import type { Measurement, TestResult } from "../core/evidence.ts"
import type { ChangeFacts } from "./checks/check.ts"
import type { Entry } from "./diff.ts"
import { treeAsInHead, treeWithout } from "./edit-tree.ts"
import type { Overlay } from "./measuring.ts"
import { isCode, isTestPath } from "./paths.ts"
import { readTests } from "./syntax/tests.ts"
import { readTexts } from "./texts.ts"

/**
 * The tree on which the base's tests stand alone: a test file that the head adds may share a process with them, and patch
 * what they test. What the head's source itself imports from such a file stays: it lands with it, and is its own doing.
 */
export async function apartFromNewTests(overlay: Overlay, facts: ChangeFacts): Promise<Overlay> {
  const added = facts.entries.filter(
    ({ path, status }) => status === "added" && isTestPath(path) && isCode(path) && !isOfSource(path, facts),
  )
  if (added.length === 0) return overlay
  const removed = added.map(({ path }) => path)
  const tree = await treeWithout(overlay.tree, removed, facts)
  const moved = await movedFrom(overlay, added, facts)
  const withoutNewTests = { tree, removed, moved: moved.map(({ path }) => path) }
  if (moved.length === 0) return { ...overlay, withoutNewTests }
  // What differs from the base is another list now.
  const { differences: _, ...rest } = overlay
  return { ...rest, tree: await treeAsInHead(overlay.tree, moved, facts), withoutNewTests }
}

/** Files whose base's copies were put back although their tests stand in an added file now: a package of Go holds a test but once. */
async function movedFrom({ editedTests }: Overlay, added: readonly Entry[], facts: ChangeFacts): Promise<Entry[]> {
  const edited = facts.entries.filter(({ path }) => editedTests.includes(path))
  const ids = [...edited.flatMap(({ oldId, newId }) => [oldId, newId]), ...added.map(({ newId }) => newId)]
  const texts = await readTexts(facts.repo, ids, facts.signal)
  const namesIn = (path: string, id: string) =>
    new Set((readTests(path, texts.get(id) ?? "")?.cases ?? []).map(({ name }) => name))
  const arrived = new Set(added.flatMap(({ path, newId }) => [...namesIn(path, newId)]))
  return edited.filter(({ path, oldId, newId }) => {
    const kept = namesIn(path, newId)
    return [...namesIn(path, oldId)].some((name) => !kept.has(name) && arrived.has(name))
  })
}

/** Whether a line that the change adds to its source brings this file in. */
function isOfSource(path: string, facts: ChangeFacts): boolean {
  const stem = (path.split("/").at(-1) ?? "").replace(/\.[^.]+$/, "").replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  const brings = new RegExp(`\\b(import|from|require|use|mod|include)\\b.*(?<![\\w-])${stem}(?![\\w-])`)
  return [...facts.lines].some(
    ([file, { added }]) =>
      isCode(file) && !facts.isTest(file) && !isTestPath(file) && added.some(({ text }) => brings.test(text)),
  )
}

/**
 * One measurement of two: what the base has is taken as the worse of alone and beside the head's new tests, so that these
 * can neither turn a test green nor break one unseen; what is new is taken from beside.
 */
export function asSeenApart(
  base: Measurement,
  alone: Measurement,
  beside: Measurement,
  moved: readonly string[],
): Measurement {
  if (alone.result.is === "error") return alone
  if (alone.result.report.kind === "exit") return alone.exitCode === 0 ? beside : alone
  const known = new Set(testsOf(base).map((test) => test.id))
  const apart = new Map(testsOf(alone).map((test) => [test.id, test]))
  const tests = testsOf(beside).flatMap((test): TestResult[] => {
    const own = apart.get(test.id)
    if (own !== undefined) return [worse(own, test)]
    // Without it the base's test did not run at all: what ran beside the new files is no witness.
    return known.has(test.id) ? [] : [test]
  })
  const seenBeside = new Set(tests.map(({ id }) => id))
  const left = [...apart.values()].filter(({ id, file = "" }) => moved.includes(file) && !seenBeside.has(id))
  const exitCode = beside.exitCode === 0 ? alone.exitCode : beside.exitCode
  const touched = [...new Set([...(alone.touched ?? []), ...(beside.touched ?? [])])]
  const seen = touched.length === 0 ? beside : { ...beside, touched }
  return {
    ...seen,
    result: { is: "report", report: { kind: "tests", tests: [...tests, ...left] } },
    exitCode,
    ms: alone.ms + beside.ms,
  }
}

function worse(alone: TestResult, beside: TestResult): TestResult {
  const rank = { failed: 0, todo: 1, skipped: 2, passed: 3 }
  if (rank[beside.status] <= rank[alone.status]) return beside
  const message = `Without the test files that the change adds: ${alone.message ?? alone.status}`
  return { ...alone, message }
}

function testsOf({ result }: Measurement): readonly TestResult[] {
  return result.is === "report" && result.report.kind === "tests" ? result.report.tests : []
}
