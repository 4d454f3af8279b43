import type { Change } from "../core/change.ts"
import type { Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"

/** What conditions may ask of a change: its paths and lines against the base it was verified on, and its attempts. */
export async function changeFacts(
  repo: Repo,
  change: Change,
  { base, head }: { base: string; head: string },
  signal: AbortSignal,
): Promise<{ paths: string[]; lines: number; attempts: number }> {
  const listed = await git(["diff", "--numstat", "-z", "--no-renames", `${base}...${head}`], {
    cwd: repo.gitDir,
    signal,
  })
  const rows = listed.split("\0").flatMap((row) => {
    const [added = "", removed = "", path] = row.split("\t")
    return path === undefined ? [] : [{ path, lines: (Number(added) || 0) + (Number(removed) || 0) }]
  })
  return {
    paths: rows.map((row) => row.path),
    lines: rows.reduce((sum, row) => sum + row.lines, 0),
    attempts: change.attempts.length,
  }
}
