import type { AgentSpec } from "./loop.ts"

/** The rung of the escalation ladder for an attempt (1-based): each attempt climbs one `then`, and stays on the last. */
export function agentForAttempt(spec: AgentSpec, attempt: number): AgentSpec {
  let rung = spec
  for (let n = 1; n < attempt && rung.then !== undefined; n++) rung = rung.then
  return rung
}

/** Whether the next attempt has another agent to fall to. */
export function climbsAfter(spec: AgentSpec | undefined, attempt: number): boolean {
  return spec !== undefined && agentForAttempt(spec, attempt) !== agentForAttempt(spec, attempt + 1)
}
