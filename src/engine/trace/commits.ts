import { z } from "zod"
import { git, gitScript, tryGit } from "../../lib/git.ts"

export const TracedCommit = z.object({
  sha: z.string(),
  author: z.string(),
  /** ISO 8601. */
  at: z.string(),
  subject: z.string(),
})
export type TracedCommit = z.infer<typeof TracedCommit>

/** What a commit's message says of the loop that wrote it. */
export type Trailers = { loop?: string; run?: string; change: string; finding?: string }

export type CommitFacts = TracedCommit & { parents: string[]; body: string; trailers: Trailers[] }

/** Where git is asked: a folder of the repository, and what ends it. */
export type Asking = { cwd: string; signal: AbortSignal }

/** The commits' own facts, in the order given. */
export async function readCommits(shas: readonly string[], { cwd, signal }: Asking): Promise<CommitFacts[]> {
  if (shas.length === 0) return []
  const format = "%H%x00%P%x00%an%x00%aI%x00%s%x00%b%x00"
  const text = await git(["log", "--no-walk=unsorted", "--stdin", `--format=${format}`], {
    cwd,
    signal,
    stdin: `${shas.join("\n")}\n`,
  })
  const fields = text.split("\0")
  const found: CommitFacts[] = []
  for (let index = 0; index + 5 < fields.length; index += 6) {
    const [sha = "", parents = "", author = "", at = "", subject = "", body = ""] = fields.slice(index, index + 6)
    const facts = { sha: sha.trim(), author, at, subject, body: body.trim() }
    found.push({ ...facts, parents: parents.split(" ").filter(Boolean), trailers: trailersIn(`${subject}\n${body}`) })
  }
  return found
}

/**
 * The trailers anywhere in a message: a squash merge on a forge puts them into the middle, indented, under a list of
 * subjects, and several changes' after one another.
 */
export function trailersIn(message: string): Trailers[] {
  const groups: Partial<Trailers>[] = []
  for (const [, key = "", value = ""] of message.matchAll(
    /^[ \t>*-]*Flyball-(Loop|Run|Change|Finding):[ \t]*(\S{1,200})[ \t]*$/gm,
  )) {
    const name = key.toLowerCase()
    const current = groups.at(-1)
    if (current === undefined || Object.hasOwn(current, name)) groups.push({ [name]: value })
    else Object.assign(current, { [name]: value })
  }
  const whole = groups.flatMap(({ change, ...rest }): Trailers[] => (change === undefined ? [] : [{ ...rest, change }]))
  return whole.filter(({ change }, index) => whole.findIndex((other) => other.change === change) === index)
}

const MAX_PATCHES = 500

/** Names what each commit changed, whatever it stands on: equal names, equal patches. Merges have none. */
export async function patchIds(shas: readonly string[], { cwd, signal }: Asking): Promise<Map<string, string>> {
  const asked = shas.slice(0, MAX_PATCHES)
  if (asked.length === 0) return new Map()
  const script = `git cat-file --batch-check='%(objectname) %(objecttype)' | sed -n 's/ commit$//p' |
git diff-tree --stdin -p --root --no-renames --no-ext-diff --no-textconv --full-index | git patch-id --stable`
  const text = await gitScript(script, [], { cwd, signal, stdin: `${asked.join("\n")}\n` })
  const pairs = text.split("\n").map((line) => line.split(" "))
  return new Map(pairs.flatMap(([patch, sha]) => (patch === undefined || sha === undefined ? [] : [[sha, patch]])))
}

/** The patch between two commits, named as `patchIds` names them. */
export async function patchIdBetween(from: string, to: string, { cwd, signal }: Asking): Promise<string | undefined> {
  const script = `git diff-tree -p --no-renames --no-ext-diff --no-textconv --full-index "$1" "$2" | git patch-id --stable`
  const text = await gitScript(script, [from, to], { cwd, signal }).catch(() => "")
  return text.split(" ")[0] || undefined
}

/** Commits anywhere in the repository whose messages say that a loop wrote them, the newest first. */
export async function commitsOfLoops({ cwd, signal }: Asking, change?: string): Promise<string[]> {
  const says = `Flyball-Change: ${change ?? ""}`
  const asked = [
    "log",
    "--all",
    "--no-merges",
    "--fixed-strings",
    `--grep=${says}`,
    "-n",
    String(MAX_PATCHES),
    "--format=%H",
  ]
  const ran = await tryGit(asked, { cwd, signal })
  return ran.exitCode === 0 ? ran.stdout.split("\n").filter(Boolean) : []
}
