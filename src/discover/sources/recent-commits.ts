import type { Source } from "../../core/ports.ts"
import { git } from "../../lib/git.ts"
import { oneLine } from "../text.ts"

const USUAL = 20
const MOST = 100
const LINE_CHARS = 200

/** What was changed lately: context for triage and prompts, never findings. */
export const recentCommits: Source = {
  name: "recent_commits",
  doc: `The last ${USUAL} commits of the base (\`recent_commits(50)\`: at most ${MOST}), as context for triage and prompts; never findings.`,
  async discover({ repo, base, loop, signal }, args) {
    const asked = args.find((arg) => typeof arg === "number") ?? USUAL
    const n = Math.max(1, Math.min(MOST, Math.floor(asked)))
    const log = await git(
      [
        "log",
        `--max-count=${n}`,
        "--no-show-signature",
        "--no-color",
        "--date=short",
        "--format=%h%x00%ad%x00%an%x00%s%x1e",
        base.sha,
        "--",
        ...(loop.path === undefined ? [] : [`:(literal)${loop.path}/`]),
      ],
      {
        cwd: repo.root,
        signal,
      },
    )
    const context = log.split("\u001e").flatMap((row) => {
      const [sha, date, author, subject] = row.trim().split("\u0000")
      return sha === undefined || sha === "" ? [] : [oneLine(`${sha} ${date} ${author}: ${subject}`, LINE_CHARS)]
    })
    return { findings: [], context, notes: [] }
  },
}
