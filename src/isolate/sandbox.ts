import { existsSync } from "node:fs"
import { totalmem } from "node:os"
import { isAbsolute, join } from "node:path"
import { type TreeLimits, treeLimitsOf } from "../core/limits.ts"
import type { Confinement, Sandbox } from "../core/ports.ts"
import { toolRoots } from "../lib/environment.ts"
import { makeFolder } from "../lib/make-folder.ts"
import { run } from "../lib/process.ts"
import { openTreeWatch } from "../lib/tree-watch.ts"
import { bubblewrapArgv, neverBegan, type Profile, systemMounts, toolsBeside } from "./bubblewrap.ts"
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
  makeFolder(home)
  const why = process.platform !== "linux" ? "bubblewrap needs Linux" : disabled ? "it was switched off" : undefined
  if (why !== undefined) return withoutSandbox(home, why)
  const version = await ask(["bwrap", "--version"])
  if (version.ended === "missing") return withoutSandbox(home, "bubblewrap is not installed")
  const stage = join(home, "run", "stage")
  makeFolder(stage)
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
  const [overlaid, counts] = await Promise.all([
    ask(bubblewrapArgv(["/bin/sh", "-c", "echo x >/mnt/probe/x"], "/", scratch, overlay)),
    countsByNamespace(profile),
  ])
  const best = { ...(overlaid.exitCode === 0 ? overlay : profile), ...(counts ? { kernelLimit } : {}) }
  const watch = openTreeWatch({ contained: true })
  const usual = limitsHere()
  return {
    kind: { is: "bubblewrap", version: version.stdout.trim().replace(/^bubblewrap /, "") },
    wrap: (argv, cwd, confinement) => {
      const limits = confinement.limits ?? usual
      return {
        argv: bubblewrapArgv(argv, cwd, { ...confinement, limits }, best),
        sandboxed: true,
        within: (pid, marker, over) => watch.track(pid, marker, limits, over),
        unready: neverBegan,
      }
    },
  }
}

/** The same sandbox, for commands that may take what a loop says and no more. */
export function withLimits(sandbox: Sandbox, said: Parameters<typeof limitsHere>[0]): Sandbox {
  const limits = limitsHere(said)
  return {
    kind: sandbox.kind,
    wrap: (argv, cwd, confinement) => sandbox.wrap(argv, cwd, { limits, ...confinement }),
  }
}

/** What a command may take of this machine where nobody said otherwise, or of it what a loop says nothing of. */
export function limitsHere(said: Partial<{ [key in keyof TreeLimits]: number | undefined }> = {}): TreeLimits {
  // Of the container that we are in, where there is one.
  const most = process.constrainedMemory?.() ?? 0
  return treeLimitsOf({ limits: said }, most > 0 ? Math.min(most, totalmem()) : totalmem())
}

/** It counts threads too, and only has to hold until the next look. */
function kernelLimit(processes: number): number {
  return Math.max(4 * processes, processes + 2_000)
}

/**
 * Whether the kernel counts a user's processes by namespace (Linux 5.14): only then can a sandbox have a limit of its own.
 * Root has none. Tried with one that our user is far beyond, and a sandbox is not.
 */
async function countsByNamespace(profile: Profile): Promise<boolean> {
  if (process.getuid?.() === 0) return false
  const probe: Confinement = { writable: [], readable: [], network: "none", limits: { memoryBytes: 0, processes: 0 } }
  const script = '[ "$(ulimit -u 2>/dev/null || ulimit -p)" = 8 ] && (exit 0) && /bin/true'
  const limited = { ...profile, kernelLimit: () => 8 }
  return (await ask(bubblewrapArgv(["/bin/sh", "-c", script], "/", probe, limited))).exitCode === 0
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
  const watch = openTreeWatch({ contained: false })
  const usual = limitsHere()
  return {
    kind: { is: "none", why },
    wrap: (argv, _, confinement) => ({
      argv: supervise(argv, confinement, lifeline),
      sandboxed: false,
      within: (pid, marker, over) => watch.track(pid, marker, confinement.limits ?? usual, over),
    }),
  }
}

function ask(argv: string[]) {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" }
  return run(argv, { cwd: "/", env, timeoutMs: 10_000, limitBytes: 64 * 1024 })
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? ""
}
