import type { Measurement } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"

/** A check that is left out, and why it can't be measured. */
export type LeftOut = { check: string; why: string }

/**
 * The checks without those linters and type checkers that were only guessed from the project's files and do not work on the base
 * as it is: they would say the same of every change, and keep everything else from being measured. Tests stay, and what
 * `.flyball/checks.yaml` declares.
 */
export async function workingChecks(
  checks: readonly CheckSpec[],
  measure: (check: CheckSpec) => Promise<Measurement>,
): Promise<{ kept: CheckSpec[]; left: LeftOut[] }> {
  const left: LeftOut[] = []
  for (const check of checks) {
    const guessed = (check.kind === "lint" || check.kind === "types") && !check.from.startsWith(".flyball/")
    if (!guessed || check.run === undefined) continue
    const { result } = await measure(check)
    // What took too long, or was stopped, may well work.
    if (result.is !== "error" || result.code === "stopped" || result.code === "timeout") continue
    left.push({ check: check.name, why: `${result.code}: ${result.why.replace(/\s+/g, " ").slice(0, 200)}` })
  }
  return { kept: checks.filter(({ name }) => !left.some(({ check }) => check === name)), left }
}
