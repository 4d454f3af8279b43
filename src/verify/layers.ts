import { checksOf, evaluate } from "../core/check-expr.ts"
import type { Evidence } from "../core/evidence.ts"
import { knownOf, layerCheck, STANDING_CHECKS } from "../core/judge.ts"
import type { CheckExpr, CheckSpec, Layer } from "../core/loop.ts"
import { judgeAgain } from "./again.ts"
import type { ChangeFacts } from "./checks/check.ts"
import { changeChecks } from "./checks/index.ts"
import { evidenceOf, type Subject, skipped } from "./evidence.ts"
import { type Measured, measureBoth, type Sides } from "./judge-check.ts"
import { runningChecks } from "./proof/index.ts"

export type LayerInput = Sides & {
  facts: ChangeFacts
  checks: Readonly<Record<string, CheckSpec>>
  told: (text: string) => void
  /** Runs what the expression no longer needs, too. */
  exhaustive?: boolean
}

/** What one layer of checks said, and the measurements it took. */
export type LayerOutcome = { evidence: Evidence[]; measured: Measured[] }

/**
 * Runs the checks of an expression, those that only read the change first, until the expression is decided. Measured
 * checks all run even when one has failed: the maker's next attempt should hear everything at once.
 */
export async function runChecks(expr: CheckExpr, known: readonly Evidence[], input: LayerInput): Promise<LayerOutcome> {
  const { subject } = input
  const outcome: LayerOutcome = { evidence: [], measured: [] }
  const value = () => {
    const evidence = [...known, ...outcome.evidence]
    return evaluate(expr, (check) => knownOf({ ...subject, evidence }, check))
  }
  // The gate itself takes the evidence on existing tests, once and last.
  const names = checksOf(expr).filter(
    (name) => name !== "no_weakened_tests" && !known.some((each) => each.check === name && each.head === subject.head),
  )
  for (const name of names.filter((each) => changeChecks[each] !== undefined)) {
    outcome.evidence.push(await readChange(name, input))
  }
  const decided = () => input.exhaustive !== true && value() !== "unknown"
  if (decided()) return outcome
  for (const name of names.filter((each) => changeChecks[each] === undefined && runningChecks[each] === undefined)) {
    const found = await runCheck(name, input)
    outcome.evidence.push(found.evidence)
    if (found.measured !== undefined) outcome.measured.push(found.measured)
    const settled = value() === "pass" || found.evidence.blame === "infrastructure"
    if (settled && input.exhaustive !== true) return outcome
  }
  // Proofs are the dearest: they are asked for only while nothing else has refused the change.
  for (const name of names) {
    const proof = runningChecks[name]
    if (proof === undefined || decided()) continue
    const started = performance.now()
    const judgement = await proof({ ...input, known: [...known, ...outcome.evidence], measured: outcome.measured })
    input.signal.throwIfAborted()
    // Where nothing had to be run, the difference was what was looked at.
    const read = judgement.outcome === "pass" ? { command: readsDifference(subject) } : {}
    const evidence = {
      ...evidenceOf(name, subject, { ...read, ...judgement }),
      ms: Math.round(performance.now() - started),
    }
    input.told(`${name}: ${evidence.outcome}: ${evidence.summary}`)
    outcome.evidence.push(evidence)
  }
  return outcome
}

/** A check that reads the change itself. */
export async function readChange(
  name: string,
  { facts, subject, told }: Pick<LayerInput, "facts" | "subject" | "told">,
): Promise<Evidence> {
  const check = changeChecks[name]
  if (check === undefined) return skipped(name, subject, `There is no built-in check \`${name}\`.`)
  const started = performance.now()
  const evidence = evidenceOf(name, subject, await check(facts), { command: readsDifference(subject) })
  told(`${name}: ${evidence.outcome}: ${evidence.summary}`)
  return { ...evidence, ms: performance.now() - started }
}

/** What a check that runs nothing looks at, in words that show it to anybody. */
export function readsDifference({ base, tree }: Pick<Subject, "base" | "tree">): string {
  return `git diff ${base} ${tree}`
}

async function runCheck(name: string, input: LayerInput): Promise<{ evidence: Evidence; measured?: Measured }> {
  const { checks, subject, facts, told } = input
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined
  if (check === undefined || check.run === undefined || standing.has(name)) {
    const evidence = skipped(name, subject, unavailable(name))
    told(`${name}: ${evidence.outcome}: ${evidence.summary}`)
    return { evidence }
  }
  told(`${name} on the base and on the change`)
  const measured = await measureBoth(check, input)
  // What was stopped says nothing of the change: it must not become evidence.
  input.signal.throwIfAborted()
  const evidence = await judgeAgain(measured, facts.finding, input)
  input.signal.throwIfAborted()
  told(`${name}: ${evidence.outcome}: ${evidence.summary}`)
  return { evidence, measured }
}

const standing: ReadonlySet<string> = new Set(STANDING_CHECKS)

function unavailable(name: string): string {
  if (standing.has(name)) return `\`${name}\` is always on and can't be replaced: take it out of the loop`
  return `No command is known for \`${name}\`: name one in the loop's \`checks\`, or in \`.flyball/checks.yaml\``
}

/** Who has to approve, and when; `condition` is undefined where no one can evaluate it, and then approval is needed. */
export function needApproval(
  layer: Extract<Layer, { by: "approve" }>,
  subject: Subject,
  condition: ((when: string) => boolean | undefined) | undefined,
): Evidence {
  const name = layerCheck(layer)
  if (layer.when !== undefined && condition?.(layer.when) === false) {
    return evidenceOf(name, subject, {
      outcome: "pass",
      ran: 1,
      summary: `not needed: ${layer.when}`,
      failing: [],
      preexisting: [],
      caveats: [],
    })
  }
  const why = layer.when === undefined ? "" : ` (${layer.when})`
  return skipped(name, subject, `${layer.who} has to approve this change${why}`)
}
