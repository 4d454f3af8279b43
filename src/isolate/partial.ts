import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Base, Repo } from "../core/ports.ts"
import { gitScript, tryGit } from "../lib/git.ts"

/** Many files, over the network. */
const FETCH_TIMEOUT_MS = 30 * 60_000

/** True for a clone that was made with a filter: its remote promised to send what is missing when it is asked for. */
export function isPartial(repo: Repo): boolean {
  return /^\s*(promisor|partialclonefilter|partialclone)\s*=/im.test(readFileSync(join(repo.gitDir, "config"), "utf8"))
}

/**
 * Fetches the files of the base that a partial clone left with its remote, in one go and with the user's credentials: the
 * workspaces have neither. Older versions of files stay where they are.
 */
export async function fetchMissing(repo: Repo, base: Base, signal: AbortSignal): Promise<void> {
  const options = { cwd: repo.gitDir, signal, timeoutMs: FETCH_TIMEOUT_MS }
  const listed = await gitScript(LIST_MISSING, [`${base.sha}^{tree}`], options)
  const missing = listed.split("\n").filter((oid) => /^[0-9a-f]{40,64}$/.test(oid))
  if (missing.length === 0) return
  const remote = base.remote?.name
  const stdin = `${missing.join("\n")}\n`
  const quietly = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"]
  const args = ["-c", "fetch.negotiationAlgorithm=noop", "fetch", ...quietly, "--filter=blob:none", "--stdin"]
  const ran = remote === undefined ? undefined : await tryGit([...args, remote], { ...options, stdin })
  signal.throwIfAborted()
  if (ran?.exitCode === 0) return
  const why =
    ran === undefined ? "there is no remote to fetch them from" : ran.stderr.trim().split("\n").slice(-2).join(" ")
  throw new Failure(
    "OBJECTS_MISSING",
    `This is a partial clone: ${missing.length} files of ${base.branch} are not in it, and ${why}.`,
    {
      hint: `Fetch them where you have access: git -C ${repo.root} rev-list --objects ${base.sha.slice(0, 12)} >/dev/null, or clone without a filter.`,
      retry: "later",
    },
  )
}

const LIST_MISSING = `
git rev-list --objects --no-object-names --missing=print "$1" | sed -n 's/^?//p'
`
