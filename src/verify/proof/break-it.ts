import type { Measurement } from "../../core/evidence.ts"
import { textOf, treeWithText } from "../edit-tree.ts"
import { testsOf } from "../judge-check.ts"
import type { Picked } from "../measuring.ts"
import { isMutable, type Mutant, mutantsOf } from "../mutate/mutants.ts"
import type { ProofInput } from "./index.ts"
import { isSource, type Runs, runOn } from "./runs.ts"

/** What a few small breaks of the changed lines showed. */
export type Broken = {
  /** The first one that a test noticed, and which. */
  noticed?: { mutant: Mutant; by: string[] }
  /** Those that no test noticed. */
  unnoticed: Mutant[]
  /** Those that could not be read: they do not compile or load. */
  unread: Mutant[]
  outOfTime: boolean
}

/** Files larger than this are not parsed over and over. */
const MAX_FILE_CHARS = 400_000

/** Mutants of the lines that the change adds to its source, one file after the other in turn. */
export async function mutantsOfChange(input: ProofInput, count: number): Promise<Mutant[]> {
  const { facts, subject } = input
  // The tree decides the choice: the same change is broken in the same places wherever it is judged.
  const seed = Number.parseInt(subject.tree.slice(0, 8), 16)
  const rows: Mutant[][] = []
  for (const { path, status, newId, newMode, binary } of facts.entries) {
    if (status === "deleted" || binary || !newMode.startsWith("100") || !isSource(path, input) || !isMutable(path))
      continue
    const lines = (facts.lines.get(path)?.added ?? []).map(({ n }) => n)
    if (lines.length === 0) continue
    const text = await textOf(newId, { repo: facts.repo, signal: input.signal })
    if (text.length <= MAX_FILE_CHARS) rows.push(mutantsOf(path, text, lines, seed).slice(0, count))
  }
  const inTurn = Array.from({ length: count }, (_, depth) => rows.flatMap((row) => row.slice(depth, depth + 1)))
  return inTurn.flat().slice(0, count)
}

/**
 * Runs tests (undefined: all), and watches some of them, on one broken copy after another until one is noticed: a test that passes on `green`, the
 * unbroken tree, fails by what it asserts or by what its source throws. What does not load says nothing.
 */
export async function breakUntilNoticed(
  runs: Runs,
  green: { tree: string; measured: Measurement },
  mutants: readonly Mutant[],
  {
    only,
    watch = only,
    until,
  }: { only: readonly Picked[] | undefined; watch?: readonly Picked[] | undefined; until: number },
): Promise<Broken> {
  const { input } = runs
  const { facts, signal } = input
  const passing = new Set(testsOf(green.measured).flatMap((test) => (test.status === "passed" ? [test.id] : [])))
  const wanted = watch === undefined ? passing : new Set(watch.map((test) => test.id).filter((id) => passing.has(id)))
  const broken: Broken = { unnoticed: [], unread: [], outOfTime: false }
  for (const mutant of mutants) {
    if (performance.now() > until) return { ...broken, outOfTime: true }
    const mode = facts.entries.find(({ path }) => path === mutant.path)?.newMode ?? "100644"
    const where = { repo: facts.repo, signal }
    const tree = await treeWithText(green.tree, { path: mutant.path, mode, text: mutant.text }, where)
    input.told(`${mutant.path}:${mutant.line}, ${mutant.rule}: does a test notice?`)
    const measured = await runOn(runs, tree, { only, purpose: "broken", patienceMs: patienceWith(green.measured) })
    // A break that never ends, or eats the machine, is noticed by whoever waits: no check would take it for green.
    if (measured.result.is === "error" && measured.result.code === "timeout")
      return { ...broken, noticed: { mutant, by: ["tests that do not end"] } }
    if (measured.result.is === "error" && measured.result.code === "over_limit")
      return { ...broken, noticed: { mutant, by: ["tests that use up the machine"] } }
    const red = testsOf(measured).filter((test) => test.status === "failed" && wanted.has(test.id))
    const by = red.filter((test) => test.failure !== "error").map((test) => test.id)
    if (by.length > 0) return { ...broken, noticed: { mutant, by } }
    const loads = testsOf(measured).some((test) => test.status === "passed" && wanted.has(test.id))
    if (red.length === 0 && loads) broken.unnoticed.push(mutant)
    else broken.unread.push(mutant)
  }
  return broken
}

/** How long a broken copy may take: several times what the unbroken one took, where that is known. */
function patienceWith({ ms, tookMs = ms }: Measurement): number {
  return Math.max(LEAST_PATIENCE_MS, tookMs * 5)
}

const LEAST_PATIENCE_MS = 15_000

export function toldOf({ path, line, rule, before, after }: Mutant): string {
  const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text).replace(/\s+/g, " ")
  return `${path}:${line}: ${rule} (\`${short(before)}\` → \`${short(after)}\`)`
}
