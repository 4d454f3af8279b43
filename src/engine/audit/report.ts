import { z } from "zod"
import { Figures, figuresOf, got, wasJudged } from "./figures.ts"
import { CaseResult } from "./result.ts"

/** What an audit came to: printed by `flyball audit --json`, and drawn by `--html`. */
export const AuditReport = z.object({
  /** The corpus, or a repository's own history. */
  of: z.object({ is: z.enum(["corpus", "repository"]), name: z.string() }),
  version: z.string(),
  at: z.string(),
  seed: z.number(),
  sandbox: z.enum(["bubblewrap", "none"]),
  /** `time` and `interrupted`: what was reached by then was measured. */
  ended: z.enum(["complete", "time", "interrupted"]),
  ms: z.number(),
  figures: Figures,
  /** No wrong change was accepted, no harm was done, and no unsound case was taken for a sound one. */
  clean: z.boolean(),
  counts: z.object({
    cases: z.number(),
    judged: z.number(),
    thrownOut: z.number(),
    leftOut: z.number(),
    broke: z.number(),
    notReached: z.number(),
    /** Of a history: changes that no test of the repository tells from the fix; they may mean the same. */
    undecided: z.number(),
  }),
  /** What the person who reads this should know: what could not be measured, and why. */
  notes: z.array(z.string()),
  cases: z.array(CaseResult),
})
export type AuditReport = z.infer<typeof AuditReport>

/** Everything but the figures, which follow from the cases. */
export type AuditFacts = Omit<AuditReport, "figures" | "clean" | "counts"> & { undecided?: number }

/** Counts what came of the cases. Pure. */
export function reportOf({ undecided = 0, ...facts }: AuditFacts): AuditReport {
  const { cases } = facts
  const many = (...came: CaseResult["came"][]) => cases.filter((each) => came.includes(each.came)).length
  return {
    ...facts,
    figures: figuresOf(cases),
    clean: !cases.some((each) => got(each) || (each.is === "unsound" && wasJudged(each))),
    counts: {
      cases: cases.length,
      judged: cases.filter(wasJudged).length,
      thrownOut: many("thrown_out"),
      leftOut: many("left_out"),
      broke: many("broke"),
      notReached: many("not_reached"),
      undecided,
    },
  }
}
