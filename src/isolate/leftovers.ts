import { chmodSync, type Dirent, lstatSync, readdirSync, type Stats } from "node:fs"
import { dirname, join } from "node:path"
import { Failure } from "../core/failure.ts"
import { git } from "../lib/git.ts"
import { gitSees } from "./git-dir.ts"
import type { Place } from "./place.ts"

/** More than this is no change but an accident: a core dump, a data set, a folder of dependencies nobody ignores. */
const LIMITS = { files: 100_000, bytes: 512 * 1024 * 1024 } as const

/** `forgotten`: tracked files in whose place is a folder now, or whose folder is a link: git would refuse to look at them. */
export type Leftovers = { changed: string[]; forgotten: string[] }

/**
 * The paths in a workspace that differ from our index: changed, deleted, and new but not ignored. The index is ours, so
 * it makes no difference what the maker did with its own `.git`; and nothing in the folder gets to run.
 */
export async function findLeftovers(place: Place, signal: AbortSignal): Promise<Leftovers> {
  const args = ["ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard"]
  const env = gitSees(place.gitDir, place.tree, place.index)
  const listed = new Set((await git(args, { cwd: place.tree, env, signal })).split("\0").filter((path) => path !== ""))
  return sort(place.tree, [...listed])
}

function sort(tree: string, listed: string[]): Leftovers {
  const folders = new Map<string, boolean>()
  const isBehindLink = (path: string): boolean => {
    const folder = dirname(path)
    if (folder === ".") return false
    const known = folders.get(folder) ?? (isBehindLink(folder) || stat(join(tree, folder))?.isSymbolicLink() === true)
    folders.set(folder, known)
    return known
  }
  const changed: string[] = []
  let bytes = 0
  const take = (path: string) => {
    const stats = stat(join(tree, path))
    // The owner may have taken the right to read from itself.
    if (stats?.isFile() === true && (stats.mode & 0o400) === 0) chmodSync(join(tree, path), stats.mode | 0o600)
    bytes += stats?.isFile() === true ? stats.size : 0
    changed.push(path)
    if (bytes > LIMITS.bytes || changed.length > LIMITS.files) throw tooMuch(changed.length, bytes)
  }
  const forgotten: string[] = []
  for (const path of listed) {
    // git names a repository inside the workspace by its folder: its files count as files.
    if (path.endsWith("/")) filesIn(tree, path.slice(0, -1)).forEach(take)
    else if (isBehindLink(path)) forgotten.push(path)
    else if (stat(join(tree, path))?.isDirectory() !== true) take(path)
    // A submodule that somebody filled is none of the change's: its commit would be nobody else's.
    else if (stat(join(tree, path, ".git")) === undefined) forgotten.push(path)
  }
  return { changed, forgotten }
}

/** The files of a repository inside the workspace: `git init` in a folder does not take it out of the change. */
function filesIn(tree: string, folder: string, depth = 0): string[] {
  if (depth > 50) return []
  let entries: Dirent[] = []
  try {
    entries = readdirSync(join(tree, folder), { withFileTypes: true })
  } catch {
    return []
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.name.toLowerCase() === ".git" || entry.name === "node_modules") return []
    if (entry.isDirectory()) return filesIn(tree, path, depth + 1)
    return entry.isFile() || entry.isSymbolicLink() ? [path] : []
  })
}

function stat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // below something that is no folder
    return undefined
  }
}

function tooMuch(files: number, bytes: number): Failure {
  return new Failure(
    "WORK_TOO_LARGE",
    `The maker left ${files} or more new files, ${Math.round(bytes / 1e6)} MB or more.`,
    {
      hint: "Is a folder of build results or dependencies missing from .gitignore?",
      retry: "person",
    },
  )
}
