import { createHash } from "node:crypto"
import { chmodSync, type Dirent, existsSync, lstatSync, readdirSync, readFileSync, type Stats } from "node:fs"
import { join, posix } from "node:path"
import { Failure } from "../core/failure.ts"
import { gitScript } from "../lib/git.ts"
import { gitSees } from "./git-dir.ts"
import type { Place } from "./place.ts"
import { LIST } from "./scripts.ts"

/** More than this is no change but an accident: a core dump, a data set, a folder of dependencies nobody ignores. */
const LIMITS = { files: 100_000, bytes: 512 * 1024 * 1024 } as const

/**
 * Paths relative to the tree, one character for each byte (`latin1`): a name need not be UTF-8. `forgotten`: tracked files
 * in whose place is a folder now, or whose folder is a link: git would refuse to look at them.
 */
export type Leftovers = { changed: string[]; forgotten: string[] }

/**
 * The paths in a workspace that differ from our index: changed, deleted, and new but not ignored. The index is ours, so
 * it makes no difference what the maker did with its own `.git`; and nothing in the folder gets to run.
 */
export async function findLeftovers(place: Place, signal: AbortSignal): Promise<Leftovers> {
  const env = gitSees(place.gitDir, place.tree, place.index)
  const into = join(place.folder, "listed")
  const converts = existsSync(convertsFile(place))
  await gitScript(LIST, [into, converts ? "converts" : ""], { cwd: place.tree, env, signal })
  const listed = new Set(fields(into))
  if (converts) for (const path of sameBytes(place.tree, fields(`${into}.raw`))) listed.delete(path)
  return sort(place.tree, [...listed])
}

/** Stands where the start's attributes have line ends converted between the repository and the folder. */
export function convertsFile(place: Place): string {
  return join(place.gitDir, "converts")
}

function fields(path: string): string[] {
  return readFileSync(path, "latin1")
    .split("\0")
    .filter((field) => field !== "")
}

/**
 * Of `diff-files --raw -z`: files that differ from the index only by what attributes would make of them, as files do that
 * were committed before the attributes were. Nobody touched them.
 */
function sameBytes(tree: string, raw: readonly string[]): string[] {
  const same: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [oldMode = "", newMode, oid = ""] = (raw[at] ?? "").slice(1).split(" ")
    const path = raw[at + 1] ?? ""
    if (oldMode !== newMode || !oldMode.startsWith("100") || stat(tree, path)?.isFile() !== true) continue
    const content = readFileSync(bytesOf(tree, path))
    const hash = createHash(oid.length === 64 ? "sha256" : "sha1")
      .update(`blob ${content.length}\0`)
      .update(content)
    if (hash.digest("hex") === oid) same.push(path)
  }
  return same
}

function sort(tree: string, listed: string[]): Leftovers {
  const folders = new Map<string, boolean>()
  const isBehindLink = (path: string): boolean => {
    const folder = posix.dirname(path)
    if (folder === ".") return false
    const known = folders.get(folder) ?? (isBehindLink(folder) || stat(tree, folder)?.isSymbolicLink() === true)
    folders.set(folder, known)
    return known
  }
  const changed: string[] = []
  let bytes = 0
  const take = (path: string) => {
    const stats = stat(tree, path)
    // The owner may have taken the right to read from itself.
    if (stats?.isFile() === true && (stats.mode & 0o400) === 0) chmodSync(bytesOf(tree, path), stats.mode | 0o600)
    bytes += stats?.isFile() === true ? stats.size : 0
    changed.push(path)
    if (bytes > LIMITS.bytes || changed.length > LIMITS.files) throw tooMuch(changed.length, bytes)
  }
  const forgotten: string[] = []
  for (const path of listed) {
    // git names a repository inside the workspace by its folder: its files count as files.
    if (path.endsWith("/")) filesIn(tree, path.slice(0, -1)).forEach(take)
    else if (isBehindLink(path)) forgotten.push(path)
    else if (stat(tree, path)?.isDirectory() !== true) take(path)
    // A submodule that somebody filled is none of the change's: its commit would be nobody else's.
    else if (stat(tree, `${path}/.git`) === undefined) forgotten.push(path)
  }
  return { changed, forgotten }
}

/** The files of a repository inside the workspace: `git init` in a folder does not take it out of the change. */
function filesIn(tree: string, folder: string, depth = 0): string[] {
  if (depth > 50) return []
  let entries: Dirent[] = []
  try {
    entries = readdirSync(bytesOf(tree, folder), { withFileTypes: true, encoding: "latin1" })
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

function stat(tree: string, path: string): Stats | undefined {
  try {
    return lstatSync(bytesOf(tree, path), { throwIfNoEntry: false })
  } catch {
    // below something that is no folder
    return undefined
  }
}

function bytesOf(tree: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(path, "latin1")])
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
