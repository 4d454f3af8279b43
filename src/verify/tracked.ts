import { lstatSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import { isHarnessPath } from "./guarded.ts"
import type { Difference } from "./measuring.ts"
import { isTestPath } from "./paths.ts"

/** What the tree's files are like in a checkout, to see afterwards which of them were written to. */
export type Looks = ReadonlyMap<string, string>

/** With more files than these only tests and what they are run by are looked at. */
const MAX_FILES = 20_000
/** So many are named; one is enough to doubt a run. */
const MAX_NAMED = 100

/** A tree whose files are known, and what differs from it to the one that is asked about. */
export type Near = { files: Watched; differences: readonly Difference[] }
/** The files of a tree that are looked at: all, or, of too many, those that `isWatched`. */
export type Watched = { paths: readonly string[]; all: boolean }

/** The files of a tree as git knows them: links and submodules are none. */
export async function filesOfTree(repo: Repo, tree: string, signal: AbortSignal, near?: Near): Promise<string[]> {
  return near === undefined ? [...(await watchedIn(repo, tree, signal)).paths] : filesBeside(near)
}

/** The same of a tree that others are compared with: to choose among 50,000 takes longer than to list them. */
export async function watchedIn(repo: Repo, tree: string, signal: AbortSignal): Promise<Watched> {
  const args = ["--git-dir", repo.gitDir, "ls-tree", "-r", "-z", "--full-tree", tree]
  const listed = await git(args, { cwd: repo.gitDir, signal })
  const paths = listed.split("\0").flatMap((line) => /^100\d+ blob [0-9a-f]+\t([\s\S]+)$/.exec(line)?.[1] ?? [])
  const all = paths.length <= MAX_FILES
  return { paths: all ? paths : paths.filter(isWatched), all }
}

function isWatched(path: string): boolean {
  return isTestPath(path) || isHarnessPath(path)
}

function filesBeside({ files: { paths, all }, differences }: Near): string[] {
  const files = new Set(paths)
  for (const { path, head } of differences)
    if (head?.mode.startsWith("100") !== true) files.delete(path)
    else if (all || isWatched(path)) files.add(path)
  return [...files]
}

/** Each file as it is now. */
export function lookAt(root: string, paths: readonly string[]): Looks {
  return new Map(paths.map((path) => [path, stampOf(join(root, path))]))
}

/** Those that are not as they were: written, replaced, removed; also where the text is again the same, since a run may put it back. */
export function touchedSince(root: string, before: Looks): string[] {
  const touched = [...before].filter(([path, stamp]) => stampOf(join(root, path)) !== stamp).map(([path]) => path)
  return touched.sort().slice(0, MAX_NAMED)
}

/** The time of a file's last change can't be set back by the one who changes it, as that of its text can. */
function stampOf(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  return found === undefined ? "" : `${found.ino} ${found.size} ${found.ctimeNs}`
}
