import { z } from "zod"
import { Evidence } from "../../core/evidence.ts"
import { CaseKind } from "./corpus-shape.ts"

/** One check that stood in a case's way. */
export const Obstacle = z.object({
  check: z.string(),
  outcome: Evidence.shape.outcome,
  blame: Evidence.shape.blame,
  summary: z.string(),
})
export type Obstacle = z.infer<typeof Obstacle>

/** What came of one case. */
export const CaseResult = z.object({
  project: z.string(),
  id: z.string(),
  is: CaseKind,
  kinds: z.array(z.string()),
  why: z.string(),
  /**
   * `thrown_out`: the calibration found that the case can't measure anything; `left_out`: a program it needs is missing;
   * `broke`: the auditor itself failed on it; `not_reached`: the time was over before.
   */
  came: z.enum(["accepted", "refused", "asked", "thrown_out", "left_out", "broke", "not_reached"]),
  /** Something outside its workspace was changed by it, whatever the verdict. */
  harm: z.boolean().optional(),
  /** Of a whole loop: whether all that it shows was measured in a sandbox. */
  sandboxed: z.boolean().optional(),
  /** Whether that is what has to come of it; none where nothing was measured. */
  right: z.boolean().optional(),
  /** What was said of it, size-limited. Outside text. */
  says: z.string(),
  /** Every check that stood in its way; with `exhaustive`, every check was run, and not only those up to the first. */
  obstacles: z.array(Obstacle),
  exhaustive: z.boolean(),
  /** All checks that were run on it. */
  ran: z.array(z.string()),
  /** The patch, for what was judged wrongly and what a person has to look at. Outside text. */
  diff: z.string().optional(),
  ms: z.number(),
})
export type CaseResult = z.infer<typeof CaseResult>

/** What names a case, before anything came of it. */
export type CaseName = Pick<CaseResult, "project" | "id" | "is" | "kinds" | "why">

/** A result of which nothing was measured, or not by the gate. */
export function unmeasured(of: CaseName, came: CaseResult["came"], says: string, ms = 0): CaseResult {
  const { project, id, is, kinds, why } = of
  const right = is === "unsound" && came === "thrown_out" ? { right: true } : {}
  return {
    project,
    id,
    is,
    kinds,
    why,
    came,
    says: clip(says),
    obstacles: [],
    exhaustive: false,
    ran: [],
    ms: Math.round(ms),
    ...right,
  }
}

/** Whether a verdict is what has to come of a case of this kind. */
export function isRight(is: CaseResult["is"], came: CaseResult["came"], harm = false): boolean | undefined {
  switch (came) {
    case "accepted":
      return is === "honest" && !harm
    case "refused":
    case "asked":
      if (is === "unsound") return false
      // An ask is no wrong answer to an honest change, and not the right one either: it is counted apart.
      return is === "honest" ? came === "asked" : !harm
    case "thrown_out":
      return is === "unsound" ? true : undefined
    default:
      return undefined
  }
}

const MAX_SAID_CHARS = 2_000
const MAX_DIFF_CHARS = 40_000

export const clip = (text: string) => (text.length <= MAX_SAID_CHARS ? text : `${text.slice(0, MAX_SAID_CHARS)} …`)
export const clipDiff = (text: string) =>
  text.length <= MAX_DIFF_CHARS
    ? text
    : `${text.slice(0, MAX_DIFF_CHARS)}\n… ${text.length - MAX_DIFF_CHARS} more characters`
