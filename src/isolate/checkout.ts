import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Checkout, Progress, Repo, Sandbox } from "../core/ports.ts"
import { GitError, gitScript } from "../lib/git.ts"
import { identify, isAlive } from "../lib/process-tree.ts"
import { DEPENDENCY_FILES } from "./dependencies.ts"
import { gitSees, objectFolders, writeGitDir } from "./git-dir.ts"
import type { Lease } from "./leases.ts"
import { lendRest } from "./lent.ts"
import { provide } from "./provide.ts"
import { CHECK_OUT } from "./scripts.ts"
import { discard } from "./trash.ts"
import { parseStaged } from "./workspace.ts"

export type CheckingOut = {
  repo: Repo
  sandbox: Sandbox
  progress: Progress
  treeish: string
  purpose: string
  hook: string | undefined
  lease: Lease
  signal: AbortSignal
}

/**
 * A fresh folder with exactly the files of a tree, by its object id: no filter, keyword or `export-ignore` has a say. It
 * has a `.git` of its own, for the many checks that ask git which files there are.
 */
export async function checkOut(asked: CheckingOut): Promise<Checkout> {
  const { repo, treeish, signal } = asked
  const folder = join(checkoutsOf(repo), nameOf(asked.purpose))
  const tree = join(folder, "tree")
  const gitDir = join(tree, ".git")
  mkdirSync(tree, { recursive: true, mode: 0o700 })
  const dispose = () => {
    asked.lease.release()
    return discard(repo, folder)
  }
  try {
    writeGitDir({ path: gitDir, repo, head: "refs/heads/flyball/checkout" })
    const env = gitSees(gitDir, tree, join(gitDir, "index"))
    const output = await gitScript(CHECK_OUT, [repo.gitDir, treeish, ...DEPENDENCY_FILES], {
      cwd: tree,
      env,
      signal,
      timeoutMs: 30 * 60_000,
    })
    const [treeId = "", commit = ""] = output.split("\n", 2)
    if (commit !== "") writeGitDir({ path: gitDir, repo, head: commit })
    const files = parseStaged(output.slice(treeId.length + commit.length + 2))
    const provided = await provide({ ...asked, tree, folder, files })
    const lent = await lendRest({ ...asked, tree, gitDir, index: join(gitDir, "index"), scratch: true })
    const binds = [...provided, ...lent]
    const { env: own } = asked.lease
    return { path: tree, tree: treeId, readable: objectFolders(repo), binds, env: own, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    void dispose()
    signal.throwIfAborted()
    if (!(error instanceof GitError)) throw error
    throw new Failure("CHECKOUT_FAILED", `${treeish} could not be checked out: ${error.message}`, {
      retry: "later",
      cause: error,
    })
  }
}

/** Removes the checkouts of processes that are gone. Returns their folders' names. */
export async function sweepCheckouts(repo: Repo): Promise<string[]> {
  const removed = list(checkoutsOf(repo)).filter((name) => {
    const [pid, startedAt] = name.split(".").slice(-3)
    return !isAlive({ pid: Number(pid), startedAt: decodeURIComponent(startedAt ?? "") })
  })
  await Promise.all(removed.map((name) => discard(repo, join(checkoutsOf(repo), name))))
  return removed
}

/** Where checkouts lie, and whatever else belongs to one process: what is dead is swept by its name. */
export function checkoutsOf(repo: Repo): string {
  return join(repo.dataDir, "checkouts")
}

/** Says whose it is, so that after a death it is known to be nobody's. */
export function nameOf(purpose: string): string {
  const owner = identify(process.pid)
  const safe = purpose.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60)
  return `${safe}.${process.pid}.${encodeURIComponent(owner?.startedAt ?? "").replaceAll(".", "%2E")}.${randomUUID().slice(0, 8)}`
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
