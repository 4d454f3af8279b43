import { type DetectedAgent, detectAgents } from "../make/detect-agents.ts"
import { loadProviders } from "../make/gateway/providers-file.ts"
import { findLogins } from "../make/logins.ts"
import { flyballHome } from "./home.ts"

/** The agents on this machine, and who pays for each: the environment, or a provider that this user has written down. */
export async function agentsHere(options: { versions?: boolean } = {}): Promise<DetectedAgent[]> {
  const home = flyballHome(process.env)
  const [{ upstreams }, logins] = await Promise.all([
    loadProviders(home, process.env, { keychain: options.versions !== false }),
    findLogins(process.env, home),
  ])
  return detectAgents(process.env, { ...options, upstreams, logins })
}
