import { type Json, object, text } from "../json.ts"

/** What OpenAI's wires have in common: the error's shape, and what models do where a request names no limit. */
export function openaiRefusal(status: number, message: string): Json {
  const type = status >= 500 ? "server_error" : status === 429 ? "rate_limit_error" : "invalid_request_error"
  return { error: { message, type, param: null, code: codes[status] ?? "flyball" } }
}

export const OTHER_THAN_TEXT = "other than text has a price of its own"

/** Whether an answer is to be in words alone. */
export function isText(modalities: unknown, word: string): boolean {
  return modalities == null || (Array.isArray(modalities) && modalities.every((each) => each === word))
}

const codes: Readonly<Record<number, string>> = { 401: "invalid_api_key", 404: "not_found" }

/** The most that a model puts out by itself. Assumed high for what is not known: it is only set aside. */
export function assumedOutput(model: string): number {
  const name = model.slice(model.lastIndexOf("/") + 1)
  return limits.find(([pattern]) => pattern.test(name))?.[1] ?? 128_000
}

const limits: readonly (readonly [RegExp, number])[] = [
  [/^gpt-3\.5/, 4_096],
  [/^gpt-4o/, 16_384],
  [/^gpt-4\.1/, 32_768],
  [/^gpt-4/, 8_192],
  [/^o[134](-|$)/, 100_000],
  [/^gemini-(1|2\.0)/, 8_192],
  [/^gemini-/, 65_536],
]

/** Tools that the agent runs; looking for more of them costs nothing but tokens. */
export function isAgentsTool({ type, environment }: Json): boolean {
  if (type === "shell") return environment == null || object(environment).type === "local"
  return typeof type === "string" && ofAgents.test(type)
}

const ofAgents = /^(function|custom|local_shell|apply_patch|computer|computer_use_preview|tool_search)$/

/** Why a service tier can't be priced; the usual ones cost what the list says, or less. */
export function pricedTier({ service_tier: tier }: Json): string | undefined {
  if (tier === undefined || tier === null || ["auto", "default", "flex", "standard"].includes(text(tier) ?? ""))
    return undefined
  return "its `service_tier` has a price of its own"
}
