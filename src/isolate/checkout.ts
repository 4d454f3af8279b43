import { mkdirSync, readdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Checkout, Progress, Repo, Sandbox, Way } from "../core/ports.ts"
import { GitError, gitScript } from "../lib/git.ts"
import { looseTree } from "../lib/loose.ts"
import { DEPENDENCY_FILES } from "./dependencies.ts"
import { gitSees, objectFolders, writeGitDir } from "./git-dir.ts"
import type { Lease } from "./leases.ts"
import { lendRest } from "./lent.ts"
import { moveTree } from "./move-tree.ts"
import { isOfTheDead, nameOf } from "./owned.ts"
import type { Entry, Pool } from "./pool.ts"
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
  /** The folder that the loop works in. */
  path?: string | undefined
  way?: (() => Promise<Way>) | undefined
  lease: Lease
  pool: Pool
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
  const dispose = () => {
    asked.lease.release()
    return discard(repo, folder)
  }
  const moved = async (to: string, { tree: held, staged }: Entry) => {
    const move = { repo, folder: tree, gitDir, held, files: parseStaged(staged), tree: to, signal }
    return held === to || (await moveTree(move))
  }
  const fill = async (entry: Entry | undefined) => {
    mkdirSync(tree, { recursive: true, mode: 0o700 })
    writeGitDir({ path: gitDir, repo, head: "refs/heads/flyball/checkout" })
    if (entry !== undefined) renameSync(join(folder, "index"), join(gitDir, "index"))
    const known = looseTree(repo.gitDir, treeish)
    if (entry !== undefined && known !== undefined && (await moved(known.tree, entry)))
      return `${known.tree}\n${known.commit ?? ""}\nsame\n`
    const told = [known?.tree ?? "", known?.commit ?? ""]
    const args = [repo.gitDir, treeish, entry?.tree ?? "", ...told, ...DEPENDENCY_FILES]
    const env = gitSees(gitDir, tree, join(gitDir, "index"))
    return await gitScript(CHECK_OUT, args, { cwd: tree, env, signal, timeoutMs: 30 * 60_000 })
  }
  try {
    mkdirSync(checkoutsOf(repo), { recursive: true, mode: 0o700 })
    const entry = asked.pool.take(folder)
    const output = await fill(entry).catch((error: unknown) => {
      if (entry === undefined || signal.aborted) throw error
      // A folder of the pool that can't be moved on is none: then one is made.
      void discard(repo, folder)
      return fill(undefined)
    })
    const [treeId = "", commit = "", listed = ""] = output.split("\n", 3)
    if (commit !== "") writeGitDir({ path: gitDir, repo, head: commit })
    const staged = output.slice(treeId.length + commit.length + listed.length + 3)
    const files = parseStaged(listed === "same" ? (entry?.staged ?? "") : staged)
    const provided = await provide({ ...asked, tree, folder, files })
    const lent = await lendRest({ ...asked, tree, gitDir, index: join(gitDir, "index"), scratch: true })
    const binds = [...provided, ...lent]
    const { env: own } = asked.lease
    asked.pool.refill(signal)
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
  const removed = list(checkoutsOf(repo)).filter(isOfTheDead)
  await Promise.all(removed.map((name) => discard(repo, join(checkoutsOf(repo), name))))
  return removed
}

/** Where checkouts lie, and whatever else belongs to one process: what is dead is swept by its name. */
export function checkoutsOf(repo: Repo): string {
  return join(repo.dataDir, "checkouts")
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
