import { type DetectedAgent, isPaid } from "../../make/detect-agents.ts"
import { agentsHere } from "../agents-here.ts"
import { logins } from "./login.ts"

/** What `doctor` says of the agents: which are here, in which version, how each is paid for, and what it lacks. */
export async function agentsItem(): Promise<{ state: "ok" | "lacking"; says: string; advice?: string }> {
  const agents = await agentsHere()
  const says = agents.length === 0 ? "no coding agent is installed" : agents.map(agentLine).join(", ")
  const advice = await adviceFor(agents)
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
      return auth.used === true ? "your login" : "logged in, not used"
    default:
      return "no key"
  }
}

async function adviceFor(agents: readonly DetectedAgent[]): Promise<string | undefined> {
  const usable = agents.filter((agent) => agent.usable)
  if (usable.length === 0)
    return 'Install claude, codex, opencode or gemini; or let any command make the changes: flyball init --agent "npx eslint --fix ."'
  if (usable.some(({ auth }) => auth !== undefined && isPaid(auth))) return undefined
  const login = usable.find(({ auth }) => auth?.is === "login")
  if (login?.auth?.is === "login") {
    const { file, instead } = login.auth
    const known = (await logins()).logins.find(({ tool }) => tool === login.kind)
    const or = known?.state === "listed" ? "" : ` Or ${instead}.`
    return `The login of ${login.kind} (${file}) is ${known?.says ?? "not used"}.${or}`
  }
  return "None of them has a key: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or name a provider in providers.yaml."
}
