import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { z } from "zod"
import { answerSchema } from "../core/answer-schema.ts"
import type { Evidence } from "../core/evidence.ts"
import { asFailure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import { type Independence, independence, type Resolved } from "../core/independence.ts"
import type { Judgement } from "../core/judge-measured.ts"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentResult, AgentRole, Agents, AgentTask, Workspaces } from "../core/ports.ts"
import { NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { evidenceOf, type Subject } from "./evidence.ts"

/** What somebody who judges is told; whoever writes the prompt marks the outside text in it. */
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

export type CheckerInput = {
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
  /** The folder that the loop works in, where the agent starts. */
  path?: string
  /** Another model of the maker's family is an error, not a caveat. */
  strict: boolean
  signal: AbortSignal
}

/** What differs between those who judge: what they are called, and how their last line is read. */
export type CheckerKind = {
  role: Extract<AgentRole, "reviewer" | "evaluator">
  answer: z.ZodType
  judged(said: string): Judgement
  /** Whether it may read what the checks printed. */
  seesOutputs: boolean
}

/** Somebody's word on a change. `ran` is what it turned out to be, where it ran at all. */
export type Opinion = { evidence: Evidence; spend: Spend; ran?: Resolved }

const MAX_DIFF_CHARS = 400_000
/** It broke while it ran: what it cost by then, nobody has said. */
const UNKNOWN_SPEND: Spend = { ...NOTHING_SPENT, basis: "unknown" }

/**
 * Another session judges the change, in a checkout of its own. Its answer counts only by its last line; a refusal, a crash,
 * or a checker that is the maker is an error, which is never an accept.
 */
export async function opinionOf(
  check: string,
  subject: Subject,
  input: CheckerInput,
  kind: CheckerKind,
): Promise<Opinion> {
  const { maker, reviewer, strict } = input
  const { role } = kind
  const before = maker === undefined ? undefined : independence(maker, { spec: reviewer })
  const refused = refusal(role, before, strict)
  if (refused !== undefined) return { evidence: evidenceOf(check, subject, failed(refused)), spend: NOTHING_SPENT }

  const asked = await ask(subject, input, kind)
  if (asked.is === "error") return { evidence: evidenceOf(check, subject, failed(asked.why)), spend: UNKNOWN_SPEND }
  const { result } = asked
  const ran = { spec: reviewer, ranModel: result.model }
  const after = maker === undefined ? undefined : independence(maker, ran)
  const same = refusal(role, after, strict)
  const judged = same === undefined ? answered(result, kind) : failed(same)
  const caveats = [
    ...judged.caveats,
    ...(after?.is === "same_family" ? [`The ${role} is of the maker's family: ${after.why}.`] : []),
    ...(result.sandboxed ? [] : [`Not sandboxed: the ${role} could reach what you can reach.`]),
    ...(asked.cut ? [`The ${role} saw the diff cut at its size limit.`] : []),
  ]
  const facts = {
    command: described(reviewer, result),
    artifact: result.log,
    ms: result.ms,
    sandboxed: result.sandboxed,
  }
  return { evidence: evidenceOf(check, subject, { ...judged, caveats }, facts), spend: result.spend, ran }
}

type Asked = { is: "answered"; result: AgentResult; cut: boolean } | { is: "error"; why: string }

async function ask(subject: Subject, input: CheckerInput, { role, answer, seesOutputs }: CheckerKind): Promise<Asked> {
  const { workspaces, agents, reviewer, finding, change, attempt, limits, artifactDir, signal } = input
  await mkdir(artifactDir, { recursive: true })
  const name = fileNameOf(reviewer.name) || role
  const cut = input.diff.length > MAX_DIFF_CHARS
  const note = `\n[cut by Flyball: ${input.diff.length - MAX_DIFF_CHARS} more characters of this diff are not shown; read the files]\n`
  const diff = cut ? `${input.diff.slice(0, MAX_DIFF_CHARS)}${note}` : input.diff
  const diffFile = join(artifactDir, `${name}.diff`)
  const evidenceFile = join(artifactDir, `${name}.evidence.json`)
  await writeFile(diffFile, diff)
  await writeFile(evidenceFile, `${JSON.stringify(input.evidence, null, 2)}\n`)
  const { evidence } = input
  const { base, head } = subject
  const prompt = input.prompt({ reviewer, finding, diff, evidence, base, head, diffFile, evidenceFile })
  try {
    await using checkout = await workspaces.checkout(subject.tree, `${role}-${change}`, signal)
    const task: AgentTask = {
      role,
      agent: reviewer,
      cwd: checkout.path,
      ...(input.path === undefined ? {} : { path: input.path }),
      around: seesOutputs
        ? { ...checkout, readable: [...(checkout.readable ?? []), ...outputsOf(evidence)] }
        : checkout,
      prompt,
      answer: answerSchema(answer),
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
    return { is: "error", why: `The ${role} could not be run: ${asFailure(thrown).message}` }
  }
}

/** The stored outputs that are still there. */
function outputsOf(evidence: readonly Evidence[]): string[] {
  const named = evidence.flatMap(({ artifact, artifacts = [] }) => [
    ...(artifact === undefined ? [] : [artifact]),
    ...artifacts,
  ])
  return [...new Set(named)].filter((path) => existsSync(path))
}

function answered({ ended, said }: AgentResult, { role, judged }: CheckerKind): Judgement {
  if (ended.is === "failed") return failed(`The ${role} gave no verdict (${ended.code}): ${ended.why}`)
  if (ended.is === "stop")
    return failed(`The ${role} stopped (${ended.stop}) instead of giving a verdict: ${ended.reason}`)
  return judged(said)
}

/** T5: nobody checks their own work. */
function refusal(role: string, found: Independence | undefined, strict: boolean): string | undefined {
  if (found === undefined || found.is === "independent") return undefined
  if (found.is === "same") return `The ${role} is the maker: ${found.why}.`
  return strict ? `The ${role} is too close to the maker for a strict loop: ${found.why}.` : undefined
}

/** Somebody could not be heard: an error is never an accept, and no maker could mend it. */
export function failed(why: string): Judgement {
  return { outcome: "error", blame: "infrastructure", ran: 0, summary: why, failing: [], preexisting: [], caveats: [] }
}

/** A name of an agent as part of a file's. */
export function fileNameOf(name: string): string {
  return name.replace(/[^\w-]+/g, "-").slice(0, 60)
}

function described({ name, use }: AgentSpec, { model }: AgentResult): string {
  return `${name} (${use}${model === undefined ? "" : `, ${model}`})`
}
