import type { Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import type { Entry } from "./diff.ts"
import { writeTree } from "./overlay.ts"

type Where = { repo: Repo; signal: AbortSignal }

/** A tree without certain paths. */
export function treeWithout(tree: string, paths: readonly string[], { repo, signal }: Where): Promise<string> {
  const edits = paths.map((path) => ({ path, side: undefined }))
  return writeTree(repo, tree, edits, signal)
}

/** A tree with certain entries of a difference as they were before it. */
export function treeReverted(tree: string, entries: readonly Entry[], { repo, signal }: Where): Promise<string> {
  const edits = entries.map(({ path, status, oldMode, oldId }) => ({
    path,
    side: status === "added" ? undefined : { mode: oldMode, id: oldId },
  }))
  return writeTree(repo, tree, edits, signal)
}

/** A tree with certain entries of a difference as they are after it. */
export function treeAsInHead(tree: string, entries: readonly Entry[], { repo, signal }: Where): Promise<string> {
  const edits = entries.map(({ path, status, newMode, newId }) => ({
    path,
    side: status === "deleted" ? undefined : { mode: newMode, id: newId },
  }))
  return writeTree(repo, tree, edits, signal)
}

/** A tree in which one file has another text. */
export async function treeWithText(
  tree: string,
  { path, mode, text }: { path: string; mode: string; text: string },
  { repo, signal }: Where,
): Promise<string> {
  const options = { cwd: repo.gitDir, stdin: text, signal }
  const id = (await git(["--git-dir", repo.gitDir, "hash-object", "-w", "--stdin"], options)).trim()
  return writeTree(repo, tree, [{ path, side: { mode, id } }], signal)
}

/** The text of a blob. */
export function textOf(id: string, { repo, signal }: Where): Promise<string> {
  return git(["--git-dir", repo.gitDir, "cat-file", "blob", id], { cwd: repo.gitDir, signal })
}
