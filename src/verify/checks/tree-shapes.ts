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

const program = /\.([cm]?[jt]s|[jt]sx)$/

/**
 * New files that an import finds before the file it found so far: `range.js` beside `range.ts`, `range.ts` beside
 * `range/index.ts`, `range/__init__.py` beside `range.py`, a manifest beside the `index.js` of a folder.
 */
export async function overtakers({ repo, tree, entries, isTest, signal }: ChangeFacts): Promise<Misshapen[]> {
  const added = entries.filter(({ status, path }) => status === "added" && !/\.d\.[cm]?ts$/.test(path))
  const wanted = new Map<string, string>()
  for (const { path } of added) for (const place of placesOf(path)) wanted.set(place, path)
  if (wanted.size === 0) return []
  const isNew = new Set(added.map(({ path }) => path))
  const listed = await tryGit(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  return listed.stdout.split("\0").flatMap((other) => {
    if (isNew.has(other) || isTest(other) || /\.d\.[cm]?ts$/.test(other)) return []
    const path = [standsFor(other), `${standsFor(other)}/index`].map((place) => wanted.get(place)).find((each) => each)
    return path === undefined || !isRival(path, other)
      ? []
      : [{ id: `overtakes ${path}`, path, text: `loaded in the place of ${other} by whoever imports that` }]
  })
}

/** What an import that leaves out the ending calls a file. */
function standsFor(path: string): string {
  return path
    .replace(program, "")
    .replace(/\.py$/, ".py")
    .replace(/\/index$/, "")
}

function placesOf(path: string): string[] {
  if (/(^|\/)__init__\.py$/.test(path)) return [`${posix.dirname(path)}.py`]
  if (posix.basename(path) === "package.json") return path === "package.json" ? [] : [posix.dirname(path)]
  return program.test(path) ? [standsFor(path)] : []
}

function isRival(path: string, other: string): boolean {
  if (/__init__\.py$/.test(path)) return other.endsWith(".py")
  if (posix.basename(path) === "package.json")
    return posix.dirname(other) === posix.dirname(path) && /^index\./.test(posix.basename(other)) && program.test(other)
  return program.test(other)
}

function folded(path: string): string {
  return path.toLowerCase().normalize("NFC")
}
