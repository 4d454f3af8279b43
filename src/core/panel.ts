import type { Evidence } from "./evidence.ts"

/** What one reviewer of a panel came to. An `error` (it hung, broke, or gave no verdict) is no opinion. */
export type Vote = "accept" | "reject" | "ask" | "error"

/** What a panel comes to: `disagree` and `ask` are a person's to settle, `unheard` waits for the machine. */
export type PanelOutcome = "accept" | "retry" | "disagree" | "ask" | "unheard"

/*
 *   n reviewers, of whom `quorum` must accept; the first line that applies:
 *
 *   rejects > n - quorum            retry      too few are left to accept, whatever the others say: the maker hears why
 *   a reject beside an accept       disagree   a person settles it, also where the quorum of accepts is there
 *   an ask                          ask        somebody saw what only a person can decide; no count outvotes that
 *   accepts >= quorum               accept     the others erred, which is said
 *   else                            unheard    errors keep it from the quorum: no agent could mend that
 */

/** The panel's word from its reviewers' votes: pure, and tested as a table. */
export function panelOutcome(votes: readonly Vote[], quorum: number): PanelOutcome {
  const count = (vote: Vote) => votes.filter((each) => each === vote).length
  const [accepts, rejects] = [count("accept"), count("reject")]
  if (quorum < 1 || quorum > votes.length) return "unheard"
  if (rejects > votes.length - quorum) return "retry"
  if (rejects > 0 && accepts > 0) return "disagree"
  if (count("ask") > 0) return "ask"
  return accepts >= quorum ? "accept" : "unheard"
}

/** A reviewer's vote, from its evidence: only what is plainly a pass is an accept. */
export function voteOf({ outcome, blame }: Pick<Evidence, "outcome" | "blame">): Vote {
  if (outcome === "pass") return "accept"
  if (outcome !== "fail") return "error"
  return blame === "maker" ? "reject" : blame === "person" ? "ask" : "error"
}
