import { join } from "node:path"
import type { Evidence } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import type { Resolved } from "../core/independence.ts"
import { isOpinion, layerCheck, reviewCheck } from "../core/judge.ts"
import type { AgentSpec, Layer } from "../core/loop.ts"
import { checkersOf, reviewersOf } from "../core/loop-roles.ts"
import type { Agents, AgentTask, Repo, Workspaces } from "../core/ports.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { type CheckerInput, fileNameOf, type Opinion, type ReviewFacts } from "./checker.ts"
import { readPatch } from "./diff.ts"
import { evaluate } from "./evaluator.ts"
import { type Subject, skipped } from "./evidence.ts"
import { askPanel, type PanelOpinion } from "./panel.ts"
import { review } from "./reviewer.ts"

/** Layers that ask agents: a reviewer, a panel of them, the evaluator of the goal. */
export type OpinionLayer = Extract<Layer, { by: "agent" | "panel" | "evaluator" }>

/** What the gate needs to ask them. */
export type Reviewers = {
  agents: Agents
  maker?: Resolved
  prompt: (facts: ReviewFacts) => string
  /** What the evaluator is asked; without it there is no goal here, and a layer that asks for one is skipped. */
  goalPrompt?: (facts: ReviewFacts) => string
  limits: AgentTask["limits"]
  /** What a session may spend, after what others of this gate did, where so many share what is left. */
  share?: (spent: Spend, among: number) => Partial<AgentTask["limits"]>
  /** Whether the money was had for all of a panel at once; unset: it was. */
  together?: boolean
}

export type OpinionInput = {
  repo: Repo
  workspaces: Workspaces
  reviewers?: Reviewers
  loop: { agents: Record<string, AgentSpec>; layers: readonly Layer[]; strict: boolean; path?: string | undefined }
  finding?: Finding
  change: string
  attempt: number
  artifactDir: string
  signal: AbortSignal
  /** All that was said so far; of other people's opinions nobody hears. */
  known: readonly Evidence[]
  /** What those who were asked before have cost. */
  spent: Spend
  told: (text: string) => void
}

/** What the agents of one layer say of a change, each for itself. */
export async function opinionsOf(layer: OpinionLayer, subject: Subject, input: OpinionInput): Promise<PanelOpinion> {
  const { told, reviewers, finding, loop } = input
  const check = layerCheck(layer)
  const names = checkersOf([layer])
  const lacks = whatLacks(layer, input)
  if (lacks !== undefined || reviewers === undefined || finding === undefined) {
    const asks = layer.by === "evaluator" ? "an evaluator" : "a review"
    return {
      evidence: [skipped(check, subject, `there is ${lacks} here, and the loop requires ${asks}`)],
      spend: NOTHING_SPENT,
    }
  }
  told(
    layer.by === "evaluator"
      ? `${layer.agent} is asked whether the goal is met`
      : `${names.join(", ")} ${names.length === 1 ? "reviews" : "review"}`,
  )
  const diff = await readPatch(input.repo, subject.base, subject.tree, input.signal)
  const asking: Asking = { ...input, reviewers, finding, subject, diff }
  const { together = true } = reviewers
  const members = layer.by === "panel" ? layer.agents : []
  const said =
    layer.by === "panel"
      ? await askPanel(subject, {
          check,
          members: members.map((name) => ({
            name,
            check: reviewCheck(name),
            ask: (spent) => ask(name, layer, asking, { spent, among: together ? metered(members, loop) : 1 }),
          })),
          quorum: layer.quorum,
          together,
          strict: loop.strict,
        })
      : alone(await ask(layer.agent, layer, asking, { spent: NOTHING_SPENT, among: 1 }))
  for (const each of said.evidence) told(`${each.check}: ${each.outcome}: ${each.summary}`)
  return said
}

function alone({ evidence, spend }: Opinion): PanelOpinion {
  return { evidence: [evidence], spend }
}

function whatLacks(layer: OpinionLayer, { finding, loop, reviewers }: OpinionInput): string | undefined {
  const unknown = checkersOf([layer]).find((name) => !Object.hasOwn(loop.agents, name))
  if (finding === undefined) return "no finding to hold the change against"
  if (unknown !== undefined) return `no agent \`${unknown}\``
  if (reviewers === undefined) return "no agents"
  return layer.by === "evaluator" && reviewers.goalPrompt === undefined ? "no goal in words" : undefined
}

type Asking = OpinionInput & { reviewers: Reviewers; finding: Finding; subject: Subject; diff: string }

/** `spent` by others of the same layer, and `among` how many what is left is shared out. */
async function ask(
  name: string,
  layer: OpinionLayer,
  input: Asking,
  { spent, among }: { spent: Spend; among: number },
): Promise<Opinion> {
  const { reviewers, loop, subject, known } = input
  const reviewer = loop.agents[name]
  const isGoal = layer.by === "evaluator"
  const check = isGoal ? layerCheck(layer) : reviewCheck(name)
  if (reviewer === undefined)
    return { evidence: skipped(check, subject, `there is no agent \`${name}\` here`), spend: NOTHING_SPENT }
  const { agents, maker, prompt, goalPrompt = prompt, limits, share } = reviewers
  const spoken = addSpend(addSpend(input.spent, spent), stillDeclared(input, name))
  const { workspaces, finding, change, attempt, diff, signal } = input
  const given: CheckerInput = {
    workspaces,
    agents,
    reviewer,
    maker,
    finding,
    change,
    attempt,
    diff,
    evidence: known.filter((each) => !isOpinion(each.check)),
    prompt: isGoal ? goalPrompt : prompt,
    limits: { ...limits, ...share?.(spoken, among) },
    artifactDir: folderFor(name, layer, input),
    ...(loop.path === undefined ? {} : { path: loop.path }),
    strict: loop.strict,
    signal,
  }
  return isGoal ? evaluate(check, subject, given) : review(check, subject, given)
}

/** Those of a panel that draw on the money; a command's price is its own. */
function metered(names: readonly string[], { agents }: OpinionInput["loop"]): number {
  return Math.max(1, names.filter((name) => agents[name]?.use !== "command").length)
}

/** The prices of commands that are still to be asked: what is set aside for them is nobody else's. */
function stillDeclared({ loop, known }: OpinionInput, asking: string): Spend {
  const asked = (name: string, layer: Layer) =>
    known.some(({ check }) => check === (layer.by === "evaluator" ? layerCheck(layer) : reviewCheck(name)))
  const usd = loop.layers
    .flatMap((layer) => checkersOf([layer]).filter((name) => name !== asking && !asked(name, layer)))
    .reduce(
      (sum, name) => sum + (loop.agents[name]?.use === "command" ? (loop.agents[name]?.usdPerAttempt ?? 0) : 0),
      0,
    )
  return { ...NOTHING_SPENT, usd }
}

/** Several reviewers of one attempt keep their prompts and logs apart. */
function folderFor(name: string, layer: OpinionLayer, { artifactDir, loop }: OpinionInput): string {
  const reviewers = new Set(loop.layers.flatMap((each) => [...reviewersOf(each)]))
  return layer.by === "evaluator" || reviewers.size <= 1 ? artifactDir : join(artifactDir, `review-${fileNameOf(name)}`)
}
