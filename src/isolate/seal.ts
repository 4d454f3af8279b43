import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Progress, Repo } from "../core/ports.ts"
import { GitError, git } from "../lib/git.ts"
import { objectFolders } from "./git-dir.ts"
import { isPartial } from "./partial.ts"

export type Sealing = { repo: Repo; base: string; progress: Progress; change: string; signal: AbortSignal }

/** Packing the history of a very large repository for the first time; later bases add what is new in them. */
const FIRST_TIMEOUT_MS = 30 * 60_000
/** Bases remembered; an older one that comes back is packed again. */
const MOST_BASES = 200

/**
 * Object folders that hold the base's history and nothing else: a maker that lists every object finds no later branch,
 * no other change, and no stash to copy a fix from (catalogue T14). Packed once for each base, from what is new in it.
 * Where a repository can't be packed (objects are missing), it gets the repository's own, and that is said.
 */
export async function sealedObjects(sealing: Sealing): Promise<string[]> {
  const { repo, base, progress, change, signal } = sealing
  const store = join(repo.dataDir, "sealed", "objects")
  const sealed = readSealed(repo)
  if (sealed.includes(base)) return [store]
  mkdirSync(join(store, "pack"), { recursive: true, mode: 0o700 })
  mkdirSync(join(store, "info"), { recursive: true })
  try {
    await packNew(join(store, "pack"), repo, base, sealed, signal)
  } catch (error) {
    if (!(error instanceof GitError)) throw error
    signal.throwIfAborted()
    progress({
      verb: "isolate",
      change,
      text: `the workspace can see all objects of the repository: its history could not be packed apart (${error.message})`,
    })
    return objectFolders(repo)
  }
  writeSealed(repo, [...sealed, base].slice(-MOST_BASES))
  return [store]
}

async function packNew(
  folder: string,
  repo: Repo,
  base: string,
  sealed: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const known = sealed.map((each) => `^${each}`)
  try {
    await packInto(folder, repo, [base, ...known], signal)
  } catch (error) {
    if (!(error instanceof GitError) || known.length === 0 || signal.aborted) throw error
    // A base that was rewritten away may be collected by now: then all of this one is packed.
    await packInto(folder, repo, [base], signal)
  }
}

/** Puts what `commit` has beyond `base` into the objects of one workspace: an attempt goes on where the last one ended. */
export async function packBeyond(
  objects: string,
  repo: Repo,
  commit: string,
  base: string,
  signal: AbortSignal,
): Promise<void> {
  if (commit === base) return
  await packInto(join(objects, "pack"), repo, [commit, `^${base}`], signal)
}

async function packInto(folder: string, repo: Repo, revisions: readonly string[], signal: AbortSignal): Promise<void> {
  // What a partial clone left with its remote stays there: the maker has the files of its base, and no older ones.
  const missing = isPartial(repo) ? ["--missing=allow-any"] : []
  await git(
    ["pack-objects", "--revs", "--quiet", "--delta-base-offset", "--non-empty", ...missing, join(folder, "pack")],
    {
      cwd: repo.gitDir,
      stdin: `${revisions.join("\n")}\n`,
      signal,
      timeoutMs: FIRST_TIMEOUT_MS,
    },
  )
}

/** Bases whose history is in the store; a base that git has dropped since can't be named as known any more. */
function readSealed(repo: Repo): string[] {
  const path = sealedFile(repo)
  if (!existsSync(path)) return []
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => /^[0-9a-f]{40,64}$/.test(line))
}

/** Written after the pack is whole: a death in between packs once more, which changes nothing. */
function writeSealed(repo: Repo, bases: readonly string[]): void {
  const path = sealedFile(repo)
  writeFileSync(`${path}.${process.pid}`, `${bases.join("\n")}\n`)
  renameSync(`${path}.${process.pid}`, path)
}

function sealedFile(repo: Repo): string {
  return join(repo.dataDir, "sealed", "bases")
}
