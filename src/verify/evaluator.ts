import { Evaluation, parseEvaluation } from "../core/evaluation.ts"
import type { Judgement } from "../core/judge-measured.ts"
import { type CheckerInput, type CheckerKind, failed, type Opinion, opinionOf } from "./checker.ts"
import type { Subject } from "./evidence.ts"

/** Another session says whether the goal is reached, by what it sees: the maker's word is not among it. */
export function evaluate(check: string, subject: Subject, input: CheckerInput): Promise<Opinion> {
  return opinionOf(check, subject, input, evaluating)
}

const evaluating: CheckerKind = { role: "evaluator", answer: Evaluation, judged: judgeEvaluation, seesOutputs: true }

function judgeEvaluation(said: string): Judgement {
  const parsed = parseEvaluation(said)
  if (parsed.is === "error") return failed(parsed.why)
  const { answer, reason } = parsed
  const facts = { ran: 1, failing: [], preexisting: [], caveats: [] }
  switch (answer) {
    case "met":
      return { ...facts, outcome: "pass", summary: reason === "" ? "met" : `met: ${reason}` }
    case "not_met":
      return {
        ...facts,
        outcome: "fail",
        blame: "maker",
        summary: `not met: ${reason}`,
        feedback: `The checks pass, and the evaluator says that the goal is not met:\n${reason}`,
        failing: ["goal: not met"],
      }
    case "impossible":
      return { ...facts, outcome: "fail", blame: "person", summary: `impossible, says the evaluator: ${reason}` }
  }
}
