import { randomUUID } from "node:crypto"
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { run } from "../lib/process.ts"
import { runInShell } from "../lib/shell-pool.ts"

const REMOVAL_TIMEOUT_MS = 10 * 60_000

/**
 * Takes a folder away at once by renaming it, and deletes it meanwhile; the promise is for those who want to wait. What
 * a death leaves behind lies in the trash until the next sweep.
 */
export function discard(repo: Repo, path: string): Promise<void> {
  const trash = trashOf(repo)
  mkdirSync(trash, { recursive: true, mode: 0o700 })
  const gone = join(trash, randomUUID())
  try {
    renameSync(path, gone)
  } catch (error) {
    if (isMissing(error)) return Promise.resolve()
    throw error
  }
  return destroy(gone)
}

/** Deletes what earlier processes left in the trash. */
export async function emptyTrash(repo: Repo): Promise<void> {
  const trash = trashOf(repo)
  await Promise.all(list(trash).map((name) => destroy(join(trash, name))))
}

async function destroy(path: string): Promise<void> {
  // The system's own: a third of the processor time that Node takes for the two checkouts of an attempt.
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" }
  const limits = { timeoutMs: REMOVAL_TIMEOUT_MS, limitBytes: 64 * 1024 }
  const asked = runInShell({
    script: 'exec rm -rf -- "$1"',
    args: [path],
    cwd: "/",
    lasting: env,
    env: {},
    stdin: "",
    ...limits,
  })
  const removed = await (asked ?? run(["rm", "-rf", "--", path], { cwd: "/", env, ...limits }))
  if (removed.exitCode === 0) return
  const options = { recursive: true, force: true, maxRetries: 2 } as const
  try {
    await rm(path, options)
  } catch {
    // A folder that forbids its owner to look into it, as an agent or an overlay leaves one.
    openUp(path)
    // What even so can't go (another user's files) stays in the trash: no reason to fail the work.
    await rm(path, options).catch(() => {})
  }
}

function openUp(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return
  try {
    chmodSync(path, 0o700)
  } catch {
    return
  }
  for (const name of list(path)) openUp(join(path, name))
}

function trashOf(repo: Repo): string {
  return join(repo.dataDir, "trash")
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}
