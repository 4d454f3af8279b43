/** One file of a skill that an agent's own lines show it opened. */
export type SkillRead = { skill: string; path: string }

/** A skill as an agent was offered it; `path` is that of its SKILL.md, as the prompt names it. */
type Offered = { name: string; path: string }

/**
 * Which files of skills an agent opened, by what its lines show: calls of tools and commands that name such a file. All
 * adapters write those in one of two ways, `NAME {json}` and `$ COMMAND`; what an agent merely says is not counted. One that
 * changes folder first, or whose lines show no tools, reads more than is seen here.
 */
export function skillsRead(spoken: string, offered: readonly Offered[]): SkillRead[] {
  const found = new Map<string, SkillRead>()
  for (const line of spoken.split("\n")) {
    const call = callOf(line)
    if (call === undefined) continue
    for (const read of [...byPath(call.text, offered), ...byName(call, offered)]) {
      if (found.size >= MAX_READ) return [...found.values()]
      found.set(read.path, read)
    }
  }
  return [...found.values()]
}

type Call = { tool: string; text: string }

/** A call of a tool; one that writes reads nothing. */
function callOf(line: string): Call | undefined {
  const command = /^\$ (.+)$/.exec(line)?.[1]
  if (command !== undefined) return { tool: "$", text: command.replace(/>>?\s*\S+/g, " ") }
  const [, tool = "", text] = /^([\w.:/-]+)(?: [^{]{0,200})? (\{.*)$/.exec(line) ?? []
  if (text === undefined || /write|edit|patch|create|delete|replace|move/i.test(tool)) return undefined
  return { tool, text: text.replace(/>>?\s*\S+/g, " ") }
}

/** Files below an offered skill's folder, and below any folder that skills are kept in. */
function byPath(text: string, offered: readonly Offered[]): SkillRead[] {
  return [...text.matchAll(pathWord)].flatMap(([word]) => {
    const path = word.replace(/[.,:;]+$/, "")
    const own = offered.find(({ path: file }) => {
      const folder = file.slice(0, -"SKILL.md".length)
      return folder !== "" && (path.startsWith(folder) || path.includes(`/${folder.replace(/^\//, "")}`))
    })
    if (own !== undefined) {
      const folder = own.path.slice(0, -"SKILL.md".length)
      const at = path.indexOf(folder.replace(/^\//, ""))
      const inside = path.slice(at + folder.replace(/^\//, "").length)
      return isFile(inside) ? [{ skill: own.name, path: folder + inside }] : []
    }
    const [, root = "", skill = "", inside = ""] =
      /(\.(?:flyball|agents|claude)\/skills\/)([^/]+)\/(.+)$/.exec(path) ?? []
    return isFile(inside) ? [{ skill, path: `${root}${skill}/${inside}` }] : []
  })
}

/** Claude Code's own tool for skills names the skill and no file. */
function byName({ tool, text }: Call, offered: readonly Offered[]): SkillRead[] {
  if (tool.toLowerCase() !== "skill") return []
  return offered
    .filter(({ name }) => text.includes(`"${name}"`) || text.includes(`:${name}"`))
    .map(({ name, path }) => ({ skill: name, path }))
}

function isFile(path: string): boolean {
  return /^[^*?]*[^/*?]\.[A-Za-z0-9]+$/.test(path)
}

const pathWord = /[\w@.~+/-]*\/[\w@.+/-]+/g
const MAX_READ = 100
