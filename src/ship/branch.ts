import { Failure } from "../core/failure.ts"
import type { Base, Repo } from "../core/ports.ts"
import { GitError, git, tryGit } from "../lib/git.ts"

type Squash = { repo: Repo; tree: string; parent: string; message: string; at: string; signal: AbortSignal }

/**
 * One commit of the verified tree on the verified base. Its id depends on its content and `at` alone, so making it
 * twice is making it once.
 */
export async function squash({ repo, tree, parent, message, at, signal }: Squash): Promise<string> {
  const who = { NAME: "Flyball", EMAIL: "flyball@localhost", DATE: at }
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  )
  const commit = await git(["commit-tree", tree, "-p", parent, "-F", "-"], {
    cwd: repo.gitDir,
    env,
    stdin: message,
    signal,
  })
  return commit.trim()
}

export type Branch = { repo: Repo; base: Base; branch: string; commit: string; replaces?: string; signal: AbortSignal }

/**
 * Sees to it that `branch` is `commit`: on the remote, or here where there is none. Never overwrites a branch that is
 * neither absent nor our own earlier proposal (`replaces`).
 */
export async function ensureBranch({ repo, base, branch, commit, replaces, signal }: Branch): Promise<void> {
  if (base.remote === undefined) {
    const ref = `refs/heads/${branch}`
    // Most often it is as expected: then one process does it, and git itself looks whether it is.
    const moved = await tryGit(["update-ref", "--no-deref", ref, commit, replaces ?? ""], { cwd: repo.gitDir, signal })
    if (moved.exitCode === 0) return
    const now = await localRef(repo, ref, signal)
    if (now === commit) return
    if (now !== undefined && now !== replaces) throw taken(branch, "this repository")
    await git(["update-ref", "--no-deref", ref, commit, now ?? ""], { cwd: repo.gitDir, signal })
    return
  }
  const { name, url } = base.remote
  const push = (expected: string) => {
    const lease = `--force-with-lease=refs/heads/${branch}:${expected}`
    return tryGit(["push", "--porcelain", "--no-verify", lease, url, `${commit}:refs/heads/${branch}`], {
      cwd: repo.gitDir,
      signal,
    })
  }
  let pushed = await push(replaces ?? "")
  // Somebody deleted our earlier proposal's branch, as is done with what is closed.
  if (pushed.exitCode !== 0 && replaces !== undefined && isRejected(pushed.stdout)) pushed = await push("")
  if (pushed.exitCode === 0) return
  if (isRejected(pushed.stdout)) throw taken(branch, name)
  if (/\[remote rejected\]/.test(pushed.stdout)) {
    throw new Failure("PUSH_REFUSED", `${base.remote.name} refused the branch ${branch}: ${lastLines(pushed.stderr)}`, {
      hint: "A rule there forbids it: signed commits alone, names of branches, who may push. Flyball's commits are not signed.",
      retry: "person",
    })
  }
  throw unreachable(base, new GitError(["push"], pushed))
}

function isRejected(said: string): boolean {
  return /\[rejected\]|stale info/.test(said)
}

/** Removes a proposal's branch after it landed; one that is gone, or that somebody pushed to, is left alone. */
export async function dropBranch({ repo, base, branch, commit, signal }: Branch): Promise<void> {
  if (base.remote === undefined) {
    await tryGit(["update-ref", "-d", `refs/heads/${branch}`, commit], { cwd: repo.gitDir, signal })
    return
  }
  const lease = `--force-with-lease=refs/heads/${branch}:${commit}`
  await tryGit(["push", "--no-verify", lease, base.remote.url, `:refs/heads/${branch}`], { cwd: repo.gitDir, signal })
}

export type Landed = { is: "landed" } | { is: "base_moved" }

/**
 * Moves the default branch from `parent` to `commit`, and from nowhere else: a base that moved meanwhile is an
 * answer, not an error. Without a remote it is the checked-out branch that moves, files included, as a fast-forward
 * that git refuses where it would overwrite somebody's edits.
 */
export async function land({
  repo,
  base,
  commit,
  parent,
  signal,
}: {
  repo: Repo
  base: Base
  commit: string
  parent: string
  signal: AbortSignal
}): Promise<Landed> {
  if (base.remote === undefined) return landHere(repo, base, commit, parent, signal)
  const lease = `--force-with-lease=refs/heads/${base.branch}:${parent}`
  const target = `${commit}:refs/heads/${base.branch}`
  const pushed = await tryGit(["push", "--porcelain", "--no-verify", lease, base.remote.url, target], {
    cwd: repo.gitDir,
    signal,
  })
  if (pushed.exitCode === 0) return { is: "landed" }
  if (/stale info|fetch first|non-fast-forward/.test(pushed.stdout)) return { is: "base_moved" }
  // Two at once, and the other was quicker between the remote's look and its lock.
  if (/is at [0-9a-f]+ but expected|incorrect old value/.test(pushed.stderr)) return { is: "base_moved" }
  if (/\[remote rejected\]/.test(pushed.stdout)) {
    throw new Failure(
      "MERGE_REFUSED",
      `${base.remote.name} refused the merge into ${base.branch}: ${lastLines(pushed.stderr)}`,
      {
        hint: "The branch may be protected: merge the proposal there, then `flyball inbox reject --close` it here.",
        retry: "person",
      },
    )
  }
  throw unreachable(base, new GitError(["push"], pushed))
}

/** Whether a commit is in the history of another one. */
export async function holds({
  repo,
  tip,
  commit,
  signal,
}: {
  repo: Repo
  tip: string
  commit: string
  signal: AbortSignal
}): Promise<boolean> {
  const asked = await tryGit(["merge-base", "--is-ancestor", commit, tip], { cwd: repo.gitDir, signal })
  return asked.exitCode === 0
}

async function landHere(repo: Repo, base: Base, commit: string, parent: string, signal: AbortSignal): Promise<Landed> {
  const ref = `refs/heads/${base.branch}`
  const now = await localRef(repo, ref, signal)
  if (now === commit) return { is: "landed" }
  if (now !== parent) return { is: "base_moved" }
  const head = await tryGit(["symbolic-ref", "-q", "HEAD"], { cwd: repo.root, signal })
  if (head.stdout.trim() !== ref) {
    await git(["update-ref", "--no-deref", ref, commit, parent], { cwd: repo.gitDir, signal })
    return { is: "landed" }
  }
  const merged = await tryGit(["merge", "--ff-only", "--no-verify", "--no-stat", commit], { cwd: repo.root, signal })
  if (merged.exitCode === 0) return { is: "landed" }
  throw new Failure(
    "CHECKOUT_IN_THE_WAY",
    /would be overwritten|not uptodate|needs merge/i.test(merged.stderr)
      ? `Merging into ${base.branch} would overwrite edits in your checkout: ${lastLines(merged.stderr)}`
      : `git can't bring your checkout of ${base.branch} to what was approved: ${lastLines(merged.stderr)}`,
    {
      hint: "Commit or stash your edits, mend what git names, then approve again: nothing was merged.",
      retry: "person",
    },
  )
}

async function localRef(repo: Repo, ref: string, signal: AbortSignal): Promise<string | undefined> {
  const found = await tryGit(["rev-parse", "--verify", "-q", ref], { cwd: repo.gitDir, signal })
  return found.exitCode === 0 ? found.stdout.trim() : undefined
}

function taken(branch: string, where: string): Failure {
  return new Failure("BRANCH_TAKEN", `Branch ${branch} in ${where} holds commits that this change did not make.`, {
    hint: "Somebody pushed to it. Look at what is there; rename or delete it, then run again.",
    retry: "person",
  })
}

function unreachable(base: Base, cause: GitError): Failure {
  return new Failure(
    "REMOTE_UNREACHABLE",
    `Could not push to ${base.remote?.name ?? "the remote"}: ${lastLines(cause.ran.stderr)}`,
    {
      hint: "Check the network and your access with `git push --dry-run`, then run again: nothing is lost.",
      retry: "later",
      cause,
    },
  )
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join(" ").slice(-400)
}
