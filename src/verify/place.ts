import { randomUUID } from "node:crypto"
import { existsSync, lstatSync, mkdirSync, symlinkSync } from "node:fs"
import { mkdir, mkdtemp, readdir, realpath, rm } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"

/** The whole environment of a project's commands: the built one, the tree's own tools first, and no way to fetch anything. */
export function environment(
  root: string,
  scratch: Scratch,
  cargo: Record<string, string>,
  extra: Record<string, string>,
  folder = "",
): Record<string, string> {
  const built = buildEnv({ home: scratch.home, tmp: scratch.tmp })
  // Whether they exist is seen only inside: dependencies may be bound there, and not lie here.
  const local = foldersUpTo(folder).flatMap((above) =>
    ["node_modules/.bin", ".venv/bin", "venv/bin"].map((path) => join(root, above, path)),
  )
  return {
    ...built,
    PATH: [...local, built.PATH ?? ""].join(":"),
    ...pythonPath(foldersUpTo(folder).map((above) => join(root, above))),
    FORCE_COLOR: "0",
    // There is no network: a tool that would fetch fails at once instead of waiting.
    CARGO_NET_OFFLINE: "true",
    GOPROXY: "off",
    GOTOOLCHAIN: "local",
    PIP_NO_INDEX: "1",
    npm_config_offline: "true",
    ...cargo,
    ...extra,
  }
}

/**
 * A Python project is imported from the tree before any copy of it that is installed: one in the machine's site-packages,
 * or an editable one that points at the user's checkout, would be tested in the head's place.
 */
function pythonPath(roots: readonly string[]): Record<string, string> {
  const found = roots
    .filter((root) => ["pyproject.toml", "setup.py", "setup.cfg"].some((name) => existsSync(join(root, name))))
    .flatMap((root) => [...(existsSync(join(root, "src")) ? [join(root, "src")] : []), root])
  return found.length === 0 ? {} : { PYTHONPATH: found.join(":") }
}

/** A folder of a repository and those above it, the nearest first; the root is the empty text. */
export function foldersUpTo(folder: string): string[] {
  const parts = folder.split("/").filter((part) => part !== "")
  return [...parts.keys(), parts.length].map((index) => parts.slice(0, parts.length - index).join("/"))
}

/** A CARGO_HOME of its own that shows the user's downloaded crates, and not their credentials. */
export function cargoHome(scratch: string): { env: Record<string, string>; readable: string[] } {
  const users = process.env.CARGO_HOME ?? join(homedir(), ".cargo")
  const shown = ["registry", "git"]
    .map((name) => ({ name, path: join(users, name) }))
    .filter(({ path }) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
  const home = join(scratch, "home", ".cargo")
  mkdirSync(home, { recursive: true })
  for (const { name, path } of shown) symlinkSync(path, join(home, name))
  return { env: { CARGO_HOME: home }, readable: shown.map(({ path }) => path) }
}

/** Folders outside every tree: for reports, for what we supply, for HOME and TMPDIR. */
export type Scratch = { path: string; reports: string; supplied: string; home: string; tmp: string } & AsyncDisposable

/** Folders outside every tree, under a name nobody can guess, gone when the measurement ends. */
export async function openScratch(repo: Repo): Promise<Scratch> {
  const parent = join(repo.dataDir, "measure")
  await mkdir(parent, { recursive: true, mode: 0o700 })
  await sweep(parent)
  const path = await realpath(await mkdtemp(join(parent, `${process.pid}-`)))
  const inside = (name: string) => {
    const folder = join(path, name)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return folder
  }
  const folders = {
    reports: inside(`reports-${randomUUID()}`),
    supplied: inside("supplied"),
    home: inside("home"),
    tmp: inside("tmp"),
  }
  return { path, ...folders, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/** No measurement lasts as long: a folder of this age was left by a process that died. */
const LEFT_BEHIND_MS = 24 * 60 * 60 * 1000

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found !== undefined && Date.now() - found.mtimeMs > LEFT_BEHIND_MS)
      await rm(path, { recursive: true, force: true })
  }
}
