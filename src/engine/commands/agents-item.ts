import type { DetectedAgent } from "../../make/detect-agents.ts"
import { agentsHere } from "../agents-here.ts"

/** What `doctor` says of the agents: which are here, in which version, how each is paid for, and what it lacks. */
export async function agentsItem(): Promise<{ state: "ok" | "lacking"; says: string; advice?: string }> {
  const agents = await agentsHere()
  const says = agents.length === 0 ? "no coding agent is installed" : agents.map(agentLine).join(", ")
  const advice = adviceFor(agents)
  return advice === undefined ? { state: "ok", says } : { state: "lacking", says, advice }
}

/** One agent in a line: `claude 2.1.329 (ANTHROPIC_API_KEY)`. */
export function agentLine({ kind, version, usable, lacks, auth }: DetectedAgent): string {
  const named = `${kind} ${version ?? "(unknown version)"}`
  if (lacks !== undefined) return `${named} (needs ${lacks})`
  return usable ? `${named} (${payerOf(auth)})` : `${named} (not supported yet)`
}

function payerOf(auth: DetectedAgent["auth"]): string {
  switch (auth?.is) {
    case "key":
    case "token":
      return auth.from
    case "login":
      return "logged in for its user alone"
    default:
      return "no key"
  }
}

function adviceFor(agents: readonly DetectedAgent[]): string | undefined {
  const usable = agents.filter((agent) => agent.usable)
  if (usable.length === 0)
    return 'Install claude, codex, opencode or gemini; or let any command make the changes: flyball init --agent "npx eslint --fix ."'
  if (usable.some(({ auth }) => auth?.is === "key" || auth?.is === "token")) return undefined
  const login = usable.find(({ auth }) => auth?.is === "login")
  if (login?.auth?.is === "login")
    return `Flyball uses no login that it finds (${login.auth.file}). For ${login.kind}: ${login.auth.instead}.`
  return "None of them has a key: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or name a provider in providers.yaml."
}
