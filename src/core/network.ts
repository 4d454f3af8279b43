import type { AgentSpec, Loop } from "./loop.ts"

/**
 * Package registries that have a name. Which hosts stand behind one is asked of the registry's own client, as this user has
 * set it up, when a run needs it: no list here could know.
 */
export const registries = ["npm", "pypi", "go"] as const
export type Registry = (typeof registries)[number]

/** Whether an entry of `network:` is the name of a registry. */
export function isRegistry(name: string): name is Registry {
  return registries.some((each) => each === name)
}

/** What a maker of the loop may reach besides its model: what the loop says, else registries for commands alone. */
export function reachable({ network }: Pick<Loop, "network">, { use }: Pick<AgentSpec, "use">): readonly string[] {
  if (network !== undefined) return network
  return use === "command" ? registries : []
}

/** The same in words, for who watches a run begin. */
export function networkInWords({ network }: Pick<Loop, "network">, { use }: Pick<AgentSpec, "use">): string {
  const besides = use === "command" || use === "replay" ? "nothing" : "its model alone"
  if (network === undefined) return use === "command" ? "the project's package registries" : besides
  if (network.length === 0) return besides
  return use === "command" || use === "replay" ? network.join(", ") : `its model, ${network.join(", ")}`
}
