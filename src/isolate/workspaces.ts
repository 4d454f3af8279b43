import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Merge, Progress, Repo, Sandbox, Way, Workspaces } from "../core/ports.ts"
import { GitError, tryGit } from "../lib/git.ts"
import { openBase } from "./base.ts"
import { capture, rescue } from "./capture.ts"
import { checkOut, sweepCheckouts } from "./checkout.ts"
import type { TrackedFiles } from "./dependencies.ts"
import { copyShallow, gitSees, writeGitDir } from "./git-dir.ts"
import { type Lease, openPorts } from "./leases.ts"
import { openLeaving, sweepLeaving } from "./leaving.ts"
import { type Place, placeOf, type Ready, readReady, workspacesOf } from "./place.ts"
import { openPool, POOL_LIMITS, type PoolLimits, sweepPool } from "./pool.ts"
import { sweepDependencies } from "./provide.ts"
import { surveyBase } from "./survey.ts"
import { discard, emptyTrash } from "./trash.ts"
import { openWorkspace, WANTED_FILES } from "./workspace.ts"

export type WorkspacesOptions = {
  repo: Repo
  sandbox: Sandbox
  progress: Progress
  /** `hooks.after_isolate`, for checkouts whose dependencies the user's checkout can't lend. */
  afterIsolate?: string
  /** The folder that the loop works in: the hook runs there, and what it installs is looked for there too. */
  path?: string
  /** What the hook may reach, where the loop says so; else anything. */
  way?: () => Promise<Way>
  /** Tells what is noteworthy about the repository with the first base. */
  announces?: boolean
  /** What differs from the defaults. */
  pool?: Partial<PoolLimits>
}

/** The workspaces and checkouts of one repository. Nothing of the user's is changed but `refs/flyball/` and its objects. */
export function openWorkspaces(options: WorkspacesOptions): Workspaces {
  const { repo, sandbox, progress, afterIsolate, path, way, announces = false } = options
  const place = (change: string) => placeOf(repo, change)
  // What was captured last, and not opened since: our index and the change's ref say the same of it.
  const captured = new Map<string, string>()
  const lease = openPorts(repo)
  const leases = new Map<string, Lease>()
  const leaseOf = (change: string) => {
    const known = leases.get(change) ?? lease()
    leases.set(change, known)
    return known
  }
  const pool = openPool(repo, sandbox, WANTED_FILES, { ...POOL_LIMITS, ...options.pool })
  const known = new Map<string, TrackedFiles>()
  const leaving = openLeaving(repo)
  // Then nothing of a session lives on that could still write to the folder.
  const isSealed = sandbox.kind.is === "bubblewrap"
  const surveyed = new Set<string>()
  const findBase = openBase(repo)
  return {
    repo,
    async base(signal) {
      const base = await findBase(signal)
      if (surveyed.has(base.sha)) return base
      const { notes, files } = await surveyBase(repo, base, signal)
      if (announces && surveyed.size === 0) for (const text of notes) progress({ verb: "isolate", text })
      pool.aim(base.sha, files)
      surveyed.add(base.sha)
      return base
    },
    async open(change, base, head, hooks, signal) {
      captured.delete(change)
      const openAt = (start: string) =>
        openWorkspace({
          repo,
          sandbox,
          progress,
          place: place(change),
          base,
          start,
          hook: hooks.afterIsolate,
          path,
          way,
          env: leaseOf(change).env,
          pool,
          known,
          signal,
        })
      if (head === undefined) return openAt(base)
      return openAt(head).catch(async (thrown: unknown) => {
        signal.throwIfAborted()
        if (await holdsCommit(repo, head)) throw thrown
        // Somebody cloned the repository anew: what lay in no branch of the remote is gone with the old one.
        const text = `${head.slice(0, 10)}, where the last attempt ended, is in this repository no longer: begun at the base`
        progress({ verb: "isolate", change, text })
        return openAt(base)
      })
    },
    async capture(workspace, message, signal) {
      const where = place(workspace.change)
      const ready = readReady(where)
      if (ready === undefined) throw notOpen(where)
      const made = await explained(where, () => capture(repo, where, ready, message, signal), signal)
      captured.set(workspace.change, made.head)
      return made
    },
    checkout: (treeish, purpose, signal) =>
      checkOut({
        repo,
        sandbox,
        progress,
        treeish,
        purpose,
        hook: afterIsolate,
        path,
        way,
        lease: lease(),
        pool,
        signal,
      }),
    merge: (base, head, signal) => merge(repo, base, head, signal),
    async remove(change, signal) {
      const head = captured.get(change)
      captured.delete(change)
      leases.get(change)?.release()
      leases.delete(change)
      return remove({ repo, place: place(change), head, leave: isSealed ? leaving.leave : undefined }, signal)
    },
    async sweep(live, signal) {
      const dead = list(workspacesOf(repo)).filter((change) => !live.has(change))
      for (const change of dead) await remove({ repo, place: place(change) }, signal)
      await leaving.settled()
      await sweepLeaving(repo, signal)
      const checkouts = await sweepCheckouts(repo)
      await sweepDependencies(repo)
      await sweepPool(repo)
      await emptyTrash(repo)
      return [...dead, ...checkouts]
    },
  }
}

async function holdsCommit(repo: Repo, commit: string): Promise<boolean> {
  const asked = await tryGit(["cat-file", "-e", `${commit}^{commit}`], { cwd: repo.gitDir })
  return asked.exitCode === 0
}

/** Merges in the object store alone: no folder, no index, and no merge driver of anybody's. */
async function merge(repo: Repo, base: string, head: string, signal: AbortSignal): Promise<Merge> {
  const gitDir = mergeDir(repo)
  const env = { ...gitSees(gitDir, gitDir, join(gitDir, "index")), GIT_OBJECT_DIRECTORY: join(repo.gitDir, "objects") }
  const args = [
    "merge-tree",
    "--write-tree",
    "--name-only",
    "--no-messages",
    "-z",
    "--allow-unrelated-histories",
    base,
    head,
  ]
  const ran = await tryGit(args, { cwd: gitDir, env, signal })
  signal.throwIfAborted()
  const [tree = "", ...files] = ran.stdout.split("\0").filter((field) => field !== "")
  if (ran.exitCode === 0) return { is: "clean", tree: tree.trim() }
  if (ran.exitCode === 1 && tree !== "") return { is: "conflict", files: [...new Set(files)] }
  throw new Failure(
    "MERGE_FAILED",
    `${head.slice(0, 12)} could not be merged onto ${base.slice(0, 12)}: ${ran.stderr.trim()}`,
    {
      retry: "later",
      hint: "Flyball needs git 2.38 or newer, and both commits in the repository.",
    },
  )
}

function mergeDir(repo: Repo): string {
  const path = join(repo.dataDir, "merge.git")
  if (existsSync(join(path, "HEAD"))) {
    copyShallow(repo, path)
    return path
  }
  // Whole, or not there: another process may be about to read it.
  const draft = `${path}.${randomUUID()}`
  writeGitDir({ path: draft, repo, head: "refs/heads/none" })
  try {
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(join(path, "HEAD"))) throw error
  }
  return path
}

type Removal = {
  repo: Repo
  place: Place
  /** The commit that this process captured last from the folder, if it did so and has not opened it since. */
  head?: string | undefined
  /** Takes it away at once, and looks through it later. */
  leave?: ((place: Place, ready: Ready, signal: AbortSignal) => void) | undefined
}

async function remove({ repo, place, head, leave }: Removal, signal: AbortSignal): Promise<void> {
  if (!existsSync(place.folder)) return
  const ready = readReady(place)
  const dropRef = async (of: Ready) => {
    // A ref that holds nothing but the base is litter; one with a commit of the change stays.
    if (head === undefined || head === of.base)
      await tryGit(["update-ref", "--no-deref", "-d", place.ref, of.base], { cwd: repo.gitDir, signal })
  }
  if (ready !== undefined && head !== undefined && leave !== undefined) {
    await dropRef(ready)
    return leave(place, ready, signal)
  }
  if (ready !== undefined && existsSync(place.tree))
    await explained(place, () => rescue(repo, place, ready, signal, head !== undefined), signal)
  if (ready !== undefined) await dropRef(ready)
  mkdirSync(repo.dataDir, { recursive: true })
  await discard(repo, place.folder)
}

async function explained<T>(place: Place, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GitError)) throw error
    throw new Failure(
      "CAPTURE_FAILED",
      `What the maker left in ${place.tree} could not be recorded: ${error.message}`,
      {
        hint: "The folder is left as it is.",
        retry: "later",
        cause: error,
      },
    )
  }
}

function notOpen(place: Place): Failure {
  return new Failure("WORKSPACE_MISSING", `There is no workspace for ${place.change} in ${place.folder}.`, {
    hint: "Open it first.",
    retry: "now",
  })
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
