import type { AgentKind, Loop } from "../core/loop.ts"
import { rolesIn } from "../core/loop-roles.ts"
import type { DetectedAgent } from "../make/detect-agents.ts"

/** What one attempt with a subscription's login may take where the loop has no ceiling in tokens: a long session, cache included. */
export const LOGIN_TOKENS = 10_000_000

/**
 * A session with a subscription's login or token is paid for already, and stands behind no gateway: what stops it is a ceiling in
 * tokens, which a loop that names none gets here.
 */
export function withTokenCeiling(loop: Loop, detected: readonly DetectedAgent[]): Loop {
  const { budget } = loop.guardrails
  const { tokensPerAttempt, tokensPerRun, tokensPerDay } = budget
  const isSet = tokensPerAttempt !== undefined || tokensPerRun !== undefined || tokensPerDay !== undefined
  const uses = rolesIn(loop).flatMap(({ agent }) => loop.agents[agent]?.use ?? [])
  if (isSet || !uses.some((use) => subscriptionOf(use, detected) !== undefined)) return loop
  return { ...loop, guardrails: { ...loop.guardrails, budget: { ...budget, tokensPerAttempt: LOGIN_TOKENS } } }
}

/** How it is announced that an agent works on its user's subscription; undefined where it does not. */
export function subscriptionOf(use: AgentKind, detected: readonly DetectedAgent[]): string | undefined {
  const auth = detected.find(({ kind }) => kind === use)?.auth
  if (auth?.is === "token") return `the subscription of ${auth.from}`
  if (auth?.is !== "login" || auth.used !== true) return undefined
  return auth.account === undefined ? "your login" : `your login ${auth.account}`
}

/** The ceiling of such a session, in words. */
export function ceilingWords({ guardrails }: Loop): string {
  const { tokensPerAttempt } = guardrails.budget
  const minutes = Math.round(guardrails.timeoutMs / 60_000)
  const time = `${minutes} min`
  return tokensPerAttempt === undefined
    ? `the loop's tokens, ${time} at most`
    : `${tokensPerAttempt.toLocaleString("en-US", { notation: "compact" })} tokens, ${time} at most`
}
