import type { Loop } from "./loop.ts"
import type { AgentRole } from "./ports.ts"

/** Which agents a loop's steps name, and as what; one may have several roles. */
export function rolesIn({ steps }: Pick<Loop, "steps">): { role: AgentRole; agent: string }[] {
  return [
    ...(steps.act === undefined ? [] : [{ role: "maker" as const, agent: steps.act.agent }]),
    ...steps.discover.run.flatMap(({ name, args: [agent] }) =>
      name === "agent" && typeof agent === "string" ? [{ role: "explorer" as const, agent }] : [],
    ),
    ...steps.verify.layers.flatMap((layer) =>
      layer.by === "agent" ? [{ role: "reviewer" as const, agent: layer.agent }] : [],
    ),
  ]
}

/** Whoever judges what the maker made must be somebody else. */
export function isChecker(role: AgentRole): boolean {
  return role === "reviewer" || role === "evaluator"
}
