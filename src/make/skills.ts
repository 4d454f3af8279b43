import { readdir, readFile, realpath, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { parse } from "yaml"
import { z } from "zod"

/** A skill as the catalogue shows it: an agent reads the rest from its file when it needs it. */
export type Skill = { name: string; description: string /** Repository-relative path of its SKILL.md. */; path: string }

/** What the catalogue reads from: a checkout, or a tree of git. Paths are repository-relative, with `/`. */
export type SkillTree = {
  /** The entries of a folder; none where there is no such folder. */
  list(folder: string): Promise<{ name: string; is: "file" | "folder" }[]>
  /** A file's text, at most `maxBytes` of it; undefined where there is no such file. */
  read(path: string, maxBytes: number): Promise<string | undefined>
}

/**
 * The skills that a repository offers, by name: `.flyball/skills` stands above `.agents/skills`, and that above
 * `.claude/skills`. Trouble with a name is warned of and the skill kept; without a description it is left out.
 */
export async function skillCatalogue(tree: SkillTree): Promise<{ skills: Skill[]; warnings: string[] }> {
  const skills = new Map<string, Skill>()
  const warnings: string[] = []
  const walk = { left: maxFolders }
  for (const root of skillRoots) {
    for (const folder of await skillFolders(tree, root, walk)) {
      const path = `${folder}/SKILL.md`
      const read = readSkill(path, (await tree.read(path, maxSkillBytes)) ?? "")
      warnings.push(...read.warnings)
      if (read.skill !== undefined && !skills.has(read.skill.name)) skills.set(read.skill.name, read.skill)
    }
  }
  if (walk.left <= 0) warnings.push(`skills: more than ${maxFolders} folders; the rest was not looked at`)
  return { skills: [...skills.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), warnings }
}

/** The skills an agent names, in its order; a name without a skill is told. No names: none. */
export function chooseSkills(all: readonly Skill[], names: readonly string[]): { skills: Skill[]; missing: string[] } {
  const byName = new Map(all.map((skill) => [skill.name, skill]))
  return {
    skills: names.flatMap((name) => byName.get(name) ?? []),
    missing: names.filter((name) => !byName.has(name)),
  }
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

function readSkill(path: string, text: string): { skill?: Skill; warnings: string[] } {
  const front = /^---\r?\n([\s\S]*?)\r?\n---(\r?\n|$)/.exec(text)?.[1]
  if (front === undefined) return { warnings: [`${path}: no frontmatter; the skill is left out`] }
  let value: unknown
  try {
    value = parse(front)
  } catch {
    return { warnings: [`${path}: its frontmatter is not YAML; the skill is left out`] }
  }
  const parsed = Frontmatter.safeParse(value)
  const folder = path.split("/").at(-2) ?? ""
  if (!parsed.success) return { warnings: [`${path}: no description; the skill is left out`] }
  const { name = folder, description } = parsed.data
  const warnings: string[] = []
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.length > 64)
    warnings.push(`${path}: \`${name.slice(0, 80)}\` is not a skill's name (a-z, 0-9, single hyphens, up to 64)`)
  else if (name !== folder) warnings.push(`${path}: its name is \`${name}\`, its folder's \`${folder}\``)
  if (description.length > 1_024) warnings.push(`${path}: its description is longer than 1,024 characters`)
  return { skill: { name: name.slice(0, 64), description: description.slice(0, 1_024), path }, warnings }
}

const Frontmatter = z.object({
  // YAML reads `name: 7` as a number.
  name: z.union([z.string().min(1), z.number().transform(String)]).optional(),
  description: z.string().trim().min(1),
})

const skillRoots = [".flyball/skills", ".agents/skills", ".claude/skills"]
const maxDepth = 6
const maxFolders = 2_000
const maxSkillBytes = 64 * 1024
