import { z } from "zod"
import type { Answer, Call, ServedEvent, Wire } from "./script.ts"

/** Anthropic Messages: `POST /v1/messages`. */
export const anthropic: Wire = {
  read(body) {
    const { model, stream, messages, tools, max_tokens: maxOut } = Body.parse(body)
    // One message of the model may come in several; the tools' results end a round.
    const rounds = messages.filter(({ content }) => content.some(({ type }) => type === "tool_result")).length
    return {
      model,
      stream,
      rounds,
      wantsUsage: true,
      maxOut,
      tools: tools.map(({ name, input_schema }) => ({
        name,
        parameters: Object.keys(input_schema.properties),
        required: input_schema.required,
        custom: false,
      })),
    }
  },

  whole(answer) {
    const content = [
      ...(answer.reasoning === "" ? [] : [{ type: "thinking", thinking: answer.reasoning, signature: "c2lnbmVk" }]),
      ...(answer.text === "" ? [] : [{ type: "text", text: answer.text }]),
      ...answer.calls.map(toolUse),
    ]
    return { ...message(answer), content, stop_reason: stopReason(answer), usage: usageOf(answer) }
  },

  events(answer) {
    const blocks = [
      ...(answer.reasoning === "" ? [] : [thinking(answer.reasoning)]),
      ...(answer.text === "" ? [] : [text(answer.text)]),
      ...answer.calls.map(call),
    ]
    const start = {
      ...message(answer),
      content: [],
      stop_reason: null,
      usage: { ...usageOf(answer), output_tokens: 1 },
    }
    return [
      named({ type: "message_start", message: start }),
      ...blocks.flatMap(({ start, deltas }, index) => [
        named({ type: "content_block_start", index, content_block: start }),
        ...deltas.map((delta) => named({ type: "content_block_delta", index, delta })),
        named({ type: "content_block_stop", index }),
      ]),
      named({
        type: "message_delta",
        delta: { stop_reason: stopReason(answer), stop_sequence: null },
        usage: { output_tokens: answer.usage.out },
      }),
      named({ type: "message_stop" }),
    ]
  },

  error(status, message) {
    return { type: "error", error: { type: errorTypes[status] ?? "api_error", message }, request_id: "req_scripted" }
  },
}

function message({ id, model }: Answer) {
  return { id: `msg_${id}`, type: "message", role: "assistant", model, stop_sequence: null }
}

function usageOf({ usage }: Answer) {
  return {
    input_tokens: usage.in,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.out,
  }
}

function stopReason({ refusal, calls }: Answer) {
  if (refusal) return "refusal"
  return calls.length > 0 ? "tool_use" : "end_turn"
}

function text(words: string) {
  return {
    start: { type: "text", text: "" },
    deltas: halves(words).map((half) => ({ type: "text_delta", text: half })),
  }
}

function thinking(words: string) {
  const deltas = [
    { type: "thinking_delta", thinking: words },
    { type: "signature_delta", signature: "c2lnbmVk" },
  ]
  return { start: { type: "thinking", thinking: "", signature: "" }, deltas }
}

function call(of: Call) {
  const deltas = halves(JSON.stringify(of.input)).map((half) => ({ type: "input_json_delta", partial_json: half }))
  return { start: { ...toolUse(of), input: {} }, deltas }
}

function toolUse({ id, name, input }: Call) {
  return { type: "tool_use", id: `toolu_${id}`, name, input }
}

function named(data: { type: string; [field: string]: unknown }): ServedEvent {
  return { event: data.type, data }
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== "")
}

const errorTypes: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
}

const Body = z.object({
  model: z.string(),
  stream: z.boolean().default(false),
  max_tokens: z.number().optional(),
  messages: z.array(z.object({ content: z.array(z.object({ type: z.string() })).catch([]) })),
  tools: z
    .array(
      z.object({
        name: z.string(),
        input_schema: z
          .object({
            properties: z.record(z.string(), z.unknown()).default({}),
            required: z.array(z.string()).default([]),
          })
          .default({ properties: {}, required: [] }),
      }),
    )
    .default([]),
})
