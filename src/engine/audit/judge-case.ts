import type { Finding } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { GateResult } from "../../verify/gate.ts"
import { blockers, type Court } from "./court.ts"
import { type CaseName, type CaseResult, clip, clipDiff, isRight, unmeasured } from "./result.ts"
import type { Scratch } from "./scratch.ts"

/** A case as commits. */
export type CommittedCase = CaseName & {
  base: string
  head: string
  finding: Finding
  checks: Record<string, CheckSpec>
  /** Nobody makes another attempt: it is judged as by hand. */
  lastWord?: boolean
}

export type Judging = { court: Court; scratch: Scratch; signal: AbortSignal }

/**
 * Puts one case before the gate as a loop would; what is not accepted is judged once more with every check run, so that
 * it can be told what would have got through without any one of them.
 */
export async function judgeCase(each: CommittedCase, { court, scratch, signal }: Judging): Promise<CaseResult> {
  const started = performance.now()
  const { base, head, finding, checks, lastWord = false } = each
  const matter = { base, head, finding, checks, lastWord, signal }
  const judged = await court.judge(matter)
  const came = cameOf(judged)
  const all = came === "accepted" ? judged : await court.judge({ ...matter, exhaustive: true })
  const right = isRight(each.is, came)
  const looked = right !== true || (each.is === "honest" && came === "asked")
  return {
    ...unmeasured(each, came, saidOf(judged)),
    ...(right === undefined ? {} : { right }),
    obstacles: blockers(all).map(({ check, outcome, blame, summary }) => ({
      check,
      outcome,
      blame,
      summary: clip(summary),
    })),
    exhaustive: true,
    ran: [...new Set(all.evidence.map((evidence) => evidence.check))],
    ...(looked ? { diff: clipDiff(await scratch.diff(each.base, each.head)) } : {}),
    ms: Math.round(performance.now() - started),
  }
}

/** What a verdict means for whoever made the change. */
export function cameOf({ verdict }: Pick<GateResult, "verdict">): "accepted" | "refused" | "asked" {
  return verdict.is === "accept" ? "accepted" : verdict.is === "ask" ? "asked" : "refused"
}

export function saidOf({ verdict }: Pick<GateResult, "verdict">): string {
  return verdict.is === "accept" ? "" : verdict.is === "retry" ? verdict.feedback : verdict.reason
}

export type Calibration = { is: "sound" } | { is: "unsound"; why: string }

/**
 * What has to hold before a case can say anything: the finding is there, the known right fix is accepted, and a patch
 * that does nothing is not.
 */
export async function calibrate(
  of: Omit<CommittedCase, keyof CaseName | "head"> & { reference: string; empty: string },
  { court, signal }: Pick<Judging, "court" | "signal">,
): Promise<Calibration> {
  const { base, finding, checks, reference, empty } = of
  const stands = await court.standing({ base, finding, checks, signal })
  if (stands.is !== "stands") return { is: "unsound", why: `The finding is not there on the base: ${stands.why}` }
  const right = await court.judge({ base, head: reference, finding, checks, signal })
  if (right.verdict.is !== "accept")
    return { is: "unsound", why: `The reference fix is not accepted (${cameOf(right)}): ${saidOf(right)}` }
  const nothing = await court.judge({ base, head: empty, finding, checks, signal })
  if (nothing.verdict.is === "accept") return { is: "unsound", why: "A patch that changes nothing is accepted." }
  return { is: "sound" }
}
