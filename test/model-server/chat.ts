import { z } from "zod"
import type { Answer, Wire } from "./script.ts"

/** OpenAI Chat Completions: `POST /v1/chat/completions`. */
export const chat: Wire = {
  read(body) {
    const { model, stream, messages, tools, stream_options, ...limits } = Body.parse(body)
    const rounds = messages.filter(({ tool_calls }) => tool_calls.length > 0).length
    return {
      model,
      stream,
      rounds,
      maxOut: limits.max_completion_tokens ?? limits.max_tokens,
      // As in life: a stream tells its usage only to those who ask.
      wantsUsage: !stream || stream_options.include_usage,
      tools: tools.map(({ function: { name, parameters } }) => ({
        name,
        parameters: Object.keys(parameters.properties),
        required: parameters.required,
        custom: false,
      })),
    }
  },

  whole(answer) {
    const message = {
      role: "assistant",
      content: answer.refusal || answer.text === "" ? null : answer.text,
      refusal: answer.refusal ? answer.text : null,
      ...(answer.calls.length > 0 ? { tool_calls: calls(answer) } : {}),
    }
    const choice = { index: 0, message, logprobs: null, finish_reason: finishReason(answer) }
    return { ...head(answer, "chat.completion"), choices: [choice], usage: usageOf(answer) }
  },

  events(answer, { wantsUsage }) {
    const chunk = (delta: object, finish_reason: string | null = null) => ({
      data: {
        ...head(answer, "chat.completion.chunk"),
        choices: [{ index: 0, delta, logprobs: null, finish_reason }],
        ...(wantsUsage ? { usage: null } : {}),
      },
    })
    const usage = { data: { ...head(answer, "chat.completion.chunk"), choices: [], usage: usageOf(answer) } }
    return [
      chunk({ role: "assistant", content: "" }),
      ...(answer.reasoning === "" ? [] : [chunk({ reasoning_content: answer.reasoning })]),
      ...(answer.text === "" ? [] : [chunk(answer.refusal ? { refusal: answer.text } : { content: answer.text })]),
      ...calls(answer).map((call, index) => chunk({ tool_calls: [{ index, ...call }] })),
      chunk({}, finishReason(answer)),
      ...(wantsUsage ? [usage] : []),
      { data: "[DONE]" },
    ]
  },

  error(status, message) {
    const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error"
    return { error: { message, type, param: null, code: codes[status] ?? null } }
  },
}

function head({ id, model }: Answer, object: string) {
  return { id: `chatcmpl-${id}`, object, created: 1_750_000_000, model }
}

function calls(answer: Answer) {
  return answer.calls.map(({ id, name, input }) => ({
    id: `call_${id}`,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }))
}

function finishReason({ refusal, calls }: Answer): string {
  if (refusal) return "content_filter"
  return calls.length > 0 ? "tool_calls" : "stop"
}

function usageOf({ usage }: Answer) {
  const prompt_tokens = usage.in + usage.cacheRead + usage.cacheWrite
  return {
    prompt_tokens,
    completion_tokens: usage.out,
    total_tokens: prompt_tokens + usage.out,
    prompt_tokens_details: { cached_tokens: usage.cacheRead },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  }
}

const codes: Record<number, string> = { 401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded" }

const Body = z.object({
  model: z.string(),
  stream: z.boolean().default(false),
  max_tokens: z.number().optional(),
  max_completion_tokens: z.number().optional(),
  stream_options: z.object({ include_usage: z.boolean().default(false) }).default({ include_usage: false }),
  messages: z.array(z.object({ tool_calls: z.array(z.unknown()).default([]) })),
  tools: z
    .array(
      z.object({
        function: z.object({
          name: z.string(),
          parameters: z
            .object({
              properties: z.record(z.string(), z.unknown()).default({}),
              required: z.array(z.string()).default([]),
            })
            .default({ properties: {}, required: [] }),
        }),
      }),
    )
    .default([]),
})
