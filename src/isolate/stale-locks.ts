import { lstatSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"

/** git holds the lock of a ref for milliseconds. */
export const STALE_LOCK_MS = 10_000

/**
 * Removes the locks that a git of ours left on refs of ours when it was killed: nobody else writes under `refs/flyball/`. A
 * lock on anything of the user's is theirs to judge.
 */
export function clearStaleLocks({ gitDir }: Repo, now = Date.now()): string[] {
  const removed: string[] = []
  const visit = (folder: string, depth: number) => {
    if (depth > 8) return
    for (const entry of list(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) visit(path, depth + 1)
      else if (entry.name.endsWith(".lock") && isOlder(path, now - STALE_LOCK_MS)) {
        rmSync(path, { force: true })
        removed.push(path)
      }
    }
  }
  visit(join(gitDir, "refs", "flyball"), 0)
  return removed
}

function isOlder(path: string, than: number): boolean {
  return (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY) < than
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
