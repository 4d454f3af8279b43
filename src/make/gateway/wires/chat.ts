import { count, dollars, type Json, limit, list, object, text } from "../json.ts"
import { actsByItself, choosesItself } from "./acts.ts"
import { estimateInput } from "./estimate.ts"
import { inexact } from "./exact.ts"
import { cachingOf, defined } from "./messages.ts"
import { assumedOutput, isAgentsTool, isText, OTHER_THAN_TEXT, openaiRefusal, pricedTier } from "./openai.ts"
import { FLOOR_TOKENS, type Reading, type Wire } from "./wire.ts"

/** OpenAI Chat Completions, as OpenRouter, Ollama, vLLM and many more speak it. */
export const chat: Wire = {
  name: "chat",

  route(method, path) {
    const [, end = undefined] = /^(?:\/v1)?(\/chat\/completions|\/models(?:\/[\w.@:/-]+)?)$/.exec(path) ?? []
    if (end === undefined) return undefined
    if (end.startsWith("/models")) return method === "GET" ? { does: "free", path: end } : undefined
    return method === "POST" ? { does: "generate", path: end } : undefined
  },

  ask(body) {
    const model = text(body.model) ?? ""
    const beyond = beyondTokens(body)
    return {
      model,
      streams: body.stream === true,
      input: estimateInput(body),
      output: outputLimit(body) ?? assumedOutput(model),
      named: outputLimit(body) !== undefined,
      answers: Math.max(1, count(body.n) ?? 1),
      floor: FLOOR_TOKENS,
      // Most cache by themselves, at the price of reading or a little more; some take Anthropic's marks.
      caches: cachingOf(body) === "long" ? "long" : "short",
      ...(beyond === undefined ? {} : { beyond }),
    }
  },

  prepared: (body) =>
    body.stream === true ? { ...body, stream_options: { ...object(body.stream_options), include_usage: true } } : body,

  lowered(body, output) {
    // Reasoning models know only the new name, servers of other people's only the old one: the request's own is kept.
    const [named = "max_completion_tokens"] = outputNames.filter((name) => body[name] !== undefined)
    return { ...without(body, outputNames), [named]: output }
  },

  read(data) {
    if (data.error !== undefined)
      return { failed: text(object(data.error).message) ?? "the provider reported an error" }
    const choices = list(data.choices).map(object)
    const shown = choices.reduce((sum, { delta }) => sum + shownIn(object(delta)), 0)
    const finished = choices.some((choice) => typeof choice.finish_reason === "string")
    return {
      ...readUsage(data.usage),
      shown,
      ...(finished || data.object === "chat.completion" ? { ended: true } : {}),
    }
  },

  refusal: openaiRefusal,
}

const outputNames = ["max_completion_tokens", "max_tokens"]

/** Both may stand there: the server picks one, so the larger counts. */
function outputLimit(body: Json): number | undefined {
  const named = outputNames.map((name) => limit(body[name])).filter((value) => value !== undefined)
  return named.length === 0 ? undefined : Math.max(...named)
}

function readUsage(value: unknown): Reading {
  const usage = object(value)
  const details = object(usage.prompt_tokens_details)
  const whole = count(usage.prompt_tokens)
  const cacheRead = count(details.cached_tokens) ?? count(usage.prompt_cache_hit_tokens)
  const cacheWrite = count(details.cache_write_tokens)
  return {
    // OpenRouter and those who speak like it.
    usd: dollars(usage.cost),
    usage: defined({
      in: whole === undefined ? undefined : Math.max(0, whole - (cacheRead ?? 0) - (cacheWrite ?? 0)),
      out: count(usage.completion_tokens),
      cacheRead,
      cacheWrite,
      reasoning: count(object(usage.completion_tokens_details).reasoning_tokens),
    }),
  }
}

function shownIn(delta: Json): number {
  const said = [delta.content, delta.refusal, delta.reasoning, delta.reasoning_content].map(
    (part) => text(part)?.length ?? 0,
  )
  const called = list(delta.tool_calls).map((call) => {
    const { name, arguments: args } = object(object(call).function)
    return (text(name)?.length ?? 0) + (text(args)?.length ?? 0)
  })
  return [...said, ...called].reduce((sum, length) => sum + length, 0)
}

function beyondTokens(body: Json): string | undefined {
  const wrong = inexact(body, { counts: [...outputNames, "n"], flags: ["stream"] }) ?? choosesItself(body)
  if (wrong !== undefined) return wrong
  if (!isText(body.modalities, "text")) return OTHER_THAN_TEXT
  return pricedTier(body) ?? actsByItself(body, isAgentsTool)
}

function without(body: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))
}
