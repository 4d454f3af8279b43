import { dirname, isAbsolute } from "node:path"
import type { AgentSpec } from "../../core/loop.ts"
import type { Agents } from "../../core/ports.ts"
import type { FoundSkill } from "../../make/skills.ts"
import { type Around, skillsFor } from "./places.ts"

/** Which skills an agent is offered that makes nothing: those that it names itself, never the loop's. */
export type OwnSkills = ReadonlyMap<string, readonly FoundSkill[]>

/** The same for one agent. */
export function ownSkillsOf(agent: AgentSpec, around: Around): Promise<FoundSkill[]> {
  return skillsFor({ ...around, loop: { skills: [] }, agent })
}

/** Those of several agents, by name. */
export async function ownSkills(
  names: readonly string[],
  agents: Readonly<Record<string, AgentSpec>>,
  around: Around,
): Promise<OwnSkills> {
  const found = new Map<string, readonly FoundSkill[]>()
  for (const name of new Set(names)) {
    const agent = Object.hasOwn(agents, name) ? agents[name] : undefined
    if (agent !== undefined && agent.skills.length > 0) found.set(agent.name, await ownSkillsOf(agent, around))
  }
  return found
}

/** The same agents, each shown the files of its skills, and its session's record naming them. */
export function offering(agents: Agents, own: OwnSkills): Agents {
  if (own.size === 0) return agents
  return {
    run(task, signal) {
      const skills = own.get(task.agent.name) ?? []
      if (skills.length === 0) return agents.run(task, signal)
      const around = { ...task.around, readable: [...(task.around?.readable ?? []), ...foldersOf(skills)] }
      return agents.run({ ...task, skills, around }, signal)
    },
  }
}

/** Skills from outside of the repository lie where the sandbox shows nothing. */
export function foldersOf(skills: readonly FoundSkill[]): string[] {
  return skills.filter(({ path }) => isAbsolute(path)).map(({ path }) => dirname(path))
}
