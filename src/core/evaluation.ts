import { z } from "zod"
import { closingJson } from "./review.ts"

/*
 * What an evaluator answers: whether a goal is reached, as the last line of its last message. It stands in core because make/
 * asks agents for it, and verify/ and engine/ read it.
 */

export const Evaluation = z.strictObject({
  answer: z.enum(["met", "not_met", "impossible"]),
  reason: z.string().max(4_000),
})
export type Evaluation = z.infer<typeof Evaluation>

/** Reads an evaluator's answer from the end of what it said; anything but exactly the agreed object is an error, never `met`. */
export function parseEvaluation(said: string): ({ is: "evaluation" } & Evaluation) | { is: "error"; why: string } {
  const value = closingJson(said)
  if (value === undefined) return { is: "error", why: "the evaluator's last line is not its answer" }
  const parsed = Evaluation.safeParse(value)
  if (!parsed.success) return { is: "error", why: "the evaluator's answer is malformed" }
  const { answer, reason } = parsed.data
  // A maker is to act on it, or a person: without a reason neither could.
  if (answer !== "met" && reason.trim() === "")
    return { is: "error", why: `the evaluator says \`${answer}\` and no reason` }
  return { is: "evaluation", answer, reason: reason.trim() }
}
