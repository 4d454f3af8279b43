import { createHash, randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync } from "node:fs"
import { dirname, join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Bind, Progress, Repo, Sandbox, Way } from "../core/ports.ts"
import { run } from "../lib/process.ts"
import { bindsOf, type Dependencies, findDependencies, type TrackedFiles } from "./dependencies.ts"
import { objectFolders } from "./git-dir.ts"
import { runHook } from "./hook.ts"
import type { Lease } from "./leases.ts"
import { discard } from "./trash.ts"

export type Providing = {
  repo: Repo
  sandbox: Sandbox
  progress: Progress
  tree: string
  folder: string
  files: TrackedFiles
  hook: string | undefined
  /** The folder that the loop works in: the hook runs there. */
  path?: string | undefined
  way?: (() => Promise<Way>) | undefined
  lease: Lease
  signal: AbortSignal
}

type Folders = Dependencies["folders"]

/**
 * Puts a project's dependencies into a checkout: what the user has installed, where the lock files are the same; else
 * what the after_isolate hook installed for these lock files, now or before. Inside the sandbox they are bound, so that
 * nobody's copy can be written to; elsewhere they are copied.
 */
export async function provide(providing: Providing): Promise<Bind[]> {
  const { repo, sandbox, tree, files, hook, progress } = providing
  const found = findDependencies(repo, files, tree, providing.path)
  if (found.missing.length > 0 && hook !== undefined) {
    const installed = await install(providing, hook, found)
    return place(providing, installed)
  }
  for (const { at, why } of found.missing)
    progress({ verb: "isolate", text: `${at} is not lent to the checkout: ${why}` })
  if (sandbox.kind.is === "bubblewrap") return bindsOf(repo, tree, found.folders)
  return place(providing, await copies(providing, found))
}

/** Binds, or copies by hard links from what is Flyball's own. */
async function place({ repo, sandbox, tree, signal }: Providing, folders: Folders): Promise<Bind[]> {
  if (sandbox.kind.is === "bubblewrap") return bindsOf(repo, tree, folders)
  for (const { from, at } of folders) {
    const to = join(tree, at)
    if (existsSync(to)) continue
    mkdirSync(dirname(to), { recursive: true })
    await copy(from, to, "links", signal)
  }
  return []
}

/** The folders that the hook installs for these lock files: run once in this very checkout, then kept. */
async function install(
  providing: Providing,
  hook: string,
  { key, missing, folders, others }: Dependencies,
): Promise<Folders> {
  const { repo, tree, folder, sandbox, progress, path, signal } = providing
  const where = path === undefined ? "" : `\0${path}`
  const name = createHash("sha256").update(`${key}\0${hook}${where}`).digest("hex").slice(0, 20)
  const kept = join(keptIn(repo), name)
  const wanted = [...[...missing, ...folders].map(({ at }) => at), ...others]
  if (!existsSync(kept)) {
    progress({ verb: "isolate", text: `installing dependencies: ${hook}` })
    await runHook({
      repo,
      sandbox,
      command: hook,
      tree,
      at: path,
      folder,
      readable: objectFolders(repo),
      binds: [],
      keepsDownloads: false,
      env: providing.lease.env,
      way: providing.way,
      signal,
    })
    const fresh = `${kept}.${randomUUID().slice(0, 8)}`
    mkdirSync(fresh, { recursive: true, mode: 0o700 })
    for (const at of wanted.filter((path) => existsSync(join(tree, path)))) {
      mkdirSync(dirname(join(fresh, at)), { recursive: true })
      renameSync(join(tree, at), join(fresh, at))
    }
    keepFirst(repo, fresh, kept)
  }
  touch(kept)
  return wanted
    .filter((at) => existsSync(join(kept, at)))
    .map((at) => ({ from: join(kept, at), at, holdsItsPath: false }))
}

/** Without a sandbox nobody may get the user's own folder: a private copy, made once for each state of it. */
async function copies({ repo, progress, signal }: Providing, { folders, key }: Dependencies): Promise<Folders> {
  const found: Folders = []
  for (const { from, at, holdsItsPath } of folders) {
    const state = createHash("sha256")
      .update(`${key}\0${at}\0${stateOf(from)}`)
      .digest("hex")
      .slice(0, 20)
    const kept = join(keptIn(repo), state)
    if (!existsSync(kept)) {
      progress({ verb: "isolate", text: `copying ${at}, once for this state of it` })
      const fresh = `${kept}.${randomUUID().slice(0, 8)}`
      mkdirSync(dirname(fresh), { recursive: true, mode: 0o700 })
      await copy(from, fresh, "content", signal)
      keepFirst(repo, fresh, kept)
    }
    touch(kept)
    found.push({ from: kept, at, holdsItsPath })
  }
  return found
}

/** When the folder last changed, as its package manager leaves it. */
function stateOf(folder: string): string {
  const marks = [folder, join(folder, ".package-lock.json"), join(folder, ".modules.yaml"), join(folder, "pyvenv.cfg")]
  return marks.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? "").join()
}

/** Copies a folder or file, by the system's own means. */
export async function copy(from: string, to: string, how: "links" | "content", signal: AbortSignal): Promise<void> {
  const gnu = how === "links" ? ["-al"] : ["-a", "--reflink=auto"]
  // APFS clones files: nothing is shared that could be written to.
  const flags = process.platform === "darwin" ? ["-cRp"] : gnu
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" }
  const ran = await run(["cp", ...flags, from, to], { cwd: "/", env, timeoutMs: 15 * 60_000, signal })
  signal.throwIfAborted()
  if (ran.exitCode === 0) return
  throw new Failure("DEPENDENCIES_FAILED", `${from} could not be copied: ${ran.stderr.trim().slice(0, 500)}`, {
    retry: "later",
  })
}

/** Two may have made the same at once: the first one's stays. */
export function keepFirst(repo: Repo, fresh: string, kept: string): void {
  try {
    renameSync(fresh, kept)
  } catch {
    void discard(repo, fresh)
  }
}

/** Removes the dependencies that no checkout has asked for in two weeks. */
export async function sweepDependencies(repo: Repo): Promise<void> {
  const folder = keptIn(repo)
  if (!existsSync(folder)) return
  const before = Date.now() - UNUSED_MS
  const unused = readdirSync(folder).filter((name) => statSync(join(folder, name)).mtimeMs < before)
  await Promise.all(unused.map((name) => discard(repo, join(folder, name))))
}

const UNUSED_MS = 14 * 24 * 60 * 60_000

/** Where things lie that many checkouts are lent. */
export function keptIn(repo: Repo): string {
  return join(repo.dataDir, "dependencies")
}

/** What is in use stays. */
export function touch(path: string): void {
  const now = new Date()
  utimesSync(path, now, now)
}
