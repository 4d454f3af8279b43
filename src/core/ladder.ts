import type { AgentSpec } from "./loop.ts"

/** The rung of the escalation ladder for a round (1-based): each climbs one `then`, and stays on the last. */
export function agentForRound(spec: AgentSpec, round: number): AgentSpec {
  let rung = spec
  for (let n = 1; n < round && rung.then !== undefined; n++) rung = rung.then
  return rung
}

/** Whether the next round has another agent to fall to. */
export function climbsAfter(spec: AgentSpec | undefined, round: number): boolean {
  return spec !== undefined && agentForRound(spec, round) !== agentForRound(spec, round + 1)
}
