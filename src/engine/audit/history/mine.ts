import type { Repo } from "../../../core/ports.ts"
import { git, tryGit } from "../../../lib/git.ts"
import { isCode, isTestPath } from "../../../verify/paths.ts"

/** A file that a commit changed, as git names its two sides; a side that is not there has no blob. */
export type Changed = { path: string; mode: string; before?: string; after?: string }

/** A commit that changed source and tests together: perhaps a fix with a known base. */
export type Candidate = {
  commit: string
  parent: string
  /** Outside text. */
  subject: string
  tests: Changed[]
  sources: Changed[]
}

/** Commits that are looked at, newest first. */
const MAX_COMMITS = 2_000
const MAX_FILES = 10
const MAX_LINES = 400

/** The newest small commits with one parent that changed source and tests together, at most `limit`. */
export async function mine(repo: Repo, head: string, limit: number, signal: AbortSignal): Promise<Candidate[]> {
  const ask = (args: string[]) => git(["--git-dir", repo.gitDir, ...args], { cwd: repo.gitDir, signal })
  const log = await ask(["log", "--no-merges", `--max-count=${MAX_COMMITS}`, "-z", "--format=%H %P%x09%s", head])
  const found: Candidate[] = []
  for (const entry of log.split("\0")) {
    if (found.length >= limit || signal.aborted) break
    const [, commit, parent, subject = ""] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64})\t(.*)$/s.exec(entry) ?? []
    if (commit === undefined || parent === undefined) continue
    const changed = parseRaw(
      await ask(["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", parent, commit]),
    )
    const tests = changed.filter((each) => isTestPath(each.path))
    const sources = changed.filter((each) => isCode(each.path) && !isTestPath(each.path) && each.after !== undefined)
    if (tests.length === 0 || sources.length === 0 || changed.length > MAX_FILES) continue
    if ((await linesOf(repo, parent, commit, signal)) > MAX_LINES) continue
    found.push({ commit, parent, subject, tests, sources })
  }
  return found
}

async function linesOf(repo: Repo, from: string, to: string, signal: AbortSignal): Promise<number> {
  const args = ["--git-dir", repo.gitDir, "diff", "--shortstat", "--no-ext-diff", "--no-textconv", from, to]
  const { stdout } = await tryGit(args, { cwd: repo.gitDir, signal })
  return [...stdout.matchAll(/(\d+) (?:insertion|deletion)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
}

function parseRaw(text: string): Changed[] {
  const fields = text.split("\0")
  const changed: Changed[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, before = "", after = "", old = "", now = ""] =
      /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]$/.exec(fields[at] ?? "") ?? []
    const path = fields[at + 1]
    if (path === undefined || path === "" || after === "") continue
    const gone = /^0+$/
    changed.push({
      path,
      mode: gone.test(after) ? before : after,
      ...(gone.test(before) ? {} : { before: old }),
      ...(gone.test(after) ? {} : { after: now }),
    })
  }
  return changed
}
