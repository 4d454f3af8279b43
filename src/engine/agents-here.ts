import { type DetectedAgent, detectAgents } from "../make/detect-agents.ts"
import { loadProviders } from "../make/gateway/providers-file.ts"
import { flyballHome } from "./home.ts"

/** The agents on this machine, and who pays for each: the environment, or a provider that this user has written down. */
export async function agentsHere(options: { versions?: boolean } = {}): Promise<DetectedAgent[]> {
  const { upstreams } = await loadProviders(flyballHome(process.env), process.env)
  return detectAgents(process.env, { ...options, upstreams })
}
