import { createHash, randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises"
import { join } from "node:path"
import { folderTree, type SkillPlace } from "../../make/skills.ts"
import { type PinnedPlugin, readPluginsFile } from "./plugins-file.ts"
import { agentTexts, pluginSkills, readManifest } from "./read-plugin.ts"

/** A plug-in whose very content this user has trusted. */
export type TrustedPlugin = PinnedPlugin & { folder: string }

/** Where a plug-in's content lies once it is trusted: that it lies there is the trust. Nothing else is ever put there. */
export function contentFolder(home: string, { version, path }: Pick<PinnedPlugin, "version" | "path">): string {
  const part = path === undefined ? "" : `-${createHash("sha256").update(path).digest("hex").slice(0, 12)}`
  return join(home, "plugins", `${version}${part}`)
}

/** A folder for content that nobody has trusted yet; gone with its scope. */
export async function openStaging(home: string): Promise<{ folder: string } & AsyncDisposable> {
  const all = join(home, "plugins", "untrusted")
  await sweep(all)
  const top = join(all, randomUUID())
  await mkdir(top, { recursive: true, mode: 0o700 })
  return {
    folder: join(top, "content"),
    [Symbol.asyncDispose]: () => rm(top, { recursive: true, force: true }),
  }
}

/** What a killed process left a day ago or earlier. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const facts = await stat(join(folder, name)).catch(() => undefined)
    if (facts !== undefined && facts.mtimeMs < Date.now() - DAY_MS)
      await rm(join(folder, name), { recursive: true, force: true })
  }
}

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000

/** From now on this content counts. */
export async function keepTrusted(home: string, plugin: PinnedPlugin, staged: string): Promise<string> {
  const folder = contentFolder(home, plugin)
  if (existsSync(folder)) {
    await markRead(folder)
    return folder
  }
  // Another process may have been quicker with the same content.
  await rename(staged, folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error
  })
  return folder
}

/** The repository's plug-ins whose content is here, in the file's order. */
export async function trustedPlugins(root: string, home: string): Promise<TrustedPlugin[]> {
  const pinned = await readPluginsFile(root)
  const trusted = pinned
    .map((plugin) => ({ ...plugin, folder: contentFolder(home, plugin) }))
    .filter(({ folder }) => existsSync(folder))
  await Promise.all(trusted.map(({ folder }) => markRead(folder)))
  return trusted
}

/** Says, to within an hour, when it was read last: `flyball gc` removes what nobody reads any more. */
async function markRead(folder: string): Promise<void> {
  const facts = await stat(folder).catch(() => undefined)
  if (facts === undefined || Date.now() - facts.mtimeMs < HOUR_MS) return
  const now = new Date()
  // A home that can't be written to keeps no count, and loses nothing.
  await utimes(folder, now, now).catch(() => {})
}

/** Where the skills of a trusted plug-in lie. */
export async function skillsOfPlugin({ name, folder }: TrustedPlugin): Promise<SkillPlace> {
  const tree = folderTree(folder)
  return { ...pluginSkills(tree, await readManifest(tree)), plugin: name, at: folder }
}

/** The agents' files of the repository's trusted plug-ins. */
export async function agentsOfPlugins(root: string, home: string): Promise<{ path: string; text: string }[]> {
  const plugins = await trustedPlugins(root, home)
  const files = await Promise.all(
    plugins.map(async ({ name, folder }) => {
      const tree = folderTree(folder)
      const texts = await agentTexts(tree, await readManifest(tree))
      return texts.map(({ path, text }) => ({ path: `${name}: ${path}`, text }))
    }),
  )
  return files.flat()
}
