import { existsSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { type Change, spentOn } from "../../core/change.ts"
import { Evidence } from "../../core/evidence.ts"
import type { Repo } from "../../core/ports.ts"
import type { Db } from "../../record/database.ts"
import { readChange } from "../../record/ledger.ts"
import { readRun } from "../../record/runs.ts"
import { artifactDir } from "../artifacts.ts"
import { attemptView, ChangeView, PlanView, planView, viewOf } from "../view.ts"
import type { CommitFacts } from "./commits.ts"
import type { Origin } from "./origins.ts"

const TracedAttempt = z.object({
  n: z.number(),
  agent: z.string().optional(),
  model: z.string().optional(),
  outcome: z.string(),
  head: z.string().optional(),
  usd: z.number(),
  basis: z.string(),
  evidence: z.array(Evidence),
  /** Paths of what the maker was told and what it said, where they are still here. */
  prompt: z.string().optional(),
  log: z.string().optional(),
  /** With `--full`: the texts, cut at 64 KiB each. Outside text. */
  promptText: z.string().optional(),
  logText: z.string().optional(),
})

/** How a commit came about: the loop, what it was for, who made it, on what evidence, and who let it in. */
export const Story = z.object({
  change: z.string(),
  loop: z.string().optional(),
  /** SHA-256 of the canonical loop as it ran. */
  loopHash: z.string().optional(),
  run: z.string().optional(),
  trigger: z.string().optional(),
  startedAt: z.string().optional(),
  finding: z.object({
    fingerprint: z.string().optional(),
    title: z.string().optional(),
    source: z.string().optional(),
    file: z.string().optional(),
    url: z.string().optional(),
  }),
  /** How the commit is known to be this change's. */
  match: z.enum(["same_commit", "same_patch", "trailers", "altered"]),
  /** The commit that was shipped, where it is another. */
  through: z.string().optional(),
  /** What the planner said before it was made; `prompt` and `log` are paths, where they are still here. */
  plan: PlanView.extend({ prompt: z.string().optional(), log: z.string().optional() }).optional(),
  attempts: z.array(TracedAttempt),
  /** Where several makers tried the same: which was chosen, and why. */
  choice: ChangeView.shape.choice,
  usd: z.number().optional(),
  basis: z.string().optional(),
  /** Who approved it in the inbox. */
  approvedBy: z.string().optional(),
  mergedAs: z.string().optional(),
  proposedAs: z.string().optional(),
  /** Without the ledger: what the commit's own message says. */
  says: z.array(z.string()),
  /** What can't be told here, and why. */
  missing: z.array(z.string()),
})
export type Story = z.infer<typeof Story>

/** The ledger, or why there is none. */
export type Books = { is: "open"; db: Db } | { is: "closed"; why: string }

/** All that is known of the change behind a commit; without the ledger, what its message alone says. */
export async function storyOf(
  origin: Origin,
  commit: CommitFacts,
  { books, repo, full }: { books: Books; repo: Repo; full: boolean },
): Promise<Story> {
  const change = books.is === "open" ? await readChange(books.db, origin.change) : undefined
  if (books.is === "closed" || change === undefined) return fromMessage(origin, commit, books)
  const run = await readRun(books.db, change.run)
  const { finding } = change
  const spend = spentOn(change)
  const { choice } = viewOf(change, false)
  return {
    change: change.id,
    loop: change.loop,
    run: change.run,
    ...(run === undefined ? {} : { loopHash: run.loop.hash, trigger: run.trigger }),
    startedAt: change.startedAt,
    finding: {
      fingerprint: finding.fingerprint,
      title: finding.title,
      source: finding.source,
      ...(finding.file === undefined ? {} : { file: finding.file }),
      ...(finding.url === undefined ? {} : { url: finding.url }),
    },
    match: origin.match,
    ...(origin.through === undefined ? {} : { through: origin.through }),
    ...planOf(change, repo),
    attempts: await Promise.all(change.attempts.map((attempt) => tracedAttempt(attempt, change, repo, full))),
    ...(choice === undefined ? {} : { choice }),
    usd: spend.usd,
    basis: spend.basis,
    ...(change.answer?.is === "approve" && change.answeredBy !== undefined ? { approvedBy: change.answeredBy } : {}),
    ...(change.merged === undefined ? {} : { mergedAs: change.merged }),
    ...(change.proposal === undefined ? {} : { proposedAs: change.proposal.commit }),
    says: [],
    missing: missingOf(change, repo),
  }
}

function planOf({ id, planned }: Change, repo: Repo): Pick<Story, "plan"> {
  if (planned === undefined) return {}
  const folder = artifactDir(repo, id, planned.attempt ?? 1)
  const [prompt, log] = [join(folder, "planner.prompt.md"), join(folder, "planner.log")]
  return {
    plan: {
      ...planView(planned),
      ...(existsSync(prompt) ? { prompt } : {}),
      ...(existsSync(log) ? { log } : {}),
    },
  }
}

async function tracedAttempt(attempt: Change["attempts"][number], { id }: Change, repo: Repo, full: boolean) {
  const folder = artifactDir(repo, id, attempt.n)
  const prompt = join(folder, "maker.prompt.md")
  const log = join(folder, "maker.log")
  const texts = full ? { promptText: await head(prompt), logText: await head(log) } : {}
  return {
    ...attemptView(attempt),
    ...(existsSync(prompt) ? { prompt } : {}),
    ...(existsSync(log) ? { log } : {}),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)),
  }
}

const MAX_TEXT_BYTES = 64 * 1024

async function head(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined
  await using file = await open(path, "r")
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_TEXT_BYTES + 1), 0, MAX_TEXT_BYTES + 1, 0)
  const text = buffer.subarray(0, Math.min(bytesRead, MAX_TEXT_BYTES)).toString("utf8")
  return bytesRead > MAX_TEXT_BYTES ? `${text}\n… cut at ${MAX_TEXT_BYTES / 1024} KiB: ${path}\n` : text
}

function missingOf({ id, attempts, merged, answer }: Change, repo: Repo): string[] {
  const ran = attempts.filter(({ agent }) => agent !== undefined)
  const gone = ran.filter(({ n }) => !existsSync(join(artifactDir(repo, id, n), "maker.prompt.md")))
  return [
    ...(gone.length === 0 ? [] : ["the prompts and logs: pruned, or kept on another machine"]),
    ...(merged === undefined && answer?.is !== "approve"
      ? ["who approved it: it was not merged by `flyball inbox`"]
      : []),
  ]
}

/** The lines `check: outcome (…)` that a shipped commit's message holds. */
const EVIDENCE_LINE = /^[ \t]*[\w:@/. -]{1,80}: (pass|fail|error|skipped) \(.*\)$/

function fromMessage(origin: Origin, { body }: CommitFacts, books: Books): Story {
  const why = books.is === "closed" ? books.why : "the ledger here does not know this change; it is another machine's"
  const { change, loop, run, finding, match, through } = origin
  return {
    change,
    ...(loop === undefined ? {} : { loop }),
    ...(run === undefined ? {} : { run }),
    finding: finding === undefined ? {} : { fingerprint: finding },
    match,
    ...(through === undefined ? {} : { through }),
    attempts: [],
    says: body
      .split("\n")
      .filter((line) => EVIDENCE_LINE.test(line))
      .map((line) => line.trim()),
    missing: [`attempts, prompt, model, cost and approver: ${why}`],
  }
}
