import { count, dollars, type Json, limit, object, text } from "../json.ts"
import { actsByItself, choosesItself } from "./acts.ts"
import { estimateInput } from "./estimate.ts"
import { inexact } from "./exact.ts"
import { defined } from "./messages.ts"
import { assumedOutput, isAgentsTool, openaiRefusal, pricedTier } from "./openai.ts"
import { FLOOR_TOKENS, type Reading, type Wire } from "./wire.ts"

/** OpenAI Responses. */
export const responses: Wire = {
  name: "responses",

  route(method, path) {
    const [, end = undefined] = /^(?:\/v1)?(\/responses(?:\/input_tokens|\/compact)?)$/.exec(path) ?? []
    if (end === undefined || method !== "POST") return undefined
    return end === "/responses/input_tokens" ? { does: "free", path: end } : { does: "generate", path: end }
  },

  ask(body) {
    const model = text(body.model) ?? ""
    const beyond = beyondTokens(body)
    return {
      model,
      streams: body.stream === true,
      input: estimateInput(body),
      output: limit(body.max_output_tokens) ?? assumedOutput(model),
      named: limit(body.max_output_tokens) !== undefined,
      answers: 1,
      // Reasoning has no budget of its own here: the more of it, the more must be left.
      floor: object(body.reasoning).effort === "none" || body.reasoning === undefined ? FLOOR_TOKENS : 2 * FLOOR_TOKENS,
      caches: "short",
      ...(beyond === undefined ? {} : { beyond }),
    }
  },

  prepared: (body) => body,
  lowered: (body, output) => ({ ...body, max_output_tokens: output }),

  read(data) {
    const type = text(data.type) ?? ""
    if (data.object === "response" || data.object === "response.compaction") return { ...readUsage(data), ended: true }
    if (/^response\.(completed|incomplete|failed)$/.test(type)) {
      const why = type === "response.failed" ? failure(object(data.response)) : undefined
      return { ...readUsage(object(data.response)), ended: true, ...(why === undefined ? {} : { failed: why }) }
    }
    if (type === "error") return { failed: text(data.message) ?? text(object(data.error).message) ?? "an error" }
    // Encrypted reasoning comes whole, in `done`; everything else came in pieces before.
    if (type === "response.output_item.done") return { shown: text(object(data.item).encrypted_content)?.length ?? 0 }
    return type.endsWith(".delta") ? { shown: text(data.delta)?.length ?? 0 } : {}
  },

  refusal: openaiRefusal,
}

function readUsage(answer: Json): Reading {
  const usage = object(answer.usage)
  const details = object(usage.input_tokens_details)
  const whole = count(usage.input_tokens)
  const [cacheRead, cacheWrite] = [count(details.cached_tokens), count(details.cache_write_tokens)]
  return {
    usd: dollars(usage.cost),
    usage: defined({
      in: whole === undefined ? undefined : Math.max(0, whole - (cacheRead ?? 0) - (cacheWrite ?? 0)),
      out: count(usage.output_tokens),
      cacheRead,
      cacheWrite,
      reasoning: count(object(usage.output_tokens_details).reasoning_tokens),
    }),
  }
}

function failure(answer: Json): string {
  return text(object(answer.error).message) ?? "the provider reported a failure"
}

function beyondTokens(body: Json): string | undefined {
  const wrong = inexact(body, { counts: ["max_output_tokens"], flags: ["stream", "background"] }) ?? choosesItself(body)
  if (wrong !== undefined) return wrong
  if (body.background === true) return "`background` goes on after the connection ends"
  // What a stored conversation holds is not in the request, and may be the whole context window.
  if (body.previous_response_id != null || body.conversation != null)
    return "it goes on with a conversation that the provider keeps, whose size can't be known"
  if (body.prompt != null) return "`prompt` is kept by the provider, and its size can't be known"
  return pricedTier(body) ?? actsByItself(body, isAgentsTool)
}
