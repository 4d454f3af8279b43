import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { identify, isAlive } from "../../lib/process-tree.ts"

/** Folders of one audit, gone with it, beside what is kept from one audit to the next. */
export type AuditPlace = AsyncDisposable & {
  /** Scratch repositories, checkouts, and a FLYBALL_HOME for whole loops. */
  folder: string
  home: string
  /** Fetched packages. */
  store: string
  /** Has a scratch repository remember its measurements under this name. */
  remember(dataDir: string, name: string): void
}

/** Makes the folders of an audit, and removes those of audits that died. */
export async function openPlace(flyballHome: string, { fresh = false } = {}): Promise<AuditPlace> {
  const all = join(flyballHome, "audit")
  const runs = join(all, "runs")
  mkdirSync(runs, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(runs)) {
    const [pid, startedAt] = name.split(".")
    if (!isAlive({ pid: Number(pid), startedAt: decodeURIComponent(startedAt ?? "") }))
      await rm(join(runs, name), { recursive: true, force: true })
  }
  const startedAt = encodeURIComponent(identify(process.pid)?.startedAt ?? "").replaceAll(".", "%2E")
  const folder = join(runs, `${process.pid}.${startedAt}.${Date.now().toString(36)}`)
  const home = join(folder, "home")
  const store = join(all, "packages")
  for (const path of [home, store]) mkdirSync(path, { recursive: true, mode: 0o700 })
  return {
    folder,
    home,
    store,
    remember(dataDir, name) {
      if (fresh) return
      const kept = join(all, "measured", name.replace(/[^\w.-]+/g, "-"))
      mkdirSync(kept, { recursive: true, mode: 0o700 })
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      symlinkSync(kept, join(dataDir, "cache"))
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
