import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { git, tryGit } from "../lib/git.ts"

export type StateVersion = {
  /** The branch's short name, `flyball-state`. */
  branch: string
  /** Repository-relative path of the state file. */
  path: string
  text: string
  /** One line: which run wrote it. */
  message: string
}

/**
 * Keeps one version of the state file on a branch that holds nothing else, without any checkout or index of the user's. The
 * same text again is no new commit. Throws a Failure where the branch is somebody else's: checked out, or of other files.
 */
export async function keepStateVersion(repo: Repo, version: StateVersion, signal: AbortSignal): Promise<void> {
  const ref = `refs/heads/${version.branch}`
  await refuseForeign(repo, version, ref, signal)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const old = await commitOf(repo, ref, signal)
    const tree = await treeWith(repo, old, version, signal)
    if (old !== undefined && tree === (await read(repo, ["rev-parse", `${old}^{tree}`], signal))) return
    const parents = old === undefined ? [] : ["-p", old]
    const commit = await read(repo, ["commit-tree", tree, ...parents, "-m", version.message], signal)
    const moved = await tryGit(["update-ref", ref, commit, old ?? ""], { cwd: repo.gitDir, signal })
    // Another loop of this repository may keep its file on the same branch.
    if (moved.exitCode === 0) return
    signal.throwIfAborted()
  }
  throw new Failure(
    "STATE_BRANCH_BUSY",
    `The branch ${version.branch} moved each time the state was about to be kept.`,
    {
      hint: "Nothing is lost: the next run keeps it.",
      retry: "later",
    },
  )
}

const MOST_TRIES = 5
/** Flyball's own files on such a branch: anything else means that it is a branch that people work on. */
const OURS = /^\.flyball\/|\.md$/

async function refuseForeign(repo: Repo, { branch }: StateVersion, ref: string, signal: AbortSignal): Promise<void> {
  const trees = await read(repo, ["worktree", "list", "--porcelain"], signal)
  if (trees.split("\n").includes(`branch ${ref}`))
    throw new Failure("STATE_BRANCH_TAKEN", `${branch} is checked out, and nothing is written on a branch of yours.`, {
      hint: "Give `state.branch` a name of its own: flyball-state",
      retry: "person",
    })
  if ((await commitOf(repo, ref, signal)) === undefined) return
  const files = (await read(repo, ["ls-tree", "-r", "--name-only", "-z", ref], signal)).split("\0").filter(Boolean)
  if (files.every((path) => OURS.test(path)) && files.length <= 100) return
  throw new Failure("STATE_BRANCH_TAKEN", `${branch} holds files that are no state of Flyball's.`, {
    hint: "Give `state.branch` a name of its own: flyball-state",
    retry: "person",
  })
}

async function commitOf(repo: Repo, ref: string, signal: AbortSignal): Promise<string | undefined> {
  const ran = await tryGit(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { cwd: repo.gitDir, signal })
  signal.throwIfAborted()
  return ran.exitCode === 0 ? ran.stdout.trim() : undefined
}

async function treeWith(
  repo: Repo,
  old: string | undefined,
  { path, text }: StateVersion,
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-index-"))
  const env = { GIT_DIR: repo.gitDir, GIT_INDEX_FILE: join(folder, "index") }
  const ask = async (args: readonly string[], stdin?: string) =>
    (await git(args, { cwd: repo.gitDir, env, signal, ...(stdin === undefined ? {} : { stdin }) })).trim()
  try {
    if (old !== undefined) await ask(["read-tree", old])
    const blob = await ask(["hash-object", "-w", "--stdin"], text)
    await ask(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`])
    return await ask(["write-tree"])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function read(repo: Repo, args: readonly string[], signal: AbortSignal): Promise<string> {
  const who = { NAME: "Flyball", EMAIL: "flyball@localhost" }
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  )
  return (await git(args, { cwd: repo.gitDir, env: { GIT_DIR: repo.gitDir, ...env }, signal })).trim()
}
