import { count, dollars, isObject, type Json, limit, list, object, text } from "../json.ts"
import { actsByItself, choosesItself } from "./acts.ts"
import { estimateInput } from "./estimate.ts"
import { inexact } from "./exact.ts"
import { AFTER_THINKING_TOKENS, type Ask, FLOOR_TOKENS, type Reading, type Usage, type Wire } from "./wire.ts"

/** Anthropic Messages. */
export const messages: Wire = {
  name: "messages",

  route(method, path, headers) {
    const [, end = undefined] =
      /^(?:\/v1)?(\/messages|\/messages\/count_tokens|\/models(?:\/[\w.@:-]+)?)$/.exec(path) ?? []
    if (end === undefined) return undefined
    if (end.startsWith("/models"))
      return method === "GET" && headers["anthropic-version"] !== undefined ? { does: "free", path: end } : undefined
    if (method !== "POST") return undefined
    return end === "/messages" ? { does: "generate", path: end } : { does: "free", path: end }
  },

  ask(body) {
    const thinking = object(body.thinking)
    const budget = count(thinking.budget_tokens) ?? 0
    const beyond = beyondTokens(body)
    // What is shortened on the way is read, and written, by a request of its own.
    const times = compacts(body) ? 2 : 1
    return {
      model: text(body.model) ?? "",
      streams: body.stream === true,
      input: times * estimateInput(body),
      output: limit(body.max_tokens) ?? 128_000,
      named: limit(body.max_tokens) !== undefined,
      answers: times,
      floor: Math.max(FLOOR_TOKENS, budget + AFTER_THINKING_TOKENS),
      caches: cachingOf(body),
      ...(beyond === undefined ? {} : { beyond }),
    }
  },

  prepared: (body) => body,
  lowered: (body, output) => ({ ...body, max_tokens: output }),

  read(data) {
    switch (data.type) {
      case "message_start":
        return readUsage(object(data.message).usage)
      case "message_delta":
        return readUsage(data.usage)
      case "content_block_start":
        return { shown: JSON.stringify(data.content_block ?? "").length }
      case "content_block_delta":
        return { shown: shownIn(object(data.delta)) }
      case "message_stop":
        return { ended: true }
      case "message":
        return { ...readUsage(data.usage), ended: true }
      case "error":
        return { failed: text(object(data.error).message) ?? "the provider reported an error" }
      default:
        return {}
    }
  },

  refusal: (status, message) => ({
    type: "error",
    error: { type: errorTypes[status] ?? "invalid_request_error", message },
  }),
}

const errorTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  502: "api_error",
  504: "timeout_error",
}

function readUsage(value: unknown): Reading {
  const last = object(value)
  // Where it took several passes, what stands outside is the last one's alone.
  const passes = list(last.iterations).map(object)
  const usage = passes.length > 1 ? larger(last, summed(passes)) : last
  const long = count(object(usage.cache_creation).ephemeral_1h_input_tokens)
  return {
    usd: dollars(usage.cost),
    usage: defined({
      in: count(usage.input_tokens),
      out: count(usage.output_tokens),
      cacheRead: count(usage.cache_read_input_tokens),
      cacheWrite: count(usage.cache_creation_input_tokens),
      cacheWriteLong: long,
    }),
  }
}

const figures = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]

function summed(passes: readonly Json[]): Json {
  const sums = figures.map((name) => [name, passes.reduce((sum, pass) => sum + (count(pass[name]) ?? 0), 0)])
  return Object.fromEntries(sums)
}

function larger(one: Json, other: Json): Json {
  const most = figures.map((name) => [name, Math.max(count(one[name]) ?? 0, count(other[name]) ?? 0)])
  return { ...one, ...Object.fromEntries(most) }
}

function shownIn(delta: Json): number {
  return [delta.text, delta.partial_json, delta.thinking, delta.signature]
    .map((part) => text(part)?.length ?? 0)
    .reduce((sum, length) => sum + length, 0)
}

/** Whether anything in the prompt, however deep, asks to be cached; an hour's writing costs twice as much as reading. */
export function cachingOf(body: Json): Ask["caches"] {
  let found: Ask["caches"] = "no"
  const pending: unknown[] = [body]
  while (pending.length > 0) {
    const next = pending.pop()
    if (Array.isArray(next)) pending.push(...next)
    else if (isObject(next)) {
      const { cache_control: control } = next
      if (control != null) found = (object(control).ttl ?? "5m") !== "5m" ? "long" : found === "long" ? found : "short"
      pending.push(...Object.values(next).filter((value) => typeof value === "object"))
    }
  }
  return found
}

function compacts(body: Json): boolean {
  return list(object(body.context_management).edits).some((edit) => !/^clear_/.test(text(object(edit).type) ?? ""))
}

function beyondTokens(body: Json): string | undefined {
  const wrong = inexact(body, { counts: ["max_tokens"], flags: ["stream"] }) ?? choosesItself(body)
  if (wrong !== undefined) return wrong
  if (body.speed !== undefined && body.speed !== "standard") return "`speed` has a price of its own"
  if (body.inference_geo !== undefined) return "`inference_geo` has a price of its own"
  return actsByItself(body, ({ type }) => type == null || (typeof type === "string" && ofAgents.test(type)))
}

/** Tools that the agent runs; looking for more of them costs nothing but tokens. */
const ofAgents = /^(custom|(bash|text_editor|computer|memory)_\d+|tool_search_tool(_\w+)?)$/

/** The fields that are there. */
export function defined(usage: { [Key in keyof Usage]?: number | undefined }): Partial<Usage> {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined))
}
