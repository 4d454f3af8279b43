import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Progress, Repo, Sandbox, Way, Workspace } from "../core/ports.ts"
import { GitError, gitScript } from "../lib/git.ts"
import { rescue, writesTo } from "./capture.ts"
import { bindsOf, DEPENDENCY_FILES, DEPENDENCY_FOLDERS, findDependencies, type TrackedFiles } from "./dependencies.ts"
import { copyIndex, gitSees, writeGitDir } from "./git-dir.ts"
import { runHook } from "./hook.ts"
import { convertsFile, findLeftovers } from "./leftovers.ts"
import { lendRest } from "./lent.ts"
import { type Place, type Ready, readReady, writeReady } from "./place.ts"
import type { Pool } from "./pool.ts"
import { MOVE_IN, POPULATE, STANDING } from "./scripts.ts"
import { packBeyond, sealedObjects } from "./seal.ts"
import { discard } from "./trash.ts"

export type Opening = {
  repo: Repo
  sandbox: Sandbox
  progress: Progress
  place: Place
  base: string
  /** The commit to stand on: where the last attempt ended, or the base. */
  start: string
  hook: string | undefined
  /** The folder that the loop works in. */
  path: string | undefined
  way?: (() => Promise<Way>) | undefined
  /** Variables of the folder: its ports, its database. */
  env: Record<string, string>
  pool: Pool
  /** What of the files that isolate reads is in a commit; filled here, and good for ever. */
  known: Map<string, TrackedFiles>
  signal: AbortSignal
}

/**
 * Makes the change's folder, or finds it as the last attempt left it. What a dead attempt left in it is kept under the
 * rescue ref, and the folder made anew; so is one that a death left half-made.
 */
export async function openWorkspace(opening: Opening): Promise<Workspace> {
  const { repo, place, start, signal } = opening
  const ready = readReady(place)
  if (ready !== undefined && ready.hook === hashOf(opening) && (await standsOn(opening, ready))) {
    const objects = await giveGit(opening)
    writeReady(place, { ...ready, base: opening.base, start })
    return await workspaceOf(opening, await trackedFiles(place, signal), objects)
  }
  if (ready !== undefined && existsSync(place.tree)) await rescue(repo, place, ready, signal)
  if (existsSync(place.folder)) void discard(repo, place.folder)
  const files = (await fromPool(opening)) ?? (await populate(opening))
  const workspace = await workspaceOf(opening, files, await giveGit(opening))
  if (opening.hook !== undefined) {
    const { command, binds } = { command: opening.hook, binds: workspace.binds ?? [] }
    opening.progress({ verb: "isolate", change: place.change, text: `after_isolate: ${command}` })
    await runHook({
      ...opening,
      command,
      binds,
      tree: place.tree,
      at: opening.path,
      folder: place.folder,
      readable: workspace.readable ?? [],
      keepsDownloads: start === opening.base,
    })
  }
  const hook = hashOf(opening)
  writeReady(place, { base: opening.base, start, ...(hook === undefined ? {} : { hook }) })
  opening.pool.refill(signal)
  return workspace
}

/** True when the folder holds exactly the commit to start from, and the ref says so too. */
async function standsOn({ repo, place, start, signal }: Opening, ready: Ready): Promise<boolean> {
  if (!existsSync(place.tree) || !existsSync(place.index)) return false
  const leftovers = await findLeftovers(place, signal)
  if (leftovers.changed.length > 0 || leftovers.forgotten.length > 0) return false
  try {
    const env = writesTo(repo, place)
    const output = await gitScript(STANDING, [repo.gitDir, place.ref], { cwd: place.tree, env, signal })
    const [tree, commit, commitTree] = output.split("\n")
    return tree === commitTree && commit === start && ready.base !== ""
  } catch (error) {
    if (error instanceof GitError) return false
    throw error
  }
}

/** Takes a folder that lies ready, and brings it to the start by the difference; undefined where there is none. */
async function fromPool({ repo, pool, place, start, signal }: Opening): Promise<TrackedFiles | undefined> {
  mkdirSync(dirname(place.folder), { recursive: true, mode: 0o700 })
  const entry = pool.take(place.folder)
  if (entry === undefined) return undefined
  try {
    writeGitDir({ path: place.gitDir, repo, head: start })
    renameSync(join(place.folder, "index"), place.index)
    const args = [repo.gitDir, place.ref, place.rescueRef, start, entry.commit, entry.tree, ...WANTED_FILES]
    const output = await gitScript(MOVE_IN, args, { cwd: place.tree, env: writesTo(repo, place), signal })
    passMoment(place.index)
    // Another start has another index: the copy is made of that one.
    if (output !== "") rmSync(join(place.folder, INDEX_COPY), { force: true })
    const files = parseStaged(output.startsWith("listed\n") ? output.slice("listed\n".length) : entry.staged)
    heed(repo, place, files)
    return files
  } catch (error) {
    if (!(error instanceof GitError) || signal.aborted) throw error
    void discard(repo, place.folder)
    return undefined
  }
}

/**
 * A file that is as old as its index may have been written to since, in the same second: git reads all of those whenever it
 * looks for changes. Nobody could until now; and what is done from now on has a change time that no entry has.
 */
function passMoment(index: string): void {
  const now = Date.now()
  if (Math.floor(now / 1000) > Math.floor(statSync(index).mtimeMs / 1000)) utimesSync(index, now / 1000, now / 1000)
}

/** What the start's own files say of ignoring and converting others. */
function heed(repo: Repo, place: Place, files: TrackedFiles): void {
  writeFileSync(join(place.gitDir, "info/exclude"), excludes(repo, place.tree, files))
  if (convertsLines(place.tree, files)) writeFileSync(convertsFile(place), "")
}

/** The files that isolate itself reads. */
export const WANTED_FILES = [...DEPENDENCY_FILES, ":(glob)**/.gitignore", ":(glob)**/.gitattributes"]

const MOST_KNOWN = 100

const INDEX_COPY = "index.copy"

async function populate({ repo, known, place, base, start, signal }: Opening): Promise<TrackedFiles> {
  mkdirSync(place.tree, { recursive: true, mode: 0o700 })
  writeGitDir({ path: place.gitDir, repo, head: start })
  const seen = known.get(start)
  const args = [repo.gitDir, place.ref, place.rescueRef, start, ...(seen === undefined ? WANTED_FILES : [])]
  try {
    const output = await gitScript(POPULATE, args, {
      cwd: place.tree,
      env: writesTo(repo, place),
      signal,
      timeoutMs: 30 * 60_000,
    })
    const files = seen ?? parseStaged(output)
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(start, files)
    heed(repo, place, files)
    return files
  } catch (error) {
    if (!(error instanceof GitError)) throw error
    signal.throwIfAborted()
    throw new Failure(
      "WORKSPACE_FAILED",
      `The workspace of ${place.change} could not be made at ${start.slice(0, 12)}: ${error.message}`,
      {
        hint: `Is the commit there? git cat-file -t ${base}`,
        retry: "later",
        cause: error,
      },
    )
  }
}

/** True where an attribute demands it; `text=auto` leaves files alone that were committed with other line ends. */
export function convertsLines(tree: string, files: TrackedFiles): boolean {
  const attributes = [...files.keys()].filter((path) => posix.basename(path) === ".gitattributes")
  return attributes.some((path) => /\s(text|crlf|eol=\w+)(\s|$)/m.test(lines(join(tree, path)).join("\n")))
}

async function trackedFiles(place: Place, signal: AbortSignal): Promise<TrackedFiles> {
  const env = gitSees(place.gitDir, place.tree, place.index)
  return parseStaged(
    await gitScript('git ls-files -z --stage -- "$@"', DEPENDENCY_FILES, { cwd: place.tree, env, signal }),
  )
}

/** Of `ls-files --stage -z`: path → blob id. */
export function parseStaged(output: string): Map<string, string> {
  return new Map(
    output.split("\0").flatMap((entry): [string, string][] => {
      const [meta = "", path] = entry.split("\t")
      const [, oid] = meta.trim().split(" ")
      return path === undefined || oid === undefined ? [] : [[path, oid]]
    }),
  )
}

/** What the start ignores stays out of the change, also when the maker takes the line out of `.gitignore`. */
function excludes(repo: Repo, tree: string, files: TrackedFiles): string {
  const rules = [...DEPENDENCY_FOLDERS.map((folder) => `/**/${folder}`), ...lines(join(repo.gitDir, "info/exclude"))]
  const ignoreFiles = [...files.keys()].filter((path) => posix.basename(path) === ".gitignore")
  for (const path of ignoreFiles.sort((a, b) => a.split("/").length - b.split("/").length)) {
    const folder = posix.dirname(path)
    for (const rule of lines(join(tree, path))) rules.push(folder === "." ? rule : below(folder, rule))
  }
  return `${rules.join("\n")}\n`
}

/** A rule of `folder/.gitignore`, as the root's would say it. */
function below(folder: string, rule: string): string {
  const not = rule.startsWith("!") ? "!" : ""
  const pattern = rule.slice(not.length)
  const isAnchored = pattern.slice(0, -1).includes("/")
  const escaped = folder.replace(/[\\*?[\]!#]/g, "\\$&")
  return isAnchored ? `${not}/${escaped}/${pattern.replace(/^\//, "")}` : `${not}/${escaped}/**/${pattern}`
}

function lines(path: string): string[] {
  if (!existsSync(path)) return []
  return readFileSync(path, "utf8")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
}

/** The maker's own `.git`: made new each time, whatever became of the last one. Returns the objects that it borrows. */
async function giveGit(opening: Opening): Promise<string[]> {
  const { repo, place, base, start, signal } = opening
  const path = join(place.tree, ".git")
  void discard(repo, path)
  const objects = await sealedObjects({ ...opening, change: place.change })
  const branch = `refs/heads/flyball/${place.change}`
  const exclude = readFileSync(join(place.gitDir, "info/exclude"), "utf8")
  writeGitDir({ path, repo, head: branch, refs: { [branch]: start }, exclude, borrow: objects })
  await packBeyond(join(path, "objects"), repo, start, base, signal)
  const copy = join(place.folder, INDEX_COPY)
  if (existsSync(copy)) renameSync(copy, join(path, "index"))
  else copyIndex(place.index, join(path, "index"))
  return objects
}

async function workspaceOf(opening: Opening, files: TrackedFiles, objects: string[]): Promise<Workspace> {
  const { repo, sandbox, place, base, env } = opening
  const { folders } = findDependencies(repo, files, place.tree, opening.path)
  const binds = sandbox.kind.is === "bubblewrap" ? bindsOf(repo, place.tree, folders) : []
  const { tree, gitDir, index } = place
  const lent = await lendRest({ ...opening, tree, gitDir, index, scratch: false })
  return {
    change: place.change,
    path: place.tree,
    base,
    sandboxed: sandbox.kind.is === "bubblewrap",
    readable: objects,
    binds: [...binds, ...lent],
    env,
  }
}

function hashOf({ hook, path }: Pick<Opening, "hook" | "path">): string | undefined {
  if (hook === undefined) return undefined
  const where = path === undefined ? "" : `\0${path}`
  return createHash("sha256").update(`${hook}${where}`).digest("hex").slice(0, 16)
}
