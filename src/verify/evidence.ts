import type { Evidence, Measurement } from "../core/evidence.ts"
import type { Judgement } from "../core/judge-measured.ts"
import { inert, inertLine } from "../core/untrusted.ts"

/** What the evidence speaks of: one commit, merged onto one base, as one tree. */
export type Subject = { head: string; base: string; tree: string }

type Facts = Partial<Pick<Evidence, "command" | "artifact" | "ms" | "sandboxed" | "definition">>

/**
 * A judgement, put on record for one commit. What read no outside program needs no sandbox. Its words quote tests, linters
 * and agents: they are made inert here, before the ledger, a maker, a reviewer or a person gets them.
 */
export function evidenceOf(
  check: string,
  { head, base, tree }: Subject,
  judgement: Judgement,
  facts: Facts = {},
): Evidence {
  const { blame, feedback, ...judged } = judgement
  return {
    check,
    head,
    tree,
    base,
    sandboxed: true,
    ...judged,
    summary: inert(judged.summary, SUMMARY_CHARS),
    caveats: judged.caveats.map((caveat) => inertLine(caveat, CAVEAT_CHARS)),
    ...(blame === undefined ? {} : { blame }),
    ...(feedback === undefined ? {} : { feedback: inert(feedback, FEEDBACK_CHARS) }),
    ms: 0,
    at: new Date().toISOString(),
    definition: "builtin",
    ...facts,
  }
}

const SUMMARY_CHARS = 8_000
const CAVEAT_CHARS = 1_000
const FEEDBACK_CHARS = 64_000

/** The judgement of a command, with what its measurement can't show. */
export function measuredEvidence(check: string, subject: Subject, judgement: Judgement, head: Measurement): Evidence {
  const caveats = [
    ...judgement.caveats,
    ...(head.sandboxed ? [] : ["Not sandboxed: what it ran could reach what you can reach."]),
    ...(head.definition === "frozen"
      ? ["Its definition is not on the base yet: the loop's frozen copy was used."]
      : []),
  ]
  return evidenceOf(
    check,
    subject,
    { ...judgement, caveats },
    {
      command: head.command,
      ms: head.ms,
      sandboxed: head.sandboxed,
      definition: head.definition,
      ...(head.artifact === undefined ? {} : { artifact: head.artifact }),
    },
  )
}

/** What could not be judged at all, and why: a person has to know. */
export function skipped(check: string, subject: Subject, why: string): Evidence {
  const judgement: Judgement = {
    outcome: "skipped",
    blame: "person",
    ran: 0,
    summary: why,
    failing: [],
    preexisting: [],
    caveats: [],
  }
  return evidenceOf(check, subject, judgement)
}
