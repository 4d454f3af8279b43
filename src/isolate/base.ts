import { existsSync, readFileSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Base, Repo } from "../core/ports.ts"
import { GitError, git, tryGit } from "../lib/git.ts"
import { clearStaleLocks, STALE_LOCK_MS } from "./stale-locks.ts"

const REMOTE_TIMEOUT_MS = 120_000
/** As many as write the same ref at one moment, and some. */
const MOST_FETCHES = 10
const OVERTAKEN = /cannot lock ref '[^']*': (?:is at [0-9a-f]+ but expected [0-9a-f]+|reference already exists)/
/** Longer than a lock is believed. */
const REF_LOCK_MS = STALE_LOCK_MS + 1_000

/**
 * Finds the base each time it is asked: the remote's default branch as it is now, or, where there is no remote, the branch
 * that is checked out. Which remote that is, is read again only when the repository's config file has changed: three
 * questions an attempt, and each reading a process.
 */
export function openBase(repo: Repo): (signal: AbortSignal) => Promise<Base> {
  let known: { config: string; remote: Remote | undefined } | undefined
  return async (signal) => {
    const config = stampOf(join(repo.gitDir, "config"))
    if (known?.config !== config || config === "") known = { config, remote: await findRemote(repo, signal) }
    return known.remote === undefined ? checkedOutBranch(repo, signal) : fetchBase(repo, known.remote, signal)
  }
}

/** Changes when the file does. */
function stampOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
}

type Remote = NonNullable<Base["remote"]>

/** `origin`, or the one that the checked-out branch follows, or the first by name. */
async function findRemote(repo: Repo, signal: AbortSignal): Promise<Remote | undefined> {
  const ran = await tryGit(["config", "--null", "--get-regexp", "^remote\\..*\\.url$"], { cwd: repo.root, signal })
  const remotes = ran.stdout.split("\0").flatMap((entry): Remote[] => {
    const [key = "", url = ""] = entry.split("\n")
    return url === "" ? [] : [{ name: key.slice("remote.".length, -".url".length), url: absolute(url, repo.root) }]
  })
  const sorted = remotes.sort((a, b) => (a.name < b.name ? -1 : 1))
  const [first, second] = [sorted.find((one) => one.name === "origin") ?? sorted[0], sorted[1]]
  if (second === undefined || first?.name === "origin") return first
  const head = await tryGit(["symbolic-ref", "--quiet", "--short", "HEAD"], { cwd: repo.root, signal })
  const followed = await tryGit(["config", "--get", `branch.${head.stdout.trim()}.remote`], { cwd: repo.root, signal })
  return sorted.find((one) => one.name === followed.stdout.trim()) ?? first
}

/** A path as address counts from the checkout; wherever it is used, it must mean the same. */
function absolute(url: string, root: string): string {
  const isPath = !/^[\w+.-]+:/.test(url) && !/^[^/]+:/.test(url)
  return isPath ? resolve(root, url) : url
}

/**
 * Asks the remote for its default branch, and fetches it where it moved: into `refs/flyball/base/…`, so that no
 * remote-tracking ref, no tag and no FETCH_HEAD of the user's changes.
 */
async function fetchBase(repo: Repo, remote: Remote, signal: AbortSignal): Promise<Base> {
  const found = await askRemote(repo, remote, signal)
  const ref = `refs/flyball/base/${remote.name}/${found.branch}`
  const known = await tryGit(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { cwd: repo.root, signal })
  if (known.stdout.trim() !== found.sha) {
    await makeRoom(repo, ref, signal)
    const quietly = [
      "--quiet",
      "--no-tags",
      "--no-prune",
      "--no-write-fetch-head",
      "--no-auto-maintenance",
      "--no-recurse-submodules",
      "--refmap=",
    ]
    const refspec = `+refs/heads/${found.branch}:${ref}`
    // Another run here may be writing the same ref.
    const patiently = ["-c", `core.filesRefLockTimeout=${REF_LOCK_MS}`]
    const fetch = ["-c", "core.logAllRefUpdates=false", ...patiently, "fetch", ...quietly, remote.name, refspec]
    const options = { cwd: repo.root, signal, timeoutMs: REMOTE_TIMEOUT_MS }
    let fetched = await tryGit(fetch, options)
    // Another change or run here fetched it in between: what it wrote is not what this one had read.
    for (let tries = 1; tries < MOST_FETCHES && OVERTAKEN.test(fetched.stderr); tries++)
      fetched = await tryGit(fetch, options)
    // Nobody holds a ref for so long: what still lies there, a git left that was killed.
    if (fetched.exitCode !== 0 && clearStaleLocks(repo).length > 0) fetched = await tryGit(fetch, options)
    signal.throwIfAborted()
    if (fetched.exitCode !== 0)
      throw refusedHere(repo, fetched.stderr) ?? unreachable(remote, fetched.stderr || fetched.ended)
    // It may have moved once more between question and fetch.
    found.sha = (await git(["rev-parse", "--verify", `${ref}^{commit}`], { cwd: repo.root, signal })).trim()
  }
  return { sha: found.sha, ref, branch: found.branch, remote }
}

/** A branch `feature` that became `feature/x`, or the reverse: git can't hold both names, and ours of the old one is of no use. */
async function makeRoom(repo: Repo, ref: string, signal: AbortSignal): Promise<void> {
  const options = { cwd: repo.gitDir, signal }
  const listed = await tryGit(["for-each-ref", "--format=%(refname)", "refs/flyball/base/"], options)
  const inTheWay = listed.stdout.split("\n").filter((one) => one.startsWith(`${ref}/`) || ref.startsWith(`${one}/`))
  for (const old of inTheWay.filter((one) => one !== "")) await tryGit(["update-ref", "--no-deref", "-d", old], options)
}

type RemoteBranch = { sha: string; branch: string }

async function askRemote(repo: Repo, remote: Remote, signal: AbortSignal): Promise<RemoteBranch> {
  const options = { cwd: repo.root, signal, timeoutMs: REMOTE_TIMEOUT_MS }
  const asked = await tryGit(["ls-remote", "--symref", remote.name, "HEAD"], options)
  signal.throwIfAborted()
  if (asked.exitCode !== 0) throw unreachable(remote, asked.stderr || asked.ended)
  const branch = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(asked.stdout)?.[1]
  const sha = /^([0-9a-f]{40,64})\tHEAD$/m.exec(asked.stdout)?.[1]
  if (branch !== undefined && sha !== undefined) return { branch, sha }
  // Its HEAD names a branch that it does not have, or none at all: a bare repository made before the first push.
  const heads = await tryGit(["ls-remote", "--heads", remote.name], options)
  if (heads.exitCode !== 0) throw unreachable(remote, heads.stderr || heads.ended)
  const branches = [...heads.stdout.matchAll(/^([0-9a-f]{40,64})\trefs\/heads\/(\S+)$/gm)].flatMap(
    ([, oid, name]): RemoteBranch[] => (oid === undefined || name === undefined ? [] : [{ sha: oid, branch: name }]),
  )
  const likely = branches.filter((one) => one.sha === sha)
  const candidates = likely.length > 0 ? likely : branches
  const chosen =
    candidates.find((one) => one.branch === "main") ??
    candidates.find((one) => one.branch === "master") ??
    candidates[0]
  if (chosen !== undefined) return chosen
  throw new Failure("REMOTE_EMPTY", `The remote ${remote.name} (${redact(remote.url)}) has no branch yet.`, {
    hint: `Push first: git push -u ${remote.name} HEAD`,
    retry: "person",
  })
}

async function checkedOutBranch(repo: Repo, signal: AbortSignal): Promise<Base> {
  const loose = readLoose(repo)
  if (loose !== undefined) return loose
  // Both answers of one process, in order; an unborn branch has none, and is asked for by name.
  const asked = await tryGit(["rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD"], { cwd: repo.root, signal })
  const [commit = "", name = ""] = asked.exitCode === 0 ? asked.stdout.split("\n") : []
  if (name.startsWith("refs/heads/")) return { sha: commit, ref: name, branch: name.slice("refs/heads/".length) }
  const ran = await tryGit(["symbolic-ref", "--quiet", "HEAD"], { cwd: repo.root, signal })
  const ref = ran.stdout.trim()
  if (!ref.startsWith("refs/heads/")) {
    throw new Failure(
      "HEAD_DETACHED",
      "No branch is checked out, and there is no remote: there is nothing to base work on.",
      {
        hint: "Check out the branch to work on: git switch main",
        retry: "person",
      },
    )
  }
  try {
    const sha = (await git(["rev-parse", "--verify", `${ref}^{commit}`], { cwd: repo.root, signal })).trim()
    return { sha, ref, branch: ref.slice("refs/heads/".length) }
  } catch (error) {
    if (!(error instanceof GitError)) throw error
    throw new Failure("REPOSITORY_EMPTY", `The branch ${ref} has no commit yet.`, {
      hint: "Commit something on it first.",
      retry: "person",
      cause: error,
    })
  }
}

/**
 * The branch as its own file says, where it has one: an attempt asks three times, and each asking is a process. A linked
 * worktree, packed refs and reftable are left to git.
 */
function readLoose(repo: Repo): Base | undefined {
  if (join(repo.root, ".git") !== repo.gitDir || existsSync(join(repo.gitDir, "reftable"))) return undefined
  try {
    const ref = /^ref: (refs\/heads\/[^\s]+)\n$/.exec(readFileSync(join(repo.gitDir, "HEAD"), "utf8"))?.[1]
    if (ref === undefined) return undefined
    const sha = /^([0-9a-f]{40}|[0-9a-f]{64})\n$/.exec(readFileSync(join(repo.gitDir, ref), "utf8"))?.[1]
    return sha === undefined ? undefined : { sha, ref, branch: ref.slice("refs/heads/".length) }
  } catch {
    return undefined
  }
}

/** What the repository itself refused: the remote did answer. */
function refusedHere({ gitDir }: Repo, said: string): Failure | undefined {
  const lines = said.split("\n").filter((line) => !line.startsWith("remote:"))
  const why = lines.find((line) => HERE.test(line))?.replace(/^(error|fatal): /, "")
  if (why === undefined) return undefined
  const full = /No space left|quota exceeded/i.test(said)
  return full
    ? new Failure("DISK_FULL", `The disk that holds ${gitDir} is full: ${why}`, {
        hint: "Make room there. Nothing is lost: the next run goes on.",
        retry: "later",
        facts: { exitCode: 3 },
      })
    : new Failure("REPOSITORY_NOT_WRITABLE", `The base could not be written down in ${gitDir}: ${why}`, {
        hint: "May this user write there, and is there room on the disk? Nothing was begun: the next run goes on.",
        retry: "later",
        facts: { exitCode: 3 },
      })
}

const HERE =
  /cannot (lock|update) ref|unable to (create|write|append|open|update)|couldn't (write|create)|No space left|quota exceeded|Read-only file system|insufficient permission for adding/i

function unreachable(remote: Remote, why: string): Failure {
  const reason = redact(reasonIn(why))
  return new Failure(
    "REMOTE_UNREACHABLE",
    `The remote ${remote.name} (${redact(remote.url)}) does not answer: ${reason}`,
    {
      hint: `Try \`git ls-remote ${remote.name}\`: network, address or credentials.`,
      retry: "later",
    },
  )
}

/** What git or the server said was wrong, without the advice below it, which is the same for every cause. */
function reasonIn(text: string): string {
  const lines = text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]))
  const advice = /^(Please make sure you have the correct access rights|and the repository exists\.)/
  const told = lines.filter((line) => !advice.test(line))
  const causes = told.filter((line) => !/^fatal: Could not read from remote repository\.$/.test(line))
  return (causes.length > 0 ? causes : told).slice(-3).join(" ")
}

/** A password in an address is nobody's business. */
function redact(text: string): string {
  return text.replace(/(\w+:\/\/)[^@/\s]+@/g, "$1***@")
}
