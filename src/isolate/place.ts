import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"

/** Where things of one change lie: the maker sees `tree`, and nothing of the rest. */
export type Place = {
  change: string
  /** `<data>/workspaces/<change>`. */
  folder: string
  tree: string
  /** Our own git directory for the tree; what the maker finds as `.git` is a convenience that we never read. */
  gitDir: string
  index: string
  /** Where its work is kept in the user's repository, out of sight of `git branch`. */
  ref: string
  rescueRef: string
}

/** Where the change's things lie, whether they are there or not. */
export function placeOf(repo: Repo, change: string): Place {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(change) || change.endsWith(".lock") || change.includes("..")) {
    throw new Failure("CHANGE_ID_INVALID", `"${change}" can't name a change: it would not make a folder and a branch.`)
  }
  return placeIn(join(workspacesOf(repo), change), change)
}

/** The same, of a folder that was put elsewhere. */
export function placeIn(folder: string, change: string): Place {
  const gitDir = join(folder, "git")
  return {
    change,
    folder,
    tree: join(folder, "tree"),
    gitDir,
    index: join(gitDir, "index"),
    ref: `refs/flyball/changes/${change}`,
    rescueRef: `refs/flyball/rescue/${change}`,
  }
}

export function workspacesOf(repo: Repo): string {
  return join(repo.dataDir, "workspaces")
}

const Ready = z.object({ base: z.string(), start: z.string(), hook: z.string().optional() })
/** What is written when a workspace is whole: a folder without it is half-made, and nobody has worked in it. */
export type Ready = z.infer<typeof Ready>

export function readReady(place: Place): Ready | undefined {
  const path = join(place.folder, "ready.json")
  if (!existsSync(path)) return undefined
  try {
    return Ready.parse(JSON.parse(readFileSync(path, "utf8")))
  } catch {
    return undefined
  }
}

export function writeReady(place: Place, ready: Ready): void {
  const path = join(place.folder, "ready.json")
  writeFileSync(`${path}.new`, JSON.stringify(ready))
  renameSync(`${path}.new`, path)
}
