import type { AgentSpec, Loop } from "../core/loop.ts"
import type { Spend } from "../core/spend.ts"
import type { Ceilings } from "../record/ledger.ts"

/** What an attempt of this agent sets aside. A declared cost is a price: it is had whole or not at all. */
export function priceOfAttempt(loop: Loop, agent: AgentSpec): { usd: number; whole: boolean } {
  return freeOfCharge(agent)
    ? { usd: agent.usdPerAttempt ?? 0, whole: true }
    : { usd: perAttemptUsd(loop), whole: false }
}

/** What the reviewers of one attempt may cost: each its declared price, or what the attempt itself left. */
export function priceOfReview(loop: Loop, spentUsd: number): { usd: number; whole: boolean } {
  const reviewers = loop.steps.verify.layers.flatMap((layer) =>
    layer.by === "agent" ? (loop.agents[layer.agent] ?? []) : [],
  )
  const declared = reviewers.filter(freeOfCharge).reduce((usd, agent) => usd + (agent.usdPerAttempt ?? 0), 0)
  const whole = reviewers.every(freeOfCharge)
  return { usd: whole ? declared : declared + Math.max(0, perAttemptUsd(loop) - spentUsd), whole }
}

/** What one attempt may cost: its own ceiling, or the run's shared out over all attempts that may happen at once. */
function perAttemptUsd(loop: Loop): number {
  const { budget, maxIterations } = loop.guardrails
  if (budget.usdPerAttempt !== undefined) return budget.usdPerAttempt
  // Without a ceiling for the run the day's is shared out alike, or its first attempt would set all of it aside.
  return (budget.usdPerRun ?? budget.usdPerDay ?? 0) / ((loop.steps.act?.maxParallel ?? 1) * maxIterations)
}

/** A command calls no model that we would have to pay for; what it costs, its author declares. */
function freeOfCharge(agent: AgentSpec): boolean {
  return agent.use === "command"
}

/** The ceilings of a loop; its day begins at the machine's midnight. */
export function ceilingsOf(loop: Loop, now = new Date()): Ceilings {
  const { usdPerRun, usdPerDay } = loop.guardrails.budget
  return { usdPerRun, usdPerDay, dayStart: new Date(now.getFullYear(), now.getMonth(), now.getDate()) }
}

/** US dollars in a sentence. */
export function dollarsOf(usd: number): string {
  return `$${usd.toFixed(2)}`
}

/** What is charged for an attempt: a command's declared cost, whatever it says; else as `chargeable`. */
export function chargedFor(spend: Spend, agent: AgentSpec, reservedUsd: number, loop: Loop): Spend {
  if (freeOfCharge(agent)) return { ...spend, usd: agent.usdPerAttempt ?? 0, basis: "reported" }
  return chargeable(spend, reservedUsd, loop)
}

/** All tokens of a spend, whatever their kind. */
export function tokensOf({ tokens }: Spend): number {
  return tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite
}

/** A cost nobody knows is the whole reserve where a dollar ceiling has to hold (catalogue M2). */
export function chargeable(spend: Spend, reservedUsd: number, loop: Loop): Spend {
  if (spend.basis !== "unknown") return spend
  const { usdPerRun, usdPerDay, usdPerAttempt } = loop.guardrails.budget
  const capped = usdPerRun !== undefined || usdPerDay !== undefined || usdPerAttempt !== undefined
  return capped ? { ...spend, usd: Math.max(spend.usd, reservedUsd) } : spend
}
