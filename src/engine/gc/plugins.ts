import { existsSync } from "node:fs"
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { asFailure } from "../../core/failure.ts"
import { isGone, knownRepositories } from "../../isolate/known-repositories.ts"
import { readPluginsFile } from "../plugins/plugins-file.ts"
import { contentFolder } from "../plugins/store.ts"
import type { Dead, Looked } from "./item.ts"

const DAY_MS = 24 * 60 * 60_000

/**
 * Versions of plug-ins that no repository pins and that nobody read since: every reader marks them, so a run keeps what it
 * uses. Nothing is concluded where a repository of this home can't be asked what it pins.
 */
export async function oldPlugins(home: string, here: string, before: number): Promise<Looked> {
  const folder = join(home, "plugins")
  const names = (await readdir(folder).catch(() => [])).filter((name) => name !== "untrusted")
  if (names.length === 0) return { dead: [], kept: [] }
  const roots = knownRepositories(home).filter((repository) => !isGone(repository))
  const pinned = new Set<string>()
  for (const root of new Set([here, ...roots.map((each) => each.root)])) {
    try {
      if (!existsSync(root)) throw new Error(`${root} is not there now`)
      for (const plugin of await readPluginsFile(root)) pinned.add(contentFolder(home, plugin))
    } catch (thrown) {
      const why = `what ${root} pins can't be read, so all stay: ${asFailure(thrown).message}`
      return { dead: [], kept: [{ what: folder, why }] }
    }
  }
  // However short things are kept: a run that began today may still read it.
  const since = Math.min(before, Date.now() - DAY_MS)
  const dead: Dead[] = []
  for (const path of names.map((name) => join(folder, name))) {
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined || pinned.has(path) || facts.mtimeMs >= since) continue
    const why = "no repository pins this version of a plug-in any more, and nobody read it since"
    dead.push({ kind: "plugin", what: path, why, path, remove: () => rm(path, { recursive: true, force: true }) })
  }
  return { dead, kept: [] }
}
