import { readFileSync, renameSync, rmdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs"
import { basename, dirname, join, posix } from "node:path"
import type { Repo } from "../core/ports.ts"
import { gitScript } from "../lib/git.ts"
import { DEPENDENCY_FILES, type TrackedFiles } from "./dependencies.ts"
import { gitSees } from "./git-dir.ts"
import { DIFFERING, PUT_SOME } from "./scripts.ts"
import { spliceIndex } from "./splice-index.ts"
import { convertsLines } from "./workspace.ts"

export type Move = {
  repo: Repo
  /** A folder that holds the tree `held`, untouched, and its index. */
  folder: string
  gitDir: string
  held: string
  /** What of the files that isolate reads is in `held`. */
  files: TrackedFiles
  tree: string
  signal: AbortSignal
}

/** With more than these git is as quick. */
const MOST_PATHS = 200

/**
 * Brings an untouched folder from one tree to another by writing the files that differ and their entries of the index: git
 * writes them, into an index of their own, and the two are joined. Says whether it did; what it can't show to come out as
 * git's own way does, it leaves alone.
 */
export async function moveTree(move: Move): Promise<boolean> {
  const { repo, folder, gitDir, held, tree, signal } = move
  const index = join(gitDir, "index")
  const small = join(gitDir, "index.differing")
  const env = gitSees(gitDir, folder, small)
  const listed = await gitScript(DIFFERING, [repo.gitDir, held, tree], { cwd: folder, env, signal })
  const paths = differing(listed)
  if (!isPlain(paths) || convertsLines(folder, move.files)) return false
  const list = join(gitDir, "differing")
  const kept = paths.filter(({ oid }) => oid !== undefined)
  writeFileSync(list, kept.map(({ mode, oid, path }) => `${mode} ${oid}\t${path}\0`).join(""))
  for (const { path, isNew } of paths) if (!isNew) unlinkSync(join(folder, path))
  const gone = paths.flatMap(({ path, oid }) => (oid === undefined ? [path] : []))
  for (const path of gone) removeEmpty(folder, posix.dirname(path))
  if (kept.length > 0) await gitScript(PUT_SOME, [list], { cwd: folder, env, signal })
  else writeFileSync(small, emptyIndex())
  const hash = tree.length === 64 ? "sha256" : "sha1"
  const joined = spliceIndex(readFileSync(index), readFileSync(small), gone, hash)
  if (joined === undefined) throw new Error(`${index} is no index of version 2`)
  const { atime, mtime } = statSync(small)
  writeFileSync(`${index}.new`, joined)
  // As old as the newest entry may be: what is written to in that very moment is still looked into by git.
  utimesSync(`${index}.new`, atime, mtime)
  renameSync(`${index}.new`, index)
  for (const file of [list, small]) unlinkSync(file)
  return true
}

/** Of no entries; its checksum is nobody's to look at. */
function emptyIndex(): Buffer {
  return Buffer.concat([Buffer.from("DIRC\0\0\0\x02\0\0\0\0", "latin1"), Buffer.alloc(32)])
}

type Path = { path: string; mode: string; oid: string | undefined; isNew: boolean; wasModule: boolean }

/** Of `diff-tree -r -z`. */
function differing(listed: string): Path[] {
  const fields = listed.split("\0")
  const paths: Path[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [oldMode = "", mode = "", , oid = ""] = (fields[at] ?? "").slice(1).split(" ")
    const isGone = /^0+$/.test(oid)
    const path = fields[at + 1] ?? ""
    paths.push({
      path,
      mode,
      oid: isGone ? undefined : oid,
      isNew: oldMode === "000000",
      wasModule: oldMode === "160000",
    })
  }
  return paths
}

/** Files alone, of which none takes the place of a folder or decides what becomes of others. */
function isPlain(paths: readonly Path[]): boolean {
  if (paths.length > MOST_PATHS) return false
  const all = new Set(paths.map(({ path }) => path))
  return paths.every(({ path, mode, wasModule }) => {
    const above = path.split("/").map((_, n, parts) => parts.slice(0, n).join("/"))
    const isRead = read.has(basename(path)) || mode === "160000" || wasModule
    // A name that is no UTF-8 can't be told here.
    return !isRead && !path.includes("\uFFFD") && !above.some((folder) => all.has(folder))
  })
}

const read: ReadonlySet<string> = new Set([
  ...DEPENDENCY_FILES.map((pattern) => basename(pattern)),
  ...[".gitignore", ".gitattributes", ".gitmodules"],
])

/** Folders that hold nothing any more go with their last file, as git does it. */
function removeEmpty(root: string, folder: string): void {
  for (let path = folder; path !== "." && path !== ""; path = dirname(path)) {
    try {
      rmdirSync(join(root, path))
    } catch {
      return
    }
  }
}
