import type { Finding } from "../core/finding.ts"
import type { CheckSpec } from "../core/loop.ts"
import type { Prober } from "../core/ports.ts"
import { reproducingCheck } from "../core/reproduce.ts"
import { type Standing, standingOf } from "../core/standing.ts"

/** Whether a finding still stands on the base: its `reproduce` check alone is asked, and measured once a base. */
export async function standing(
  finding: Finding,
  base: string,
  { checks, prober, signal }: { checks: Record<string, CheckSpec>; prober: Prober; signal: AbortSignal },
): Promise<Standing> {
  const check = reproducingCheck(finding, checks)
  if (check !== undefined) return standingOf(finding, await prober.measure(check, base, signal))
  if (finding.reproduce === undefined) return standingOf(finding, undefined)
  return { is: "unknown", why: `The loop knows no check \`${finding.reproduce.check}\`.` }
}
