import { evaluate, type Known, type Leaf, obstacles } from "./check-expr.ts"
import type { StopReason } from "./event.ts"
import type { Evidence, Verdict } from "./evidence.ts"
import type { Layer } from "./loop.ts"
import { panelOutcome, voteOf } from "./panel.ts"

/** Checks that no loop can leave out: their evidence is demanded for every head. */
export const STANDING_CHECKS = ["merge", "protected_paths", "finding_fixed", "no_weakened_tests"] as const

/** What is to be judged: one commit on one base, by the layers that the loop demands. */
export type Case = { head: string; base: string; layers: readonly Layer[]; evidence: readonly Evidence[] }

const accepted = Symbol("accepted")

/** Leave to ship this very commit on this very base. Only `acceptFor` makes one, from evidence. */
export type Accept = {
  readonly head: string
  readonly base: string
  /** The merged tree that may ship. */
  readonly tree: string
  readonly [accepted]: true
}

/** The leave to ship, derived again from the evidence; undefined unless `judge` accepts this head on this base. */
export function acceptFor(matter: Case): Accept | undefined {
  const merge = evidenceOf(matter, "merge")
  if (merge === undefined || judge(matter).is !== "accept") return undefined
  return Object.freeze({ head: matter.head, base: matter.base, tree: merge.tree, [accepted]: true as const })
}

/**
 * The verdict that the evidence comes to. It accepts only when every standing check and every layer passed for this
 * head on this base; what is missing, skipped or in error is never a pass.
 */
export function judge(matter: Case): Verdict {
  const troubles = troublesOf(matter)
  if (troubles.length === 0) return { is: "accept", head: matter.head }
  const asks = troubles.filter((trouble) => trouble.act === "ask")
  if (asks.length > 0) return { is: "ask", reason: clip(unique(asks.map((trouble) => trouble.text)).join("\n")) }
  return { is: "retry", feedback: clip(unique(troubles.map((trouble) => trouble.text)).join("\n\n")) }
}

/** The rule by which a case that `judge` does not accept would wait for a person. */
export function askedFor(matter: Case): StopReason {
  const asks = troublesOf(matter).filter((trouble) => trouble.act === "ask")
  const [first] = asks
  if (first === undefined) return "gate_asks"
  if (first.check === "merge") return "conflict"
  if (asks.some((trouble) => trouble.blame === "infrastructure")) return "infrastructure"
  if (first.check.startsWith("review:")) return "reviewer_asks"
  if (first.check.startsWith("panel:")) return disagrees(matter, first.check) ? "reviewers_disagree" : "reviewer_asks"
  if (first.check.startsWith("goal:") && evidenceOf(matter, first.check)?.outcome === "fail") return "goal_impossible"
  return first.check.startsWith("approval:") ? "approval" : "gate_asks"
}

function disagrees(matter: Case, check: string): boolean {
  const panel = matter.layers.find((layer) => layer.by === "panel" && layerCheck(layer) === check)
  if (panel?.by !== "panel") return false
  const votes = panel.agents.map((agent) => voteOf(evidenceOf(matter, reviewCheck(agent)) ?? { outcome: "error" }))
  return panelOutcome(votes, panel.quorum) === "disagree"
}

/** The name under which a layer that is no expression leaves its evidence. */
export function layerCheck(layer: Exclude<Layer, { by: "check" }>): string {
  switch (layer.by) {
    case "agent":
      return reviewCheck(layer.agent)
    case "panel":
      return `panel:${layer.agents.join("+")}`
    case "evaluator":
      return `goal:${layer.agent}`
    case "approve":
      return `approval:${layer.who}`
  }
}

/** The name under which one reviewer leaves its evidence, alone or in a panel. */
export function reviewCheck(agent: string): string {
  return `review:${agent}`
}

/** Whether evidence of this name is somebody's opinion, which nobody else who judges may hear. */
export function isOpinion(check: string): boolean {
  return /^(review|panel|goal|approval):/.test(check)
}

/** What a case knows of one check: only a pass or a fail counts, everything else is unknown. */
export function knownOf(matter: Pick<Case, "head" | "base" | "evidence">, check: string): Known {
  const outcome = evidenceOf(matter, check)?.outcome
  return outcome === "pass" || outcome === "fail" ? outcome : "unknown"
}

/** Whether a layer's own evidence lets the next one begin. */
export function layerPasses(matter: Pick<Case, "head" | "base" | "evidence">, layer: Layer): boolean {
  if (layer.by === "check") return evaluate(layer.expr, (check) => knownOf(matter, check)) === "pass"
  return knownOf(matter, layerCheck(layer)) === "pass"
}

type Trouble = { check: string; act: "retry" | "ask"; text: string; blame?: Evidence["blame"] }

/** What stands in the way: of the standing checks all, of the layers the first that does not pass. */
function troublesOf(matter: Case): Trouble[] {
  const standing = STANDING_CHECKS.flatMap((check) => {
    const evidence = evidenceOf(matter, check)
    return evidence === undefined || evidence.outcome === "pass" ? [] : [troubleOf(evidence, { check, wanted: "pass" })]
  })
  const layer = matter.layers.find((each) => !layerPasses(matter, each))
  const inLayer = layer === undefined ? [] : layerTroubles(matter, layer, standing.length > 0)
  const found = [...standing, ...inLayer]
  if (found.length > 0) return found
  if (matter.layers.length === 0)
    return [missing("verify", "The loop declares no verification, so nothing can be accepted.")]
  return STANDING_CHECKS.filter((check) => evidenceOf(matter, check) === undefined).map((check) =>
    missing(check, `There is no evidence of \`${check}\` for this head.`),
  )
}

function layerTroubles(matter: Case, layer: Layer, excused: boolean): Trouble[] {
  const leaves: Leaf[] =
    layer.by === "check"
      ? obstacles(layer.expr, (check) => knownOf(matter, check))
      : [{ check: layerCheck(layer), wanted: "pass" }]
  const told = leaves.flatMap((leaf) => {
    const evidence = evidenceOf(matter, leaf.check)
    return evidence === undefined ? [] : [troubleOf(evidence, leaf)]
  })
  if (told.length > 0 || excused) return told
  const names = leaves.map((leaf) => `\`${leaf.check}\``).join(", ") || "a layer without checks"
  return [missing(leaves[0]?.check ?? "verify", `There is no evidence of ${names} for this head.`)]
}

function troubleOf(evidence: Evidence, { check, wanted }: Leaf): Trouble {
  if (evidence.outcome === "pass" || (wanted === "fail" && evidence.outcome === "fail")) {
    return {
      check,
      act: "retry",
      text: `\`${check}\` must ${wanted === "fail" ? "not pass" : "pass"}: ${evidence.summary}`,
    }
  }
  const blame = evidence.outcome === "skipped" ? "person" : (evidence.blame ?? "person")
  // Only what the change itself did wakes a maker: what flickers, or was there before, no code of his mends.
  if (blame === "maker" && (evidence.class ?? "code") === "code")
    return { check, act: "retry", blame, text: evidence.feedback ?? `\`${check}\`: ${evidence.summary}` }
  return { check, act: "ask", blame, text: `\`${check}\`: ${evidence.summary}` }
}

function missing(check: string, text: string): Trouble {
  return { check, act: "ask", text }
}

/** The last word of a check on this head and base: evidence for any other commit is none. */
function evidenceOf(
  { head, base, evidence }: Pick<Case, "head" | "base" | "evidence">,
  check: string,
): Evidence | undefined {
  return evidence.findLast((each) => each.check === check && each.head === head && each.base === base)
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

const MAX_TEXT_CHARS = 24_000

function clip(text: string): string {
  return text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS)} …`
}
