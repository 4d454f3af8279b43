import type { AdapterContext } from "../adapter.ts"
import type { WireName } from "../gateway/wires/wire.ts"

/** Where a session's requests go and with which key; `base` and `root` are set where that is not the provider's usual place. */
export type Reach = {
  key?: string
  /** With the path that the wire's clients expect in a base URL (`/v1` for OpenAI's). */
  base?: string
}

/** The gateway with this attempt's token; without one, what the user's own environment says of this wire. */
export function reachOf(wire: WireName, { gateway, outer }: Pick<AdapterContext, "gateway" | "outer">): Reach {
  const { path, baseVariable } = wireFacts[wire]
  if (gateway !== undefined) return { key: gateway.token, base: `${gateway.url}${path}` }
  const variable = keyVariableOf(wire, outer)
  const [key, base] = [variable === undefined ? undefined : outer[variable], outer[baseVariable]]
  return { ...(key ? { key } : {}), ...(base ? { base: base.replace(/\/+$/, "") } : {}) }
}

/** The variable of the user's that holds a key for this wire, best first; undefined: none does. */
export function keyVariableOf(wire: WireName, outer: AdapterContext["outer"]): string | undefined {
  return wireFacts[wire].keyVariables.find((name) => outer[name])
}

/** The base URL of the wire's own provider. */
export function usualBase(wire: WireName): string {
  return wireFacts[wire].usual
}

/** What an agent that speaks several wires speaks to this model, by its name; what nobody can place speaks Chat. */
export function wireOfModel(model: string): WireName {
  const maker = makerIn(model)
  if (maker !== undefined) return maker
  if (/claude|^(sonnet|opus|haiku)\b/i.test(model)) return "messages"
  if (/^(gpt-\d|o\d|codex)/i.test(model)) return "responses"
  return /^gemini/i.test(model) ? "gemini" : "chat"
}

/** The name under which the maker's own service knows a model: `anthropic/claude-opus-5` is `claude-opus-5` there. */
export function plainModel(model: string): string {
  return makerIn(model) === undefined ? model : model.slice(model.indexOf("/") + 1)
}

function makerIn(model: string): WireName | undefined {
  const makers: Readonly<Record<string, WireName>> = { anthropic: "messages", openai: "responses", google: "gemini" }
  const [maker = "", name] = model.split("/")
  return name !== undefined && Object.hasOwn(makers, maker) ? makers[maker] : undefined
}

/** Makes a command unusable where the agent has no key for its wire. */
export function lackingKey(agent: string, wire: WireName, key: string | undefined): { unusable?: string } {
  return key === undefined ? { unusable: `${agent} has no key here: set ${wireFacts[wire].keyVariables[0]}` } : {}
}

/** Makes a command unusable where an agent that has to be told its model is told none. */
export function lackingModel(agent: string, model: string | undefined): { unusable?: string } {
  return model === undefined
    ? { unusable: `${agent} needs \`model:\` in the agent, as in \`model: claude-sonnet-5\`` }
    : {}
}

type WireFacts = { usual: string; path: string; baseVariable: string; keyVariables: readonly [string, ...string[]] }

const openai: WireFacts = {
  usual: "https://api.openai.com/v1",
  path: "/v1",
  baseVariable: "OPENAI_BASE_URL",
  keyVariables: ["OPENAI_API_KEY", "CODEX_API_KEY"],
}

const wireFacts: Record<WireName, WireFacts> = {
  messages: {
    usual: "https://api.anthropic.com",
    path: "",
    baseVariable: "ANTHROPIC_BASE_URL",
    keyVariables: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
  },
  responses: openai,
  chat: openai,
  gemini: {
    usual: "https://generativelanguage.googleapis.com",
    path: "",
    baseVariable: "GOOGLE_GEMINI_BASE_URL",
    keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
  },
}
