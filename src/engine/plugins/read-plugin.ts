import { parse } from "yaml"
import { z } from "zod"
import { inertLine, repositoryPath } from "../../core/untrusted.ts"
import { type SkillPlace, type SkillTree, skillCatalogue } from "../../make/skills.ts"

/** What a plug-in brings, for the person who is to trust it. */
export const PluginContents = z.object({
  name: z.string(),
  version: z.string().optional(),
  description: z.string().optional(),
  skills: z.array(z.object({ name: z.string(), description: z.string(), path: z.string() })),
  agents: z.array(z.object({ name: z.string(), description: z.string().optional(), path: z.string() })),
  /** Slash commands: for people in Claude Code, of no use to a loop. */
  commands: z.array(z.string()),
  /** Not run by Flyball. */
  hooks: z.array(z.object({ event: z.string(), command: z.string() })),
  /** MCP servers; not started by Flyball. */
  servers: z.array(z.object({ name: z.string(), what: z.string() })),
  notes: z.array(z.string()),
})
export type PluginContents = z.infer<typeof PluginContents>

/** A folder with Claude's plug-in format, read as it is. Undefined where it is none. */
export async function readPlugin(tree: SkillTree, name?: string): Promise<PluginContents | undefined> {
  const notes: string[] = []
  const text = await tree.read(".claude-plugin/plugin.json", MAX_BYTES)
  const manifest = Manifest.safeParse(text === undefined ? {} : jsonOf(text))
  if (!manifest.success) notes.push(".claude-plugin/plugin.json can't be read as the format says; only folders count")
  const said = manifest.success ? manifest.data : {}
  const { skills, problems } = await skillCatalogue([pluginSkills(tree, said)])
  notes.push(...problems.map((each) => `${each.path}: ${each.message}`))
  const contents: PluginContents = {
    name: name ?? said.name ?? "",
    ...(said.version === undefined ? {} : { version: inertLine(said.version, 60) }),
    ...(said.description === undefined ? {} : { description: inertLine(said.description, 300) }),
    skills: skills.map((each) => ({
      name: inertLine(each.name, 80),
      description: inertLine(each.description, 300),
      path: each.path,
    })),
    agents: (await agentTexts(tree, said)).map(({ path, text: file }) => ({ path, ...agentHead(path, file) })),
    commands: (await markdownIn(tree, pathsOf("commands", said.commands))).map((path) => inertLine(path, 200)),
    hooks: hooksOf(await objectOf(tree, said.hooks, "hooks/hooks.json", notes)),
    servers: serversOf(await objectOf(tree, said.mcpServers, ".mcp.json", notes)),
    notes: notes.map((note) => inertLine(note, 300)).slice(0, MAX_NOTES),
  }
  const { hooks, servers, agents, commands } = contents
  const empty = [contents.skills, hooks, servers, agents, commands].every((each) => each.length === 0)
  return text === undefined && empty ? undefined : contents
}

/** Where a plug-in's skills lie. */
export function pluginSkills(tree: SkillTree, { skills }: Pick<Manifest, "skills"> = {}): SkillPlace {
  return { from: "plug-in", tree, roots: pathsOf("skills", skills) }
}

/** What its manifest says of folders; nothing where there is none, or it can't be read. */
export async function readManifest(tree: SkillTree): Promise<Manifest> {
  const manifest = Manifest.safeParse(jsonOf((await tree.read(".claude-plugin/plugin.json", MAX_BYTES)) ?? "{}"))
  return manifest.success ? manifest.data : {}
}

/** The files of a plug-in's agents. */
export async function agentTexts(
  tree: SkillTree,
  { agents }: Pick<Manifest, "agents">,
): Promise<{ path: string; text: string }[]> {
  const paths = await markdownIn(tree, pathsOf("agents", agents))
  const texts = await Promise.all(paths.map(async (path) => ({ path, text: (await tree.read(path, MAX_BYTES)) ?? "" })))
  return texts.filter(({ text }) => text !== "")
}

/** A listing of plug-ins: `.claude-plugin/marketplace.json`. Undefined where there is none. */
export async function readMarketplace(tree: SkillTree): Promise<Marketplace | undefined> {
  const text = await tree.read(".claude-plugin/marketplace.json", MAX_BYTES)
  if (text === undefined) return undefined
  const parsed = MarketplaceFile.safeParse(jsonOf(text))
  if (!parsed.success) return { plugins: [] }
  const { metadata, plugins } = parsed.data
  const base = metadata?.pluginRoot?.replace(/^\.?\/*|\/+$/g, "") ?? ""
  return {
    plugins: plugins.map(({ name, source }) => {
      if (typeof source !== "string") return { name, elsewhere: elsewhereOf(source) }
      const path = source === "." || source === "./" ? "" : repositoryPath(source.replace(/\/+$/, ""))
      if (path === undefined) return { name, elsewhere: inertLine(source, 200) }
      return { name, path: base === "" || source.startsWith("./") || path === "" ? path : `${base}/${path}` }
    }),
  }
}

/** `path` in the same source, or where else it is said to lie. */
export type Marketplace = { plugins: ({ name: string } & ({ path: string } | { elsewhere: string }))[] }

/** The standard folder, and what the manifest adds; a path that leaves the plug-in is none. */
function pathsOf(standard: string, added: string | string[] | undefined): string[] {
  const more = [added ?? []].flat().flatMap((path) => repositoryPath(path.replace(/\/+$/, "")) ?? [])
  return [...new Set([standard, ...more])].slice(0, MAX_PATHS)
}

/** Markdown files: those named, and those in named folders. */
async function markdownIn(tree: SkillTree, paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    if (path.endsWith(".md")) found.push(path)
    else
      for (const { name, is } of await tree.list(path))
        if (is === "file" && name.endsWith(".md")) found.push(`${path}/${name}`)
  }
  return [...new Set(found)].sort().slice(0, MAX_FILES)
}

/** What stands in the manifest itself, or in the file it names, or in the usual one. */
async function objectOf(
  tree: SkillTree,
  said: unknown,
  usual: string,
  notes: string[],
): Promise<Record<string, unknown>> {
  const own = Mapping.safeParse(said)
  if (own.success) return own.data
  const path = typeof said === "string" ? repositoryPath(said) : usual
  const text = path === undefined ? undefined : await tree.read(path, MAX_BYTES)
  if (text === undefined) return {}
  const parsed = Mapping.safeParse(jsonOf(text))
  if (!parsed.success) notes.push(`${path} is not JSON of the format; what it would bring is not known`)
  return parsed.success ? parsed.data : {}
}

function hooksOf(value: Record<string, unknown>): PluginContents["hooks"] {
  const events = Mapping.safeParse(value.hooks ?? value)
  if (!events.success) return []
  return Object.entries(events.data).flatMap(([event, matchers]) => {
    const parsed = Matchers.safeParse(matchers)
    if (!parsed.success) return [{ event: inertLine(event, 60), command: "(not readable)" }]
    return parsed.data
      .flatMap(({ hooks }) => hooks)
      .map((hook) => ({ event: inertLine(event, 60), command: inertLine(hook.command ?? hook.type ?? "?", 200) }))
  })
}

function serversOf(value: Record<string, unknown>): PluginContents["servers"] {
  const servers = Mapping.safeParse(value.mcpServers ?? value)
  if (!servers.success) return []
  return Object.entries(servers.data).map(([name, server]) => {
    const parsed = Server.safeParse(server)
    const { command, args = [], url } = parsed.success ? parsed.data : {}
    return { name: inertLine(name, 60), what: inertLine(url ?? [command ?? "?", ...args].join(" "), 200) }
  })
}

function agentHead(path: string, text: string): { name: string; description?: string } {
  const stem = (path.split("/").at(-1) ?? path).replace(/\.md$/, "")
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1] ?? ""
  const parsed = AgentHead.safeParse(yamlOf(front))
  const { name = stem, description } = parsed.success ? parsed.data : {}
  return {
    name: inertLine(name, 80),
    ...(description === undefined ? {} : { description: inertLine(description, 300) }),
  }
}

function elsewhereOf(source: Record<string, unknown>): string {
  const { url, repo, source: kind } = source
  if (typeof url === "string") return inertLine(url, 200)
  if (kind === "github" && typeof repo === "string") return inertLine(`https://github.com/${repo}.git`, 200)
  return "another place"
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function yamlOf(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

const paths = z.union([z.string(), z.array(z.string())]).optional()
const Mapping = z.record(z.string(), z.unknown())
const Manifest = z.object({
  name: z.string().min(1).optional(),
  version: z.string().optional(),
  description: z.string().optional(),
  skills: paths,
  agents: paths,
  commands: paths,
  hooks: z.unknown().optional(),
  mcpServers: z.unknown().optional(),
})
type Manifest = z.infer<typeof Manifest>
const MarketplaceFile = z.object({
  metadata: z.object({ pluginRoot: z.string().optional() }).optional(),
  plugins: z.array(z.object({ name: z.string().min(1), source: z.union([z.string(), Mapping]) })).max(500),
})
const Matchers = z.array(
  z.object({ hooks: z.array(z.object({ type: z.string().optional(), command: z.string().optional() })) }),
)
const Server = z.object({
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  url: z.string().optional(),
})
const AgentHead = z.object({ name: z.string().min(1).optional(), description: z.string().optional() })

const MAX_BYTES = 256 * 1024
const MAX_FILES = 200
const MAX_PATHS = 20
const MAX_NOTES = 20
