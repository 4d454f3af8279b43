import type { AgentSpec, Loop } from "../core/loop.ts"
import type { Spend } from "../core/spend.ts"
import type { Ceilings } from "../record/ledger.ts"

/** What one attempt may cost: its own ceiling, or the run's shared out over all attempts that may happen at once. */
export function perAttemptUsd(loop: Loop): number {
  const { budget, maxIterations } = loop.guardrails
  if (budget.usdPerAttempt !== undefined) return budget.usdPerAttempt
  if (budget.usdPerRun === undefined) return budget.usdPerDay ?? 0
  return budget.usdPerRun / ((loop.steps.act?.maxParallel ?? 1) * maxIterations)
}

/** A command, and a recorded session, call no model that we would have to pay for. */
export function freeOfCharge(agent: AgentSpec): boolean {
  return agent.use === "command"
}

/** The ceilings of a loop; its day begins at the machine's midnight. */
export function ceilingsOf(loop: Loop, now = new Date()): Ceilings {
  const { usdPerRun, usdPerDay } = loop.guardrails.budget
  return { usdPerRun, usdPerDay, dayStart: new Date(now.getFullYear(), now.getMonth(), now.getDate()) }
}

/** What is charged: a cost nobody knows is the whole reserve where a dollar ceiling has to hold (catalogue M2). */
export function chargeable(spend: Spend, agent: AgentSpec, reservedUsd: number, loop: Loop): Spend {
  if (freeOfCharge(agent)) return { ...spend, usd: agent.usdPerAttempt ?? 0, basis: "reported" }
  if (spend.basis !== "unknown") return spend
  const { usdPerRun, usdPerDay, usdPerAttempt } = loop.guardrails.budget
  const capped = usdPerRun !== undefined || usdPerDay !== undefined || usdPerAttempt !== undefined
  return capped ? { ...spend, usd: Math.max(spend.usd, reservedUsd) } : spend
}
