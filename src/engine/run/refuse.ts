import { Failure } from "../../core/failure.ts"
import type { Loop } from "../../core/loop.ts"
import type { Base, Repo, Sandbox } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"
import { unavailable } from "../../spec/availability.ts"

/** `isolation: sandbox` is a demand, not a wish. */
export function refuseUnconfined({ isolation, source }: Loop, { kind }: Sandbox): void {
  if (isolation !== "sandbox" || kind.is !== "none") return
  throw new Failure(
    "NO_SANDBOX",
    `${source.path} demands \`isolation: sandbox\`, and there is none here: ${kind.why}.`,
    {
      hint: "Install bubblewrap (`apt install bubblewrap`), or say `isolation: worktree` and accept that a hostile agent can reach what you can reach.",
      retry: "person",
    },
  )
}

/** A loop that works in a folder needs it where it works: on the base. */
export async function refuseMissingPath({ path, source }: Loop, base: Base, { gitDir }: Repo): Promise<void> {
  if (path === undefined) return
  const ran = await tryGit(["cat-file", "-t", `${base.sha}:${path}`], { cwd: gitDir })
  if (ran.exitCode === 0 && ran.stdout.trim() === "tree") return
  throw new Failure("PATH_NOT_ON_BASE", `${source.path} works in ${path}, and ${base.branch} has no such folder.`, {
    hint: "Commit (and push) the folder first, or mend `path` in the loop.",
    retry: "person",
  })
}

/** A loop that demands what no version delivers yet is refused before anything starts. */
export function refuseUnavailable(loop: Loop): void {
  const refused = unavailable(loop).filter((each) => each.effect === "refused")
  const [first] = refused
  if (first === undefined) return
  throw new Failure(
    "NOT_AVAILABLE_YET",
    `${loop.source.path}: \`${first.feature}\` is not available yet: it needs ${first.needs}.`,
    {
      hint: first.instead ?? "Take it out of the loop; `flyball validate` lists everything of the kind.",
    },
  )
}
