import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Bind, Repo, Sandbox, Way } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"

const HOOK_TIMEOUT_MS = 15 * 60_000

export type Hook = {
  command: string
  /** The folder it may write to, and runs in. */
  tree: string
  /** The folder of the tree that it runs in instead, where that is there. */
  at?: string | undefined
  /** Where its HOME, TMPDIR and log lie. */
  folder: string
  repo: Repo
  sandbox: Sandbox
  readable: string[]
  binds: Bind[]
  /** Whether what it downloads may be kept for the next one: not when code of a maker has a part in it. */
  keepsDownloads: boolean
  /** Variables of the folder it runs in: its ports, its database. */
  env?: Record<string, string>
  /** What it may reach, where the loop says so; else the network is open to it: it is the user's own command. */
  way?: (() => Promise<Way>) | undefined
  signal: AbortSignal
}

/** Runs `hooks.afterIsolate`. That it fails is nobody's change: the Failure says so, and holds the end of its output. */
export async function runHook({
  command,
  tree,
  at = "",
  folder,
  repo,
  sandbox,
  readable,
  binds,
  keepsDownloads,
  env: own = {},
  way: openWay,
  signal,
}: Hook): Promise<void> {
  const home = join(folder, "home")
  const tmp = join(folder, "tmp")
  const cache = keepsDownloads ? join(repo.dataDir, "cache") : join(folder, "cache")
  for (const path of [home, tmp, cache]) mkdirSync(path, { recursive: true, mode: 0o700 })
  await using way = await openWay?.()
  const network = way?.network ?? ("open" as const)
  const confinement = { writable: [tree, cache], readable, binds, home, tmp, network }
  const cwd = existsSync(join(tree, at)) ? join(tree, at) : tree
  const { argv, within, unready } = sandbox.wrap(["/bin/sh", "-c", command], cwd, confinement)
  const logFile = join(folder, "after-isolate.log")
  const env = buildEnv({ home, tmp, extra: { ...own, ...downloadsGoTo(cache), ...way?.env } })
  const ran = await run(argv, {
    cwd,
    env,
    timeoutMs: HOOK_TIMEOUT_MS,
    logFile,
    limitBytes: 1024 * 1024,
    signal,
    within,
    unready,
  })
  signal.throwIfAborted()
  if (ran.ended === "exit" && ran.exitCode === 0) return
  const how = ran.over?.why ?? (ran.ended === "exit" ? `exit ${ran.exitCode ?? ran.signal}` : ran.ended)
  const tail = ends(`${ran.stdout}\n${ran.stderr}`.trim().split("\n"))
  // The folder goes with its checkout; what it printed is for a person to read afterwards.
  const kept = join(repo.dataDir, "after-isolate.log")
  copyFileSync(logFile, kept)
  throw new Failure("HOOK_FAILED", `hooks.after_isolate failed (${how}): ${command}\n${tail}`, {
    hint: `Run it yourself in a fresh clone; all it printed is in ${kept}.`,
    retry: "later",
    facts: { class: "infrastructure", command, how, logFile: kept, tail },
  })
}

/** Tools say what is wrong at once or at last, and how they are used in between. */
function ends(lines: readonly string[]): string {
  const few = lines.length <= 24
  return (few ? lines : [...lines.slice(0, 8), "…", ...lines.slice(-12)]).join("\n")
}

function downloadsGoTo(cache: string): Record<string, string> {
  return {
    npm_config_cache: join(cache, "npm"),
    npm_config_store_dir: join(cache, "pnpm"),
    YARN_CACHE_FOLDER: join(cache, "yarn"),
    PIP_CACHE_DIR: join(cache, "pip"),
    UV_CACHE_DIR: join(cache, "uv"),
    POETRY_CACHE_DIR: join(cache, "poetry"),
    GOCACHE: join(cache, "go-build"),
  }
}
