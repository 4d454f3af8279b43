import type { Measurement, TestResult } from "../core/evidence.ts"
import type { ChangeFacts } from "./checks/check.ts"
import { treeWithout } from "./edit-tree.ts"
import type { Overlay } from "./measuring.ts"
import { isCode, isTestPath } from "./paths.ts"

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
  return { ...overlay, withoutNewTests: { tree: await treeWithout(overlay.tree, removed, facts), removed } }
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
export function asSeenApart(base: Measurement, alone: Measurement, beside: Measurement): Measurement {
  if (alone.result.is === "error") return alone
  const known = new Set(testsOf(base).map((test) => test.id))
  const apart = new Map(testsOf(alone).map((test) => [test.id, test]))
  const tests = testsOf(beside).flatMap((test): TestResult[] => {
    const own = apart.get(test.id)
    if (own !== undefined) return [worse(own, test)]
    // Without it the base's test did not run at all: what ran beside the new files is no witness.
    return known.has(test.id) ? [] : [test]
  })
  const exitCode = beside.exitCode === 0 ? alone.exitCode : beside.exitCode
  const touched = [...new Set([...(alone.touched ?? []), ...(beside.touched ?? [])])]
  const seen = touched.length === 0 ? beside : { ...beside, touched }
  return { ...seen, result: { is: "report", report: { kind: "tests", tests } }, exitCode, ms: alone.ms + beside.ms }
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
