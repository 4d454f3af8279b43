import type { Change } from "../../core/change.ts"
import type { Repo } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"
import type { Dead } from "./item.ts"

/**
 * Refs of Flyball's own in a repository that no longer keep anything: of changes that ended for good before `before`. A
 * change that may still go on keeps its commits and what was rescued of it, whatever their age (catalogue D1, D9).
 */
export async function oldRefs(
  repo: Repo,
  changes: readonly Change[],
  before: number,
  signal: AbortSignal,
): Promise<Dead[]> {
  const known = new Map(changes.map((change) => [change.id, change]))
  const listed = await tryGit(
    [
      "for-each-ref",
      "--format=%(refname) %(objectname) %(committerdate:unix)",
      "refs/flyball/changes",
      "refs/flyball/rescue",
    ],
    { cwd: repo.gitDir, signal },
  )
  return listed.stdout
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line): Dead[] => {
      const [ref = "", commit = "", seconds = "0"] = line.split(" ")
      const change = known.get(ref.replace(/^refs\/flyball\/(changes|rescue)\//, ""))
      if (change === undefined || !isOver(change) || Date.parse(change.updatedAt) > before) return []
      if (Number(seconds) * 1000 > before) return []
      const remove = async () => {
        await tryGit(["update-ref", "--no-deref", "-d", ref, commit], { cwd: repo.gitDir, signal })
      }
      return [{ kind: "ref", what: ref, why: `its change ended (${change.finished}) and was kept long enough`, remove }]
    })
}

/** Ended for good: nothing that a person or a run does takes it up again. */
export function isOver({ finished }: Change): boolean {
  return finished === "merged" || finished === "already_fixed" || finished === "closed"
}
