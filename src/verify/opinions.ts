import { join } from "node:path"
import type { Evidence } from "../core/evidence.ts"
import { Failure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import type { Resolved } from "../core/independence.ts"
import { isOpinion, layerCheck, reviewCheck } from "../core/judge.ts"
import type { AgentSpec, Layer } from "../core/loop.ts"
import { checkersOf, reviewersOf } from "../core/loop-roles.ts"
import type { Agents, AgentTask, Repo, Workspaces } from "../core/ports.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { fileNameOf, type Opinion, type ReviewFacts } from "./checker.ts"
import { readPatch } from "./diff.ts"
import { evaluate } from "./evaluator.ts"
import { type Subject, skipped } from "./evidence.ts"
import {
  type Giver,
  type OpinionMemory,
  type OpinionQuestion,
  opinionKey,
  rememberedOpinion,
  rememberOpinion,
  wasGiven,
} from "./opinion-memory.ts"
import { askPanel, type PanelMember, type PanelOpinion } from "./panel.ts"
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
  /** What they said before of the very same; without it everybody is asked. */
  memory?: OpinionMemory
  /** Those for whom no money is set aside, since they gave their word before. */
  heard?: readonly string[]
}

/** Those of some layers whose word on a commit and its base is remembered. */
export async function heardBefore(
  { agents, layers, strict }: Pick<OpinionInput["loop"], "agents" | "layers" | "strict">,
  subject: Pick<Subject, "base" | "head">,
  { memory, ...giver }: Omit<Giver, "reviewer" | "strict"> & { memory: OpinionMemory },
): Promise<string[]> {
  const heard: string[] = []
  for (const layer of layers) {
    for (const name of checkersOf([layer])) {
      const reviewer = agents[name]
      const check = layer.by === "evaluator" ? layerCheck(layer) : reviewCheck(name)
      if (reviewer !== undefined && (await wasGiven(memory, check, subject, { ...giver, reviewer, strict })))
        heard.push(name)
    }
  }
  return heard
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
  const diff = await readPatch(input.repo, subject.base, subject.tree, input.signal)
  const asking: Asking = { ...input, reviewers, finding, subject, diff, layer }
  const members = await Promise.all(names.map((name) => memberOf(name, asking)))
  const missing = members.flatMap(({ name, known }) => (known === undefined ? [name] : []))
  const unpaid = missing.filter((name) => reviewers.heard?.includes(name))
  if (unpaid.length > 0)
    throw new Failure("OPINION_GONE", `What ${unpaid.join(", ")} said before does not stand any more.`, {
      retry: "now",
    })
  told(whoIsAsked(layer, names, missing))
  const { together = true } = reviewers
  const among = together && layer.by === "panel" ? metered(missing, loop) : 1
  const asked = members.map((member) => ({ ...member, ask: (spent: Spend) => member.ask(spent, among) }))
  const said =
    layer.by === "panel"
      ? await askPanel(subject, { check, members: asked, quorum: layer.quorum, together, strict: loop.strict })
      : await askAlone(asked)
  for (const each of said.evidence) told(`${each.check}: ${each.outcome}: ${each.summary}`)
  return said
}

/** A layer of one has no word beside that one's. */
async function askAlone(members: readonly PanelMember[]): Promise<PanelOpinion> {
  const said = await Promise.all(members.map(async ({ known, ask }) => known ?? (await ask(NOTHING_SPENT))))
  return {
    evidence: said.map(({ evidence }) => evidence),
    spend: said.reduce((sum, { spend }) => addSpend(sum, spend), NOTHING_SPENT),
  }
}

function whoIsAsked({ by }: OpinionLayer, names: readonly string[], missing: readonly string[]): string {
  const before = names.filter((name) => !missing.includes(name))
  const asks = by === "evaluator" ? "is asked whether the goal is met" : missing.length === 1 ? "reviews" : "review"
  const parts = [
    ...(before.length === 0 ? [] : [`${before.join(", ")} as before`]),
    ...(missing.length === 0 ? [] : [`${missing.join(", ")} ${asks}`]),
  ]
  return parts.join("; ")
}

function whatLacks(layer: OpinionLayer, { finding, loop, reviewers }: OpinionInput): string | undefined {
  const unknown = checkersOf([layer]).find((name) => !Object.hasOwn(loop.agents, name))
  if (finding === undefined) return "no finding to hold the change against"
  if (unknown !== undefined) return `no agent \`${unknown}\``
  if (reviewers === undefined) return "no agents"
  return layer.by === "evaluator" && reviewers.goalPrompt === undefined ? "no goal in words" : undefined
}

type Asking = OpinionInput & {
  reviewers: Reviewers
  finding: Finding
  subject: Subject
  diff: string
  layer: OpinionLayer
}

/** One who judges: what it said before of the very same, and how it is asked, where others spent and so many share what is left. */
type Member = { name: string; known: Opinion | undefined; ask: (spent: Spend, among: number) => Promise<Opinion> }

async function memberOf(name: string, input: Asking): Promise<Member> {
  const { reviewers, loop, subject, layer, known: evidence } = input
  const isGoal = layer.by === "evaluator"
  const check = isGoal ? layerCheck(layer) : reviewCheck(name)
  const reviewer = loop.agents[name]
  if (reviewer === undefined) {
    const nobody = { evidence: skipped(check, subject, `there is no agent \`${name}\` here`), spend: NOTHING_SPENT }
    return { name, known: nobody, ask: async () => nobody }
  }
  const { agents, maker, prompt, goalPrompt = prompt, limits, share, memory } = reviewers
  const { workspaces, finding, change, attempt, diff, signal } = input
  const question: OpinionQuestion = {
    workspaces,
    agents,
    reviewer,
    maker,
    finding,
    change,
    attempt,
    diff,
    evidence: evidence.filter((each) => !isOpinion(each.check)),
    prompt: isGoal ? goalPrompt : prompt,
    artifactDir: folderFor(name, layer, input),
    ...(loop.path === undefined ? {} : { path: loop.path }),
    strict: loop.strict,
    signal,
  }
  const key = memory === undefined ? "" : opinionKey(check, subject, question)
  return {
    name,
    known: await rememberedOpinion(memory, key, question),
    ask: async (spent, among) => {
      const spoken = addSpend(addSpend(input.spent, spent), stillDeclared(input, name))
      const given = { ...question, limits: { ...limits, ...share?.(spoken, among) } }
      const opinion = await (isGoal ? evaluate(check, subject, given) : review(check, subject, given))
      await rememberOpinion(memory, key, opinion, question)
      return opinion
    },
  }
}

/** Those of a panel that draw on the money; a command's price is its own. */
function metered(names: readonly string[], { agents }: OpinionInput["loop"]): number {
  return Math.max(1, names.filter((name) => agents[name]?.use !== "command").length)
}

/** The prices of commands that are still to be asked: what is set aside for them is nobody else's. */
function stillDeclared({ loop, known, reviewers }: OpinionInput, asking: string): Spend {
  const asked = (name: string, layer: Layer) =>
    reviewers?.heard?.includes(name) === true ||
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
