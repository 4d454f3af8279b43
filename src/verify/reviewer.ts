import type { Judgement } from "../core/judge-measured.ts"
import { parseReview, Review } from "../core/review.ts"
import { type CheckerInput, type CheckerKind, failed, type Opinion, opinionOf } from "./checker.ts"
import type { Subject } from "./evidence.ts"

const MAX_REASONS = 20

/** Another session looks for reasons to reject. */
export function review(check: string, subject: Subject, input: CheckerInput): Promise<Opinion> {
  return opinionOf(check, subject, input, reviewing)
}

const reviewing: CheckerKind = { role: "reviewer", answer: Review, judged: judgeReview, seesOutputs: false }

function judgeReview(said: string): Judgement {
  const parsed = parseReview(said)
  if (parsed.is === "error") return failed(parsed.why)
  const { verdict } = parsed
  const reasons = parsed.reasons.length === 0 ? ["no reason given"] : parsed.reasons.slice(0, MAX_REASONS)
  const list = reasons.map((reason) => `- ${reason}`).join("\n")
  const facts = { ran: 1, failing: [], preexisting: [], caveats: [] }
  switch (verdict) {
    case "accept":
      return { ...facts, outcome: "pass", summary: `accepts: ${reasons[0]}` }
    case "reject":
      return {
        ...facts,
        outcome: "fail",
        blame: "maker",
        summary: `rejects: ${reasons.join("; ")}`,
        feedback: `The reviewer rejects the change:\n${list}`,
        failing: ["review: rejected"],
      }
    case "ask":
      return { ...facts, outcome: "fail", blame: "person", summary: `asks a person: ${reasons.join("; ")}` }
  }
}
