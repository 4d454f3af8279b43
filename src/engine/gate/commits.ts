import { Failure } from "../../core/failure.ts"
import type { Repo } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"

export type Named = { name: string; sha: string; note?: string }

/** The commit that a person means by a branch, a tag, an id or `HEAD~1`; a branch that only the remote has will do. */
export async function commitNamed(repo: Repo, cwd: string, name: string, signal: AbortSignal): Promise<Named> {
  const sha = await resolved(cwd, name, signal)
  if (sha !== undefined) return { name, sha }
  const remote = `refs/remotes/origin/${name}`
  const there = /^[\w./-]+$/.test(name) ? await resolved(cwd, remote, signal) : undefined
  if (there !== undefined)
    return { name: `origin/${name}`, sha: there, note: `There is no \`${name}\` here: \`origin/${name}\` is meant.` }
  const [from, to, ...more] = name.split(/\.{2,3}/)
  if (from && to && more.length === 0)
    throw new Failure("WRONG_USE", `\`${name.slice(0, 200)}\` is a range; a gate takes the two ends apart.`, {
      hint: `flyball gate ${from} ${to}`,
    })
  if (name.trim() === "")
    throw new Failure("WRONG_USE", "BASE and HEAD are commits, and one of them is empty here.", {
      hint: "Is a variable of the script unset? `flyball gate main my-branch`",
    })
  const shallow = await isShallow(cwd, signal)
  throw new Failure(
    "NO_SUCH_COMMIT",
    `There is no commit \`${name.slice(0, 200)}\` in ${repo.root}${shallow ? ", a shallow clone" : ""}.`,
    {
      hint: shallow
        ? `Fetch it: \`git fetch origin ${name}\`, or all of the history: \`git fetch --unshallow\` (GitHub Actions: \`fetch-depth: 0\`).`
        : `Fetch it first (\`git fetch origin\`), or name another.`,
    },
  )
}

async function resolved(cwd: string, name: string, signal: AbortSignal): Promise<string | undefined> {
  const asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]
  const ran = await tryGit(asked, { cwd, signal })
  return ran.exitCode === 0 ? ran.stdout.trim() : undefined
}

/** Refuses what can't be judged for want of objects, before anything is done: a cut history, a partial clone. */
export async function refuseIncomplete(cwd: string, base: string, head: string, signal: AbortSignal): Promise<void> {
  if (await isShallow(cwd, signal)) {
    const common = await tryGit(["merge-base", base, head], { cwd, signal })
    if (common.exitCode !== 0)
      throw new Failure(
        "HISTORY_MISSING",
        `This clone is shallow: it does not hold the commit where ${base.slice(0, 10)} and ${head.slice(0, 10)} parted, so they can't be merged.`,
        { hint: "`git fetch --unshallow` (GitHub Actions: `fetch-depth: 0` for actions/checkout)." },
      )
  }
  const promised = await tryGit(["config", "--get-regexp", "^remote\\..*\\.(promisor|partialclonefilter)$"], {
    cwd,
    signal,
  })
  if (promised.stdout.trim() === "") return
  const listing = ["rev-list", "--objects", "--missing=print", "--no-walk", base, head]
  const listed = await tryGit(listing, { cwd, signal })
  const missing = listed.stdout.split("\n").filter((line) => line.startsWith("?")).length
  if (missing > 0)
    throw new Failure(
      "OBJECTS_MISSING",
      `This is a partial clone: ${missing} objects of the two commits are not here, and a gate fetches nothing.`,
      { hint: "`git fetch --refetch --no-filter origin` brings them." },
    )
}

/** The files that differ between where the head began and the head. */
export async function changedPaths(gitDir: string, base: string, head: string, signal: AbortSignal): Promise<string[]> {
  const asked = ["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z"]
  const since = await tryGit(["--git-dir", gitDir, ...asked, `${base}...${head}`, "--"], { cwd: gitDir, signal })
  const found =
    since.exitCode === 0
      ? since
      : await tryGit(["--git-dir", gitDir, ...asked, base, head, "--"], { cwd: gitDir, signal })
  return found.stdout.split("\0").filter((path) => path !== "")
}

/** How many files of a checkout are not as committed: what a gate does not judge. */
export async function uncommitted(cwd: string, signal: AbortSignal): Promise<number> {
  const ran = await tryGit(["status", "--porcelain", "-z", "--untracked-files=normal"], { cwd, signal })
  return ran.exitCode === 0 ? ran.stdout.split("\0").filter((entry) => entry !== "").length : 0
}

async function isShallow(cwd: string, signal: AbortSignal): Promise<boolean> {
  const ran = await tryGit(["rev-parse", "--is-shallow-repository"], { cwd, signal })
  return ran.stdout.trim() === "true"
}
