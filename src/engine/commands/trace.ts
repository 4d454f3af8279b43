import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import type { Repo } from "../../core/ports.ts"
import { bestOf, roundsOf } from "../../core/round.ts"
import { openRepo } from "../../isolate/repo.ts"
import { tryGit } from "../../lib/git.ts"
import { readChange } from "../../record/ledger.ts"
import { flyballHome } from "../home.ts"
import { openSession, type Session } from "../session.ts"
import { type Blamed, blame, historyOf } from "../trace/blame.ts"
import { type Asking, type CommitFacts, commitsOfLoops, readCommits, TracedCommit } from "../trace/commits.ts"
import { type Origin, openOrigins } from "../trace/origins.ts"
import { type Books, Story, storyOf } from "../trace/story.ts"
import { readTarget } from "../trace/target.ts"

const Traced = z.object({ commit: TracedCommit, stories: z.array(Story) })

/** What `flyball trace` says; documented in docs/trace.md. */
export const TraceReport = z.object({
  what: z.string(),
  repo: z.string(),
  parts: z.array(
    z.object({
      /** For `FILE:LINE`: the lines, as the checkout has them. */
      file: z.string().optional(),
      from: z.number().optional(),
      to: z.number().optional(),
      text: z.array(z.string()),
      /** `nobody`: the lines are in the checkout alone. `unknown`: the clone is shallow, and they may be older than it. */
      by: z.enum(["loop", "person", "nobody", "unknown"]),
      commit: TracedCommit.optional(),
      stories: z.array(Story),
      /** Loops that wrote the same lines before, the newest first. */
      before: z.array(Traced),
    }),
  ),
  /** Whether the ledger could be asked, or why not. */
  ledger: z.string(),
  notes: z.array(z.string()),
})
export type TraceReport = z.infer<typeof TraceReport>

export type TraceOptions = { cwd: string; what: string; full?: boolean; signal: AbortSignal }

/** From a line, a commit or a pull request back to the loop that wrote it, and all that is known of how. Writes nothing. */
export async function trace({ cwd, what, full = false, signal }: TraceOptions): Promise<TraceReport> {
  const repo = await openRepo(cwd, flyballHome(process.env), { bareToo: true })
  const target = readTarget(what)
  const asking: Asking = { cwd, signal }
  const bare = repo.root === repo.gitDir
  const notes: string[] = []
  // git is asked first: wrong use must not wait for a database.
  const lines = target.is === "lines" ? await blame(target, { ...asking, bare }) : undefined
  const named = lines === undefined ? await commitsFor(what, asking, notes) : []
  const ledger = await openBooks(cwd, signal)
  await using _session = ledger.session
  const tracer = openTracer(repo, ledger.books, { ...asking, cwd: bare ? repo.gitDir : repo.root }, full)
  const shas = lines === undefined ? (named ?? (await shippedAs(what, ledger.books, asking))) : []
  const parts =
    lines === undefined
      ? (await tracer.traced(shas)).map(({ commit, stories }) => ({
          text: [],
          by: byOf(stories),
          commit,
          stories,
          before: [],
        }))
      : await Promise.all(lines.map((each) => linePart(target.is === "lines" ? target.file : "", each, tracer)))
  if (parts.some(({ by }) => by === "unknown"))
    notes.push("This clone is shallow: `git fetch --unshallow` brings the commits that lines are older than.")
  return { what, repo: repo.root, parts, ledger: ledger.books.is === "open" ? "open" : ledger.books.why, notes }
}

function byOf(stories: readonly Story[]): "loop" | "person" {
  return stories.length > 0 ? "loop" : "person"
}

type Tracer = {
  asking: Asking
  traced(shas: readonly string[]): Promise<z.infer<typeof Traced>[]>
}

function openTracer(repo: Repo, books: Books, asking: Asking, full: boolean): Tracer {
  const origins = openOrigins(asking, books.is === "closed" ? undefined : { db: books.db, repo: repo.key, baseOf })
  async function baseOf(change: string) {
    const known = books.is === "open" ? await readChange(books.db, change) : undefined
    const chosen = roundsOf(known?.attempts ?? []).map(bestOf)
    const attempt = chosen.findLast((each) => each.verdict?.is === "accept")
    const base = attempt?.verifiedBase ?? attempt?.base
    return attempt?.made?.is === "commit" && base !== undefined ? { base, head: attempt.made.head } : undefined
  }
  const tell = async (commit: CommitFacts, found: readonly Origin[]) => {
    const { sha, author, at, subject } = commit
    const stories = await Promise.all(found.map((origin) => storyOf(origin, commit, { books, repo, full })))
    return { commit: { sha, author, at, subject }, stories }
  }
  return {
    asking,
    traced: async (shas) => {
      const commits = await readCommits(shas, asking)
      const found = await origins(commits)
      return Promise.all(commits.map((commit) => tell(commit, found.get(commit.sha) ?? [])))
    },
  }
}

async function linePart(
  file: string,
  { from, to, text, origin, beginsHere }: Blamed,
  tracer: Tracer,
): Promise<TraceReport["parts"][number]> {
  const place = { file, from, to, text }
  if (origin === undefined) return { ...place, by: "nobody", stories: [], before: [] }
  if (beginsHere === true) {
    const [commit] = await readCommits([origin.sha], tracer.asking)
    if (commit === undefined) throw new Error(`git knows no ${origin.sha}`)
    const { sha, author, at, subject } = commit
    return { ...place, by: "unknown", commit: { sha, author, at, subject }, stories: [], before: [] }
  }
  const earlier = (await historyOf(origin, tracer.asking)).filter((sha) => sha !== origin.sha)
  const [last, ...rest] = await tracer.traced([origin.sha, ...earlier])
  if (last === undefined) throw new Error(`git knows no ${origin.sha}`)
  const before = rest.filter(({ stories }) => stories.length > 0)
  return { ...place, by: byOf(last.stories), ...last, before }
}

const MAX_COMMITS = 50

/** The commits that a name or a pull request stands for; undefined where only the ledger can know. */
async function commitsFor(what: string, asking: Asking, notes: string[]): Promise<string[] | undefined> {
  const target = readTarget(what)
  const tops = target.is === "pull" ? await commitsOfPull(target.number, asking) : await commitNamed(what, asking)
  if (tops === undefined) return undefined
  const found: string[] = []
  for (const sha of tops) {
    const [facts] = await readCommits([sha], asking)
    const [first, ...others] = facts?.parents ?? []
    if (first === undefined || others.length === 0) {
      found.push(sha)
      continue
    }
    const listed = await tryGit(["rev-list", "--no-merges", "-n", String(MAX_COMMITS), `${first}..${sha}`], asking)
    const merged = listed.stdout.split("\n").filter(Boolean)
    notes.push(`${sha.slice(0, 10)} is a merge of ${merged.length === 1 ? "one commit" : `${merged.length} commits`}.`)
    found.push(...merged)
  }
  return [...new Set(found)].slice(0, MAX_COMMITS)
}

async function commitNamed(name: string, asking: Asking): Promise<string[] | undefined> {
  const asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]
  const ran = await tryGit(asked, asking)
  if (ran.exitCode === 0) return [ran.stdout.trim()]
  const tracked = await tryGit(["ls-files", "--error-unmatch", "--", name], asking)
  if (tracked.exitCode === 0 && name !== "" && !tracked.stdout.split("\n").includes(name.replace(/^\.\//, "")))
    throw new Failure("WRONG_USE", `${name} is a folder: which line of which file?`, {
      hint: `\`flyball trace ${tracked.stdout.split("\n")[0] ?? "FILE"}:1\``,
    })
  if (tracked.exitCode === 0)
    throw new Failure("WRONG_USE", `${name} is a file: which line of it?`, { hint: `\`flyball trace ${name}:1\`` })
  return undefined
}

async function commitsOfPull(number: number, asking: Asking): Promise<string[]> {
  const patterns = [`^Merge pull request #${number} `, `(#${number})$`, `^See merge request .*!${number}$`]
  const asked = [
    "log",
    "--all",
    "-n",
    String(MAX_COMMITS),
    "--format=%H",
    ...patterns.map((pattern) => `--grep=${pattern}`),
  ]
  const ran = await tryGit(asked, asking)
  const found = ran.stdout.split("\n").filter(Boolean)
  if (found.length > 0) return found
  throw new Failure("NO_SUCH_PULL", `No commit here says that it is pull request ${number}.`, {
    hint: "Merge and squash commits name theirs (`… (#12)`); `git fetch` first, or trace the commit itself.",
  })
}

/** A change by its id: what its commits in the repository or in the ledger are. */
async function shippedAs(what: string, books: Books, asking: Asking): Promise<string[]> {
  if (/^[\w.-]{3,200}$/.test(what)) {
    const told = await commitsOfLoops(asking, what)
    const exact = (await readCommits(told, asking)).filter(({ trailers }) =>
      trailers.some(({ change }) => change === what),
    )
    if (exact.length > 0) return exact.map(({ sha }) => sha).slice(0, MAX_COMMITS)
    const change = books.is === "open" ? await readChange(books.db, what) : undefined
    if (change !== undefined)
      throw new Failure("NOTHING_SHIPPED", `${what} is a change, and no commit of it is in this repository.`, {
        hint: `\`flyball inbox show ${what}\` tells what became of it.`,
      })
  }
  throw new Failure("NO_SUCH_COMMIT", `There is no commit, change or file \`${what}\` here.`, {
    hint: "`flyball trace FILE:LINE`, a commit, `#12` for a pull request, or a change's id.",
  })
}

type OpenBooks = { books: Books; session: AsyncDisposable & Partial<Session> }

/** The trailers must speak where no database can: a trace never fails for want of one. */
async function openBooks(cwd: string, signal: AbortSignal): Promise<OpenBooks> {
  try {
    const session = await openSession({ cwd, signal })
    return { books: { is: "open", db: session.db }, session }
  } catch (thrown) {
    signal.throwIfAborted()
    const why = `the ledger can't be opened (${asFailure(thrown).code})`
    return { books: { is: "closed", why }, session: { [Symbol.asyncDispose]: async () => {} } }
  }
}
