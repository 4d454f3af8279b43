import { existsSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { rememberRepository } from "../../isolate/known-repositories.ts"
import { openRepo } from "../../isolate/repo.ts"
import { folderTree } from "../../make/skills.ts"
import { nearest } from "../../spec/nearest.ts"
import { flyballHome } from "../home.ts"
import { PinnedPlugin, PLUGINS_FILE, readPluginsFile, writePluginsFile } from "../plugins/plugins-file.ts"
import { PluginContents, readMarketplace, readPlugin } from "../plugins/read-plugin.ts"
import { readSource } from "../plugins/source.ts"
import { contentFolder, keepTrusted, openStaging } from "../plugins/store.ts"
import { takeSource } from "../plugins/take.ts"

export const PluginView = PinnedPlugin.extend({
  /** Whether this user trusts exactly this version; only then it takes part. */
  trusted: z.boolean(),
  /** Where its content lies. */
  folder: z.string().optional(),
  brings: PluginContents.optional(),
})
export type PluginView = z.infer<typeof PluginView>

export const PluginsReport = z.object({ plugins: z.array(PluginView) })
export type PluginsReport = z.infer<typeof PluginsReport>

export const PluginAddReport = z.object({
  added: z.array(
    z.object({
      plugin: PluginView,
      /** The version that stood in the file before. */
      before: z.string().optional(),
      /** Links, submodules and what has no honest path: not taken. */
      left: z.array(z.string()),
    }),
  ),
  file: z.string(),
})
export type PluginAddReport = z.infer<typeof PluginAddReport>

export const PluginRemoveReport = z.object({ removed: PinnedPlugin, file: z.string() })
export type PluginRemoveReport = z.infer<typeof PluginRemoveReport>

type Here = { cwd: string; signal: AbortSignal; env?: Readonly<Record<string, string | undefined>> }

/** A plug-in that was fetched and looked at, and that nobody has trusted yet. */
export type PluginOffer = PluginAddReport["added"][number] & { plugin: { brings: PluginContents } }

/**
 * Fetches a plug-in, or with no source each that is pinned and not trusted here, shows each to `agreed`, and keeps and pins
 * those that it says yes to. Nothing is written before.
 */
export async function addPlugins(
  { source, name }: { source?: string; name?: string },
  { cwd, signal, env = process.env }: Here,
  agreed: (offer: PluginOffer) => Promise<boolean>,
): Promise<PluginAddReport> {
  const home = flyballHome(env)
  const repo = await openRepo(cwd, home)
  const pinned = await readPluginsFile(repo.root)
  const wanted: Wanted[] =
    source === undefined
      ? pinned.filter((each) => !existsSync(contentFolder(home, each))).map(wantedAgain)
      : [{ source, ...(name === undefined ? {} : { name }) }]
  if (source === undefined && pinned.length === 0)
    throw new Failure("NO_PLUGINS", `${PLUGINS_FILE} pins no plug-in.`, {
      hint: "flyball plugin add https://github.com/acme/skills.git",
    })
  const report: PluginAddReport = { added: [], file: PLUGINS_FILE }
  for (const want of wanted) {
    await using staging = await openStaging(home)
    const { offer, staged } = await look(want, { cwd, home, pinned, staging: staging.folder, signal })
    if (!(await agreed(offer))) continue
    const { trusted: _trusted, folder: _folder, brings, ...pin } = offer.plugin
    rememberRepository(repo)
    const folder = await keepTrusted(home, pin, staged)
    if (source !== undefined)
      await writePluginsFile(repo.root, [...pinned.filter((each) => each.name !== pin.name), pin])
    report.added.push({ ...offer, plugin: { ...pin, trusted: true, folder, brings } })
  }
  return report
}

/** What the repository pins, and what each brings as far as it is trusted here. */
export async function listPlugins({ cwd, env = process.env }: Omit<Here, "signal">): Promise<PluginsReport> {
  const home = flyballHome(env)
  const repo = await openRepo(cwd, home)
  const plugins = await Promise.all(
    (await readPluginsFile(repo.root)).map(async (plugin): Promise<PluginView> => {
      const folder = contentFolder(home, plugin)
      if (!existsSync(folder)) return { ...plugin, trusted: false }
      const brings = await readPlugin(folderTree(folder), plugin.name)
      return { ...plugin, trusted: true, folder, ...(brings === undefined ? {} : { brings }) }
    }),
  )
  return { plugins }
}

/** Takes a plug-in out of the repository's file. Its content stays, for other repositories that pin it. */
export async function removePlugin(
  name: string,
  { cwd, env = process.env }: Omit<Here, "signal">,
): Promise<PluginRemoveReport> {
  const repo = await openRepo(cwd, flyballHome(env))
  const pinned = await readPluginsFile(repo.root)
  const removed = pinned.find((each) => each.name === name)
  if (removed === undefined) {
    const names = pinned.map((each) => each.name)
    const near = nearest(name, names)
    throw new Failure("NO_SUCH_PLUGIN", `${PLUGINS_FILE} pins no plug-in "${name}".`, {
      hint: near !== undefined ? `Did you mean \`${near}\`?` : `It pins: ${names.join(", ") || "none"}.`,
    })
  }
  await writePluginsFile(
    repo.root,
    pinned.filter((each) => each !== removed),
  )
  return { removed, file: PLUGINS_FILE }
}

type Wanted = { source: string; name?: string; pin?: PinnedPlugin }
type Looking = { cwd: string; home: string; pinned: readonly PinnedPlugin[]; staging: string; signal: AbortSignal }

function wantedAgain(pin: PinnedPlugin): Wanted {
  const source = pin.version.startsWith("sha256-") ? pin.source : `${pin.source}#${pin.version}`
  return { source, name: pin.name, pin }
}

async function look({ source: text, name, pin }: Wanted, { cwd, home, pinned, staging, signal }: Looking) {
  const source = readSource(text, cwd)
  const { version, left } = await takeSource(source, staging, signal)
  if (pin !== undefined && version !== pin.version)
    throw new Failure("PLUGIN_CHANGED", `${pin.source} is no longer what ${PLUGINS_FILE} pins as \`${pin.name}\`.`, {
      hint: `Pinned is ${pin.version}. To take it as it is now: flyball plugin add ${pin.source} --name ${pin.name}`,
    })
  const part = pin === undefined ? await partOf(staging, text, name) : { path: pin.path, name: pin.name }
  const staged = part.path === undefined ? staging : join(staging, part.path)
  const brings = await readPlugin(folderTree(staged), name ?? part.name)
  if (brings === undefined)
    throw new Failure("PLUGIN_NOT_FOUND", `There is no plug-in in ${text}${part.path ? `, ${part.path}` : ""}.`, {
      hint: "A plug-in has .claude-plugin/plugin.json, or a folder skills/ or agents/.",
    })
  const called = brings.name === "" ? stemOf(text) : brings.name
  const fresh = PinnedPlugin.safeParse({
    name: called,
    source: source.is === "folder" ? source.path : source.url,
    ...(source.is === "git" && source.ref !== undefined && source.ref !== version ? { ref: source.ref } : {}),
    version,
    ...(part.path === undefined ? {} : { path: part.path }),
  })
  if (!fresh.success)
    throw new Failure("PLUGIN_NAME", `\`${called.slice(0, 80)}\` can't be a plug-in's name here.`, {
      hint: "Give it one: --name team-skills",
    })
  const before = pinned.find((each) => each.name === fresh.data.name)?.version
  const plugin = {
    ...(pin ?? fresh.data),
    trusted: existsSync(contentFolder(home, pin ?? fresh.data)),
    brings: { ...brings, name: called },
  }
  const offer: PluginOffer = { plugin, left, ...(before === undefined || before === version ? {} : { before }) }
  return { offer, staged }
}

/** Which part of a source is meant, where it lists several plug-ins. */
async function partOf(
  folder: string,
  text: string,
  name: string | undefined,
): Promise<{ path?: string; name?: string }> {
  const tree = folderTree(folder)
  const market = await readMarketplace(tree)
  if (market === undefined) return {}
  const [only, second] = market.plugins
  const own = (await tree.read(".claude-plugin/plugin.json", 1)) !== undefined
  const picked =
    name === undefined ? (second === undefined ? only : undefined) : market.plugins.find((each) => each.name === name)
  if (picked === undefined) {
    if (own) return {}
    throw new Failure(
      "PLUGIN_WHICH",
      `${text} lists ${market.plugins.length} plug-ins${name === undefined ? "" : `, and no \`${name}\``}.`,
      {
        hint: `Say which: --name ${
          market.plugins
            .slice(0, 12)
            .map((each) => each.name)
            .join(" | ") || "NAME"
        }`,
      },
    )
  }
  if ("elsewhere" in picked)
    throw new Failure(
      "PLUGIN_ELSEWHERE",
      `\`${picked.name}\` is listed in ${text}, and lies elsewhere: ${picked.elsewhere}.`,
      {
        hint: "Add it from there: what a list points to is not followed.",
      },
    )
  return picked.path === "" ? { name: picked.name } : { path: picked.path, name: picked.name }
}

function stemOf(source: string): string {
  return (source.replace(/#.*$/, "").replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "").replace(/\.git$/, "")
}
