import { type FSWatcher, watch } from "node:fs"
import { readdir, realpath, stat } from "node:fs/promises"
import { join } from "node:path"
import picomatch from "picomatch"

const DEBOUNCE_MS = 300
/** A stream of changes that never pauses fires all the same. */
const LONGEST_MS = 5_000
const MOST_FOLDERS = 4_000
const MOST_DEPTH = 24
/** Flyball's own effects, and what tools churn. */
const NEVER = [".git/**", "**/node_modules/**", ".flyball/state/**", "**/.*.tmp"]

export type FileWatch = {
  /** Absolute path of the checkout; globs and paths are relative to it, with `/`. */
  root: string
  globs: readonly string[]
  /** Files that Flyball writes itself: they never fire. */
  own: readonly string[]
  signal: AbortSignal
  /** Called once for changes that come together, with the paths that match, sorted. */
  changed: (paths: string[]) => void
  say: (text: string) => void
}

type Watching = {
  root: string
  matches: (path: string) => boolean
  /** The fixed folders that globs begin with. */
  bases: readonly (readonly string[])[]
  watchers: Map<string, FSWatcher>
  burst: Burst
  signal: AbortSignal
  say: (text: string) => void
}

/**
 * Watches the files that globs name, until the signal is aborted. Resolves when everything is being watched.
 * One watcher a folder: a recursive one would walk into `node_modules` and `.git`.
 */
export async function watchFiles({ root, globs, own, signal, changed, say }: FileWatch): Promise<void> {
  const watching: Watching = {
    root: await realpath(root),
    matches: picomatch([...globs], { dot: true, ignore: [...own, ...NEVER] }),
    bases: globs.map((glob) => partsOf(picomatch.scan(glob).base).filter((part) => part !== ".")),
    watchers: new Map(),
    burst: new Burst(changed),
    signal,
    say,
  }
  const stop = () => {
    watching.burst.stop()
    leave(watching, "")
  }
  signal.addEventListener("abort", stop, { once: true })
  await enter(watching, "", false)
}

/** Watches a folder and those below it. The files of one that is new came before its watcher did. */
async function enter(watching: Watching, path: string, isNew: boolean): Promise<void> {
  const { watchers, signal, root, matches, burst, say } = watching
  if (signal.aborted || watchers.has(path) || !mayHold(watching, path) || watchers.size > MOST_FOLDERS) return
  if (watchers.size === MOST_FOLDERS)
    say(`Only ${MOST_FOLDERS} folders are watched; changes in the rest are not seen. Name a narrower glob.`)
  try {
    const watcher = watch(join(root, path), (_event, name) => {
      if (name !== null) void onChange(watching, below(path, name))
    })
    watchers.set(path, watcher)
    watcher.on("error", () => leave(watching, path))
  } catch (error) {
    say(`${path === "" ? "." : path} can't be watched: ${error instanceof Error ? error.message : String(error)}`)
    return
  }
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const inside = below(path, entry.name)
    if (entry.isDirectory()) await enter(watching, inside, isNew)
    else if (isNew && matches(inside)) burst.add(inside)
  }
}

async function onChange(watching: Watching, path: string): Promise<void> {
  if (watching.signal.aborted) return
  if (watching.matches(path)) watching.burst.add(path)
  if (!mayHold(watching, path)) return
  const there = await stat(join(watching.root, path)).catch(() => undefined)
  if (there === undefined) leave(watching, path)
  else if (there.isDirectory()) await enter(watching, path, true)
}

function leave({ watchers }: Watching, path: string): void {
  for (const [known, watcher] of watchers) {
    if (path !== "" && known !== path && !known.startsWith(`${path}/`)) continue
    watcher.close()
    watchers.delete(known)
  }
}

/** Whether a folder lies on the way to a glob's fixed part, or inside it. */
function mayHold({ bases }: Watching, path: string): boolean {
  const parts = partsOf(path)
  if (parts.includes(".git") || parts.includes("node_modules") || parts.length > MOST_DEPTH) return false
  return bases.some((base) => base.every((part, index) => parts[index] === undefined || parts[index] === part))
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "")
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`
}

/** Gathers paths until nothing comes for a moment. */
class Burst {
  readonly #changed: (paths: string[]) => void
  readonly #paths = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #since = 0

  constructor(changed: (paths: string[]) => void) {
    this.#changed = changed
  }

  add(path: string): void {
    if (this.#paths.size === 0) this.#since = performance.now()
    this.#paths.add(path)
    this.stop()
    this.#timer = setTimeout(
      () => this.#flush(),
      Math.max(0, Math.min(DEBOUNCE_MS, this.#since + LONGEST_MS - performance.now())),
    )
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #flush(): void {
    const paths = [...this.#paths].sort()
    this.#paths.clear()
    this.#changed(paths)
  }
}
