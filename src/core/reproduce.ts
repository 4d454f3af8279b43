import type { Finding } from "./finding.ts"
import type { CheckSpec } from "./loop.ts"

const COMMAND_TIMEOUT_MS = 10 * 60_000

/**
 * The check that shows whether a finding still stands: one of the loop's, or the command that a file of the base
 * declares, believed by its exit code. Undefined when nothing is declared, or the loop knows no such check.
 */
export function reproducingCheck(finding: Finding, checks: Readonly<Record<string, CheckSpec>>): CheckSpec | undefined {
  const { reproduce } = finding
  if (reproduce === undefined) return undefined
  if (reproduce.command === undefined)
    return Object.hasOwn(checks, reproduce.check) ? checks[reproduce.check] : undefined
  return {
    name: reproduce.check,
    kind: "exit",
    run: reproduce.command,
    timeoutMs: COMMAND_TIMEOUT_MS,
    from: finding.url ?? finding.source,
  }
}
