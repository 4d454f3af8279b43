import { z } from "zod"
import type { Answer, Call, OfferedTool, ServedEvent, Wire } from "./script.ts"

/** OpenAI Responses: `POST /v1/responses`. */
export const responses: Wire = {
  read(body) {
    const { model, stream, input, tools, max_output_tokens: maxOut } = Body.parse(body)
    const isCall = (type: string | undefined) => type === "function_call" || type === "custom_tool_call"
    // Calls that stand together were made together; what was said around them may stand between.
    const kinds = input.map(({ type }) => type).filter((type) => isCall(type) || type?.endsWith("_output"))
    const rounds = kinds.filter((type, at) => isCall(type) && !isCall(kinds[at - 1])).length
    // Newer models are offered their tools within the input, sorted into namespaces.
    const all = [...tools, ...input.flatMap((item) => item.tools)].flatMap((tool) => [
      tool,
      ...tool.tools.map((inner) => ({ ...inner, namespace: tool.name })),
    ])
    return { model, stream, rounds, wantsUsage: true, maxOut, tools: all.flatMap(offered) }
  },

  whole: (answer) => response(answer, "completed"),

  events(answer) {
    const started = { ...response(answer, "in_progress"), output: [], usage: null }
    const last = answer.refusal ? "response.incomplete" : "response.completed"
    const events = [
      { type: "response.created", response: started },
      { type: "response.in_progress", response: started },
      ...output(answer).flatMap(itemEvents),
      { type: last, response: response(answer, "completed") },
    ]
    return events.map(
      (data, sequence_number): ServedEvent => ({ event: data.type, data: { ...data, sequence_number } }),
    )
  },

  error(status, message) {
    const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error"
    return { error: { message, type, param: null, code: status === 401 ? "invalid_api_key" : null } }
  },
}

function offered({ type, name, parameters, namespace }: Plain & { namespace?: string | undefined }): OfferedTool[] {
  if (name === undefined || type === "namespace") return []
  const { properties, required } = parameters
  return [
    {
      name,
      parameters: Object.keys(properties),
      required,
      custom: type === "custom",
      ...(namespace === undefined ? {} : { namespace }),
    },
  ]
}

function response(answer: Answer, status: "completed" | "in_progress") {
  const { id, model, usage, refusal } = answer
  const input_tokens = usage.in + usage.cacheRead + usage.cacheWrite
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: 1_750_000_000,
    status: refusal && status === "completed" ? "incomplete" : status,
    error: null,
    incomplete_details: refusal && status === "completed" ? { reason: "content_filter" } : null,
    model,
    output: output(answer),
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    usage: {
      input_tokens,
      input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
      output_tokens: usage.out,
      output_tokens_details: { reasoning_tokens: usage.reasoning },
      total_tokens: input_tokens + usage.out,
    },
  }
}

function output({ id, text, reasoning, calls }: Answer) {
  return [
    ...(reasoning === ""
      ? []
      : [{ id: `rs_${id}`, type: "reasoning", summary: [{ type: "summary_text", text: reasoning }] }]),
    ...(text === ""
      ? []
      : [
          {
            id: `msg_${id}`,
            type: "message",
            status: "completed",
            role: "assistant",
            content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
          },
        ]),
    ...calls.map(callItem),
  ]
}

function callItem({ id, name, input, custom, namespace }: Call) {
  const head = { call_id: `call_${id}`, name, status: "completed", ...(namespace === undefined ? {} : { namespace }) }
  return custom === undefined
    ? { id: `fc_${id}`, type: "function_call", ...head, arguments: JSON.stringify(input) }
    : { id: `ctc_${id}`, type: "custom_tool_call", ...head, input: custom }
}

function itemEvents(item: ReturnType<typeof output>[number], output_index: number) {
  const at = { item_id: item.id, output_index }
  const between = () => {
    if ("content" in item) {
      const [part] = item.content
      const words = { ...at, content_index: 0 }
      return [
        { type: "response.content_part.added", ...words, part: { ...part, text: "" } },
        { type: "response.output_text.delta", ...words, delta: part?.text, logprobs: [] },
        { type: "response.output_text.done", ...words, text: part?.text, logprobs: [] },
        { type: "response.content_part.done", ...words, part },
      ]
    }
    if ("summary" in item) return []
    const [kind, value] =
      "arguments" in item
        ? (["response.function_call_arguments", { arguments: item.arguments }] as const)
        : (["response.custom_tool_call_input", { input: item.input }] as const)
    return [
      { type: `${kind}.delta`, ...at, delta: "arguments" in value ? value.arguments : value.input },
      { type: `${kind}.done`, ...at, ...value },
    ]
  }
  return [
    { type: "response.output_item.added", output_index, item: { ...item, ...empty(item) } },
    ...between(),
    { type: "response.output_item.done", output_index, item },
  ]
}

function empty(item: ReturnType<typeof output>[number]): object {
  if ("content" in item) return { content: [], status: "in_progress" }
  if ("summary" in item) return { summary: [] }
  return "arguments" in item ? { arguments: "", status: "in_progress" } : { input: "", status: "in_progress" }
}

const plain = {
  type: z.string(),
  name: z.string().optional(),
  parameters: z
    .object({ properties: z.record(z.string(), z.unknown()).default({}), required: z.array(z.string()).default([]) })
    .default({ properties: {}, required: [] }),
}
const Plain = z.object(plain)
type Plain = z.infer<typeof Plain>
const Tool = z.object({ ...plain, tools: z.array(Plain).default([]) })

const Body = z.object({
  model: z.string(),
  stream: z.boolean().default(false),
  max_output_tokens: z.number().optional(),
  input: z.array(z.object({ type: z.string().optional(), tools: z.array(Tool).default([]) })).catch([]),
  tools: z.array(Tool).default([]),
})
