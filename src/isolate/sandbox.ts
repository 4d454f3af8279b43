import { existsSync, mkdirSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import type { Confinement, Sandbox } from "../core/ports.ts"
import { toolRoots } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { bubblewrapArgv, type Profile, systemMounts, toolsBeside } from "./bubblewrap.ts"
import { writeFilter } from "./seccomp.ts"
import { openLifeline, supervise } from "./supervisor.ts"

export type SandboxOptions = {
  /** FLYBALL_HOME; a few empty folders that the sandbox needs are made in it. */
  home: string
  /** Folders that no command may see unless it is told to: the user's repository. The user's home and FLYBALL_HOME always are hidden. */
  hidden?: string[]
  /** For those who want to know what happens without one. */
  disabled?: boolean
}

/** Tries bubblewrap by really running it, once; where it fails, commands run under a supervisor instead, and `kind` says why. */
export async function detectSandbox({ home, hidden = [], disabled = false }: SandboxOptions): Promise<Sandbox> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const why = process.platform !== "linux" ? "bubblewrap needs Linux" : disabled ? "it was switched off" : undefined
  if (why !== undefined) return withoutSandbox(home, why)
  const version = await ask(["bwrap", "--version"])
  if (version.ended === "missing") return withoutSandbox(home, "bubblewrap is not installed")
  const stage = join(home, "run", "stage")
  mkdirSync(stage, { recursive: true, mode: 0o700 })
  const system = systemMounts(process.getuid?.() === 0 ? await closedIn(SYSTEM_CONFIGURATION) : [])
  const bare: Profile = {
    system,
    tools: toolsBeside(system, toolRoots()),
    hidden: [home, ...hidden],
    stage,
    overlay: false,
  }
  const probe: Confinement = { writable: [], readable: [], network: "none" }
  const tried = (profile: Profile) =>
    ask(bubblewrapArgv(["/bin/sh", "-c", "test -r /proc/self/stat"], "/", probe, profile))
  const filtered: Profile = { ...bare, filter: writeFilter(join(home, "run")) }
  const first = await tried(filtered)
  // A kernel may know no filters.
  const [profile, worked] = first.exitCode === 0 ? [filtered, first] : [bare, await tried(bare)]
  if (worked.exitCode !== 0) return withoutSandbox(home, `bubblewrap does not work here: ${lastLine(worked.stderr)}`)
  const overlay = { ...profile, overlay: true }
  const scratch: Confinement = { ...probe, binds: [{ from: stage, to: "/mnt/probe", scratch: true }] }
  const overlaid = await ask(bubblewrapArgv(["/bin/sh", "-c", "echo x >/mnt/probe/x"], "/", scratch, overlay))
  const best = overlaid.exitCode === 0 ? overlay : profile
  return {
    kind: { is: "bubblewrap", version: version.stdout.trim().replace(/^bubblewrap /, "") },
    wrap: (argv, cwd, confinement) => ({ argv: bubblewrapArgv(argv, cwd, confinement, best), sandboxed: true }),
  }
}

const SYSTEM_CONFIGURATION = ["/etc", "/opt"]
/** Each is a mount at every start. */
const MOST_CLOSED = 200

/** What in some folders only its owner or a group may read: as root we could, and so could an agent. */
export async function closedIn(folders: readonly string[]): Promise<string[]> {
  const there = folders.filter((folder) => existsSync(folder))
  const found = await ask([
    "find",
    ...there,
    "-maxdepth",
    "5",
    "!",
    "-type",
    "l",
    "!",
    "-perm",
    "-004",
    "-prune",
    "-print0",
  ])
  return found.stdout.split("\0").filter(isAbsolute).slice(0, MOST_CLOSED)
}

async function withoutSandbox(home: string, why: string): Promise<Sandbox> {
  const lifeline = await openLifeline(home)
  return {
    kind: { is: "none", why },
    wrap: (argv, _, confinement) => ({ argv: supervise(argv, confinement, lifeline), sandboxed: false }),
  }
}

function ask(argv: string[]) {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" }
  return run(argv, { cwd: "/", env, timeoutMs: 10_000, limitBytes: 64 * 1024 })
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? ""
}
