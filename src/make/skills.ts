import { readdir, readFile, realpath, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { readSkillFile, type SkillProblem, type SkillSize } from "./skill-file.ts"

/** A skill as the catalogue shows it: an agent reads the rest from its file when it needs it. */
export type Skill = {
  name: string
  description: string
  /** Path of its SKILL.md: repository-relative, or absolute where it lies elsewhere. */
  path: string
}

/** Where skills are looked for. Paths are those of the tree, with `/`. */
export type SkillPlace = {
  from: "project" | "user" | "plug-in"
  /** Which plug-in. */
  plugin?: string
  tree: SkillTree
  /** Folders of the tree, first come first. */
  roots: readonly string[]
  /** The tree's folder, for one that is not the project's: agents are told absolute paths then. */
  at?: string
}

/** A skill, and where it is from. */
export type FoundSkill = Skill & { from: SkillPlace["from"]; plugin?: string; size: SkillSize }

/** What the catalogue reads from: a checkout, or a tree of git. Paths are repository-relative, with `/`. */
export type SkillTree = {
  /** The entries of a folder; none where there is no such folder. */
  list(folder: string): Promise<{ name: string; is: "file" | "folder" }[]>
  /** A file's text, at most `maxBytes` of it; undefined where there is no such file. */
  read(path: string, maxBytes: number): Promise<string | undefined>
}

export type SkillCatalogue = {
  /** By name, each once. */
  skills: FoundSkill[]
  /** Those that another of the same name stands above. */
  hidden: (FoundSkill & { by: string })[]
  problems: (SkillProblem & { path: string })[]
}

/** A repository's own skills: `.flyball/skills` stands above `.agents/skills`, and that above `.claude/skills`. */
export function projectSkills(tree: SkillTree): SkillPlace {
  return { from: "project", tree, roots: [".flyball/skills", ".agents/skills", ".claude/skills"] }
}

/** The skills that the places offer, earlier places above later ones. A file without a description is left out, and said. */
export async function skillCatalogue(places: readonly SkillPlace[]): Promise<SkillCatalogue> {
  const skills = new Map<string, FoundSkill>()
  const hidden: SkillCatalogue["hidden"] = []
  const problems: SkillCatalogue["problems"] = []
  for (const place of places) {
    const walk = { left: maxFolders }
    for (const root of place.roots) {
      for (const folder of await skillFolders(place.tree, root, walk)) {
        const path = inPlace(place, `${folder}/SKILL.md`)
        const text = (await place.tree.read(`${folder}/SKILL.md`, maxSkillBytes)) ?? ""
        const file = readSkillFile(text, folder.split("/").at(-1) ?? "")
        problems.push(...file.problems.map((problem) => ({ ...problem, path })))
        if (file.skill === undefined) continue
        const { from, plugin } = place
        const found: FoundSkill = {
          ...file.skill,
          path,
          from,
          size: file.size,
          ...(plugin === undefined ? {} : { plugin }),
        }
        const above = skills.get(found.name)
        if (above === undefined) skills.set(found.name, found)
        else hidden.push({ ...found, by: above.path })
      }
    }
    if (walk.left <= 0)
      problems.push({
        severity: "warning",
        code: "SKILL_FOLDERS",
        path: inPlace(place, place.roots[0] ?? "."),
        message: `more than ${maxFolders} folders; the rest was not looked at`,
      })
  }
  return { skills: [...skills.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), hidden, problems }
}

/** The skills an agent names, in its order; a name without a skill is told. No names: none. */
export function chooseSkills<S extends Skill>(
  all: readonly S[],
  names: readonly string[],
): { skills: S[]; missing: string[] } {
  const byName = new Map(all.map((skill) => [skill.name, skill]))
  return {
    skills: names.flatMap((name) => byName.get(name) ?? []),
    missing: names.filter((name) => !byName.has(name)),
  }
}

function inPlace({ at }: SkillPlace, path: string): string {
  return at === undefined ? path : join(at, path)
}

/** A checkout on disk as a tree. Links are followed only where they stay inside it. */
export function folderTree(root: string): SkillTree {
  const inside = async (path: string): Promise<string | undefined> => {
    const [real, top] = await Promise.all([realpath(join(root, path)), realpath(root)]).catch(() => [
      undefined,
      undefined,
    ])
    if (real === undefined || top === undefined) return undefined
    const way = relative(top, real)
    return way === ".." || way.startsWith(`..${sep}`) ? undefined : real
  }
  return {
    async list(folder) {
      const path = await inside(folder)
      if (path === undefined) return []
      const entries = await readdir(path).catch((): string[] => [])
      const kinds = entries.map(async (name) => {
        const real = await inside(`${folder}/${name}`)
        const facts = real === undefined ? undefined : await stat(real).catch(() => undefined)
        return facts === undefined ? [] : [{ name, is: facts.isDirectory() ? ("folder" as const) : ("file" as const) }]
      })
      return (await Promise.all(kinds)).flat()
    },
    async read(path, maxBytes) {
      const real = await inside(path)
      if (real === undefined) return undefined
      const bytes = await readFile(real).catch(() => undefined)
      return bytes?.subarray(0, maxBytes).toString("utf8")
    },
  }
}

/** The folders that hold a SKILL.md, breadth first and sorted, within depth and count. A skill's own folders hold none. */
async function skillFolders(tree: SkillTree, root: string, walk: { left: number }): Promise<string[]> {
  const found: string[] = []
  let level = [root]
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = []
    for (const folder of level) {
      if (walk.left-- <= 0) return found
      const entries = await tree.list(folder)
      if (entries.some(({ name, is }) => name === "SKILL.md" && is === "file")) found.push(folder)
      else
        next.push(
          ...entries
            .filter(({ name, is }) => is === "folder" && name !== "node_modules")
            .map(({ name }) => `${folder}/${name}`),
        )
    }
    level = next.sort()
  }
  return found
}

const maxDepth = 6
const maxFolders = 2_000
const maxSkillBytes = 64 * 1024
