import { posix } from "node:path"
import { tryGit } from "../../lib/git.ts"
import { readFileAt } from "../diff.ts"
import type { ChangeFacts } from "./check.ts"

/** What is wrong with a path of the tree; `text` goes on after "is". */
export type Misshapen = { id: string; path: string; text: string }

/** Symbolic links that leave the repository, or lead into git's own folder. */
export async function linkObjections({ repo, tree, entries, signal }: ChangeFacts): Promise<Misshapen[]> {
  const objections: Misshapen[] = []
  for (const { path } of entries.filter((entry) => entry.newMode === "120000")) {
    const target = (await readFileAt(repo, tree, path, signal)) ?? ""
    const lands = posix.normalize(posix.join(posix.dirname(path), target))
    const leaves = target.startsWith("/") || /^[a-z]:|\\/i.test(target) || lands === ".." || lands.startsWith("../")
    if (leaves) objections.push({ id: `symlink out ${path}`, path, text: "a symbolic link that leaves the repository" })
    else if (/(^|\/)\.git(\/|$)/i.test(lands))
      objections.push({ id: `symlink git ${path}`, path, text: "a symbolic link into .git" })
  }
  return objections
}

/** New names that a file system without capitals, or without composed letters, takes for another file's. */
export async function collisions({ repo, tree, entries, signal }: ChangeFacts): Promise<Misshapen[]> {
  const added = entries.filter((entry) => entry.status === "added")
  if (added.length === 0) return []
  const listed = await tryGit(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  const wanted = new Map(added.map(({ path }) => [folded(path), path]))
  return listed.stdout.split("\0").flatMap((other) => {
    const path = other === "" ? undefined : wanted.get(folded(other))
    return path === undefined || path === other
      ? []
      : [{ id: `collides ${path}`, path, text: `taken for ${other} where capitals don't count` }]
  })
}

function folded(path: string): string {
  return path.toLowerCase().normalize("NFC")
}
