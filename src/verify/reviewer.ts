import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { answerSchema } from "../core/answer-schema.ts"
import type { Evidence } from "../core/evidence.ts"
import { asFailure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import { type Independence, independence, type Resolved } from "../core/independence.ts"
import type { Judgement } from "../core/judge-measured.ts"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentResult, Agents, AgentTask, Workspaces } from "../core/ports.ts"
import { parseReview, Review } from "../core/review.ts"
import { NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { evidenceOf, type Subject } from "./evidence.ts"

/** What a reviewer is told; whoever writes the prompt marks the outside text in it. */
export type ReviewFacts = {
  reviewer: AgentSpec
  finding: Finding
  diff: string
  evidence: readonly Evidence[]
  base: string
  head: string
  diffFile: string
  evidenceFile: string
}

export type ReviewInput = {
  workspaces: Workspaces
  agents: Agents
  reviewer: AgentSpec
  maker: Resolved | undefined
  finding: Finding
  change: string
  attempt: number
  diff: string
  evidence: readonly Evidence[]
  prompt: (facts: ReviewFacts) => string
  limits: AgentTask["limits"]
  artifactDir: string
  /** The folder that the loop works in, where the reviewer starts. */
  path?: string
  /** Another model of the maker's family is an error, not a caveat. */
  strict: boolean
  signal: AbortSignal
}

const MAX_DIFF_CHARS = 400_000
const MAX_REASONS = 20
/** It broke while it ran: what it cost by then, nobody has said. */
const UNKNOWN_SPEND: Spend = { ...NOTHING_SPENT, basis: "unknown" }

/**
 * Another session looks for reasons to reject, in a checkout of its own. Its answer counts only by its last line; a
 * refusal, a crash, or a reviewer that is the maker is an error, which is never an accept.
 */
export async function review(
  check: string,
  subject: Subject,
  input: ReviewInput,
): Promise<{ evidence: Evidence; spend: Spend }> {
  const { maker, reviewer, strict } = input
  const before = maker === undefined ? undefined : independence(maker, { spec: reviewer })
  const refused = refusal(before, strict)
  if (refused !== undefined) return { evidence: evidenceOf(check, subject, failed(refused)), spend: NOTHING_SPENT }

  const asked = await ask(subject, input)
  if (asked.is === "error") return { evidence: evidenceOf(check, subject, failed(asked.why)), spend: UNKNOWN_SPEND }
  const { result } = asked
  const after = maker === undefined ? undefined : independence(maker, { spec: reviewer, ranModel: result.model })
  const same = refusal(after, strict)
  const judged = same === undefined ? judgeReview(result) : failed(same)
  const caveats = [
    ...judged.caveats,
    ...(after?.is === "same_family" ? [`The reviewer is of the maker's family: ${after.why}.`] : []),
    ...(result.sandboxed ? [] : ["Not sandboxed: the reviewer could reach what you can reach."]),
    ...(asked.cut ? ["The reviewer saw the diff cut at its size limit."] : []),
  ]
  const facts = {
    command: described(reviewer, result),
    artifact: result.log,
    ms: result.ms,
    sandboxed: result.sandboxed,
  }
  return { evidence: evidenceOf(check, subject, { ...judged, caveats }, facts), spend: result.spend }
}

type Asked = { is: "answered"; result: AgentResult; cut: boolean } | { is: "error"; why: string }

async function ask(subject: Subject, input: ReviewInput): Promise<Asked> {
  const { workspaces, agents, reviewer, finding, change, attempt, limits, artifactDir, signal } = input
  await mkdir(artifactDir, { recursive: true })
  const name = reviewer.name.replace(/[^\w-]+/g, "-").slice(0, 60) || "reviewer"
  const cut = input.diff.length > MAX_DIFF_CHARS
  const note = `\n[cut by Flyball: ${input.diff.length - MAX_DIFF_CHARS} more characters of this diff are not shown; read the files]\n`
  const diff = cut ? `${input.diff.slice(0, MAX_DIFF_CHARS)}${note}` : input.diff
  const diffFile = join(artifactDir, `${name}.diff`)
  const evidenceFile = join(artifactDir, `${name}.evidence.json`)
  await writeFile(diffFile, diff)
  await writeFile(evidenceFile, `${JSON.stringify(input.evidence, null, 2)}\n`)
  const prompt = input.prompt({
    reviewer: input.reviewer,
    finding,
    diff,
    evidence: input.evidence,
    base: subject.base,
    head: subject.head,
    diffFile,
    evidenceFile,
  })
  try {
    await using checkout = await workspaces.checkout(subject.tree, `review-${change}`, signal)
    const task: AgentTask = {
      role: "reviewer",
      agent: reviewer,
      cwd: checkout.path,
      ...(input.path === undefined ? {} : { path: input.path }),
      around: checkout,
      prompt,
      answer: answerSchema(Review),
      finding,
      attempt,
      diffFile,
      evidenceFile,
      limits,
      artifactDir,
      change,
    }
    return { is: "answered", result: await agents.run(task, signal), cut }
  } catch (thrown) {
    if (signal.aborted) throw thrown
    return { is: "error", why: `The reviewer could not be run: ${asFailure(thrown).message}` }
  }
}

function judgeReview(result: AgentResult): Judgement {
  const { ended } = result
  if (ended.is === "failed") return failed(`The reviewer gave no verdict (${ended.code}): ${ended.why}`)
  if (ended.is === "stop")
    return failed(`The reviewer stopped (${ended.stop}) instead of giving a verdict: ${ended.reason}`)
  const parsed = parseReview(result.said)
  if (parsed.is === "error") return failed(parsed.why)
  const { verdict } = parsed
  const reasons = parsed.reasons.length === 0 ? ["no reason given"] : parsed.reasons.slice(0, MAX_REASONS)
  const list = reasons.map((reason) => `- ${reason}`).join("\n")
  const facts = { ran: 1, failing: [], preexisting: [], caveats: [] }
  switch (verdict) {
    case "accept":
      return { ...facts, outcome: "pass", summary: `accepts: ${reasons[0]}` }
    case "reject":
      return {
        ...facts,
        outcome: "fail",
        blame: "maker",
        summary: `rejects: ${reasons.join("; ")}`,
        feedback: `The reviewer rejects the change:\n${list}`,
        failing: ["review: rejected"],
      }
    case "ask":
      return { ...facts, outcome: "fail", blame: "person", summary: `asks a person: ${reasons.join("; ")}` }
  }
}

/** T5: nobody checks their own work. */
function refusal(found: Independence | undefined, strict: boolean): string | undefined {
  if (found === undefined || found.is === "independent") return undefined
  if (found.is === "same") return `The reviewer is the maker: ${found.why}.`
  return strict ? `The reviewer is too close to the maker for a strict loop: ${found.why}.` : undefined
}

function failed(why: string): Judgement {
  return { outcome: "error", blame: "infrastructure", ran: 0, summary: why, failing: [], preexisting: [], caveats: [] }
}

function described({ name, use }: AgentSpec, { model }: AgentResult): string {
  return `${name} (${use}${model === undefined ? "" : `, ${model}`})`
}
