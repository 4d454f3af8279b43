import type { Change } from "../core/change.ts"
import type { Event } from "../core/event.ts"
import type { Evidence } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import type { AgentSpec, Loop } from "../core/loop.ts"
import type { Agents, Progress, Repo, Workspaces } from "../core/ports.ts"
import type { Spend } from "../core/spend.ts"
import type { Standing } from "../core/standing.ts"
import type { FoundSkill } from "../make/skills.ts"
import type { Db } from "../record/database.ts"
import type { GateResult } from "../verify/gate.ts"
import type { Fleet } from "./money.ts"
import type { Reach } from "./reach.ts"
import type { SessionLimits } from "./set-aside.ts"

/** All that performing a command needs of the world; one for each frozen loop, made by `open-context.ts`. */
export type Context = {
  db: Db
  /** While a command is performed: what the ledger held beyond the folded change as it began. */
  known?: readonly Event[]
  repo: Repo
  /** Frozen when its run began. */
  loop: Loop
  /** What all loops of this user may spend together. */
  fleet: Fleet
  workspaces: Workspaces
  agents: Agents
  /** Whether the finding still stands on this base, by its `reproduce` check alone. */
  standing(finding: Finding, base: string, signal: AbortSignal): Promise<Standing>
  /** Why nothing can pass the loop's gate on this base, whatever a maker does. */
  baseTrouble(base: string, signal: AbortSignal): Promise<string | undefined>
  gate(matter: GateMatter, signal: AbortSignal): Promise<GateResult>
  /** Those who judge whose word on this very commit and base was given before, and will most likely stand. */
  heard(matter: Pick<GateMatter, "base" | "head" | "change" | "attempt" | "maker">): Promise<string[]>
  makerPrompt(facts: PromptFacts): Promise<string>
  plannerPrompt(facts: PromptFacts): Promise<string>
  /** The skills that its maker is offered, as the loop and the agent name them. */
  skills(agent: AgentSpec): Promise<FoundSkill[]>
  /** What its maker may reach besides its model. */
  reach(agent: AgentSpec): Promise<Reach>
  /** Where the change's prompts, logs and outputs go. */
  artifactDir(change: string, attempt: number): string
  progress: Progress
}

export type GateMatter = {
  base: string
  head: string
  change: Change
  attempt: number
  maker: { spec: AgentSpec; ranModel?: string }
  earlier: readonly Evidence[]
  approval?: { by: string; head: string }
  /** What those who judge may cost. */
  paid: Paid
}

/** The money of one gate: what a session may have of it, after what others spent, where so many share the rest. */
export type Paid = {
  share(spent: Spend, among: number): SessionLimits
  /** Whether all that was asked for was had, so that a panel may be asked at once. */
  whole: boolean
  /** Has what they cost counted, also of those who do not come to their end. */
  counted(agents: Agents): Agents
  /** Those for whom nothing was set aside. */
  heard: readonly string[]
}

export type PromptFacts = {
  agent: AgentSpec
  change: Change
  attempt: number
  base: string
  skills: readonly FoundSkill[]
  feedback?: string
}
