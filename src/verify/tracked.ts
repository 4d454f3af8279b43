import { lstatSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import { isHarnessPath } from "./guarded.ts"
import { isTestPath } from "./paths.ts"

/** What the tree's files are like in a checkout, to see afterwards which of them were written to. */
export type Looks = ReadonlyMap<string, string>

/** With more files than these only tests and what they are run by are looked at. */
const MAX_FILES = 20_000
/** So many are named; one is enough to doubt a run. */
const MAX_NAMED = 100

/** The files of a tree as git knows them: links and submodules are none. */
export async function filesOfTree(repo: Repo, tree: string, signal: AbortSignal): Promise<string[]> {
  const args = ["--git-dir", repo.gitDir, "ls-tree", "-r", "-z", "--full-tree", tree]
  const listed = await git(args, { cwd: repo.gitDir, signal })
  const paths = listed.split("\0").flatMap((line) => /^100\d+ blob [0-9a-f]+\t([\s\S]+)$/.exec(line)?.[1] ?? [])
  return paths.length <= MAX_FILES ? paths : paths.filter((path) => isTestPath(path) || isHarnessPath(path))
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
