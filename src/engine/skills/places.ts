import { dirname, isAbsolute, join } from "node:path"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { bodyInPlace } from "../../make/skill-file.ts"
import {
  chooseSkills,
  type FoundSkill,
  folderTree,
  projectSkills,
  type SkillPlace,
  skillCatalogue,
} from "../../make/skills.ts"
import { flyballHome } from "../home.ts"
import { skillsOfPlugin, trustedPlugins } from "../plugins/store.ts"

/** Where a repository lies, and its user's own things. */
export type Around = {
  root: string
  /** FLYBALL_HOME. */
  home: string
  /** The HOME that the user's own skills lie in; none where it is not known. */
  userHome: string | undefined
}

/** What is around a repository of this machine. */
export function aroundHere({ root }: Pick<Repo, "root">): Around {
  return { root, home: flyballHome(process.env), userHome: process.env.HOME }
}

/** Where skills are looked for: the project's own stand above the user's, and those above the plug-ins'. */
export async function skillPlaces({ root, home, userHome }: Around): Promise<SkillPlace[]> {
  const plugins = await trustedPlugins(root, home)
  return [projectSkills(folderTree(root)), ...userPlaces(userHome), ...(await Promise.all(plugins.map(skillsOfPlugin)))]
}

/** The skills that an agent of a loop is offered; none is looked for where none is named. */
export async function skillsFor({
  loop,
  agent,
  ...around
}: Around & { loop: Pick<Loop, "skills">; agent: AgentSpec }): Promise<FoundSkill[]> {
  const wanted = namedSkills(loop, agent)
  if (wanted.length === 0) return []
  return chooseSkills((await skillCatalogue(await skillPlaces(around))).skills, wanted).skills
}

/** Every skill that a loop may name. */
export async function allSkills(around: Around): Promise<FoundSkill[]> {
  return (await skillCatalogue(await skillPlaces(around))).skills
}

/** A skill with all of its text, as far as a prompt takes it; undefined where there is none of that name. */
export async function skillText(
  around: Around,
  name: string,
): Promise<{ name: string; path: string; text: string } | undefined> {
  const found = (await allSkills(around)).find((skill) => skill.name === name)
  if (found === undefined) return undefined
  const folder = isAbsolute(found.path) ? dirname(found.path) : join(around.root, dirname(found.path))
  const text = await folderTree(folder).read("SKILL.md", MAX_BYTES)
  return text === undefined ? undefined : { name, path: found.path, text: bodyInPlace(text).trim() }
}

const MAX_BYTES = 64 * 1024

/** The names of the skills that an agent of a loop is to be offered, the loop's first. */
export function namedSkills(loop: Pick<Loop, "skills">, agent: Pick<AgentSpec, "skills">): string[] {
  return [...new Set([...loop.skills, ...agent.skills])]
}

/** Each folder is a tree of its own: a link that leaves it is not followed. */
function userPlaces(home: string | undefined): SkillPlace[] {
  if (home === undefined || !isAbsolute(home)) return []
  return [".agents", ".claude"].map((name) => {
    const at = join(home, name, "skills")
    return { from: "user", tree: folderTree(at), roots: ["."], at }
  })
}
