import type { Layer, Loop } from "./loop.ts"
import type { AgentRole } from "./ports.ts"

/** Which agents a loop's steps name, and as what; one may have several roles. */
export function rolesIn({ steps, learn }: Pick<Loop, "steps" | "learn">): { role: AgentRole; agent: string }[] {
  return [
    ...(steps.act === undefined ? [] : [{ role: "maker" as const, agent: steps.act.agent }]),
    ...(steps.plan === undefined ? [] : [{ role: "planner" as const, agent: steps.plan.agent }]),
    ...steps.discover.run.flatMap(({ name, args: [agent] }) =>
      name === "agent" && typeof agent === "string" ? [{ role: "explorer" as const, agent }] : [],
    ),
    ...(steps.discover.run.some(({ name }) => name === "skill")
      ? [{ role: "explorer" as const, agent: triagerOf(steps.discover) }]
      : []),
    ...(steps.discover.triage === undefined ? [] : [{ role: "triager" as const, agent: steps.discover.triage }]),
    ...steps.verify.layers.flatMap((layer): { role: AgentRole; agent: string }[] =>
      layer.by === "evaluator"
        ? [{ role: "evaluator", agent: layer.agent }]
        : reviewersOf(layer).map((agent) => ({ role: "reviewer", agent })),
    ),
    ...(learn === undefined ? [] : [{ role: "scribe" as const, agent: learn.agent }]),
  ]
}

/** The reviewers that a layer asks: one, a panel of them, or none. */
export function reviewersOf(layer: Layer): readonly string[] {
  return layer.by === "agent" ? [layer.agent] : layer.by === "panel" ? layer.agents : []
}

/** Everybody whom the layers ask for an opinion, each as often as it is asked. */
export function checkersOf(layers: readonly Layer[]): string[] {
  return layers.flatMap((layer) => (layer.by === "evaluator" ? [layer.agent] : [...reviewersOf(layer)]))
}

/** Which agent sorts what was found, and looks for what a skill describes: the loop's, or the one called so. */
export function triagerOf({ triage }: { triage?: string | undefined }): string {
  return triage ?? "triager"
}

/** Whoever judges what the maker made must be somebody else. */
export function isChecker(role: AgentRole): boolean {
  return role === "reviewer" || role === "evaluator"
}
