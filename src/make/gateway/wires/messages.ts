import { count, isObject, type Json, limit, list, object, text } from "../json.ts"
import { estimateInput } from "./estimate.ts"
import { hostedTool } from "./hosted.ts"
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
    return {
      model: text(body.model) ?? "",
      streams: body.stream === true,
      input: estimateInput(body),
      output: limit(body.max_tokens) ?? 128_000,
      named: limit(body.max_tokens) !== undefined,
      answers: 1,
      floor: Math.max(FLOOR_TOKENS, budget + AFTER_THINKING_TOKENS),
      caches: caching(body),
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
  const usage = object(value)
  const long = count(object(usage.cache_creation).ephemeral_1h_input_tokens)
  return {
    usage: defined({
      in: count(usage.input_tokens),
      out: count(usage.output_tokens),
      cacheRead: count(usage.cache_read_input_tokens),
      cacheWrite: count(usage.cache_creation_input_tokens),
      cacheWriteLong: long,
    }),
  }
}

function shownIn(delta: Json): number {
  return [delta.text, delta.partial_json, delta.thinking, delta.signature]
    .map((part) => text(part)?.length ?? 0)
    .reduce((sum, length) => sum + length, 0)
}

/** Whether anything in the prompt asks to be cached; an hour's writing costs twice as much as reading. */
function caching(body: Json): Ask["caches"] {
  const parts = list(body.messages).flatMap((message) => [message, ...list(object(message).content)])
  // Results of tools hold parts of their own.
  const inner = parts.flatMap((part) => list(object(part).content))
  return cachingOf([body, ...list(body.system), ...list(body.tools), ...parts, ...inner])
}

/** What the `cache_control` of some parts asks for. */
export function cachingOf(parts: readonly unknown[]): Ask["caches"] {
  const controls = parts.map((part) => object(part).cache_control).filter((control) => control != null)
  if (controls.length === 0) return "no"
  return controls.some((control) => (object(control).ttl ?? "5m") !== "5m") ? "long" : "short"
}

function beyondTokens(body: Json): string | undefined {
  if (list(body.mcp_servers).length > 0) return "`mcp_servers` are called by the provider"
  if (isObject(body.container) || typeof body.container === "string") return "`container` runs code at the provider"
  if (body.speed !== undefined && body.speed !== "standard") return "`speed` has a price of its own"
  if (body.inference_geo !== undefined) return "`inference_geo` has a price of its own"
  return hostedTool(body.tools)
}

/** The fields that are there. */
export function defined(usage: { [Key in keyof Usage]?: number | undefined }): Partial<Usage> {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined))
}
