import { expect, test } from "vitest"
import { parseObject } from "../json.ts"
import { charged, openMeter } from "../meter.ts"
import { estimateInput } from "./estimate.ts"
import { recognise, wires } from "./index.ts"
import { type WireName, wireNames } from "./wire.ts"

const anthropic = { "anthropic-version": "2023-06-01" }

test.each([
  ["POST", "/v1/messages", {}, "messages", "generate"],
  ["POST", "/messages", {}, "messages", "generate"],
  ["POST", "/v1/messages/count_tokens", {}, "messages", "free"],
  ["GET", "/v1/models", anthropic, "messages", "free"],
  ["GET", "/v1/models/claude-x", anthropic, "messages", "free"],
  ["GET", "/v1/models", {}, "chat", "free"],
  ["POST", "/v1/responses", {}, "responses", "generate"],
  ["POST", "/v1/responses/compact", {}, "responses", "generate"],
  ["POST", "/v1/responses/input_tokens", {}, "responses", "free"],
  ["POST", "/v1/chat/completions", {}, "chat", "generate"],
  ["POST", "/chat/completions", {}, "chat", "generate"],
  ["POST", "/v1beta/models/gemini-3-pro:generateContent", {}, "gemini", "generate"],
  ["POST", "/v1beta/models/gemini-3-pro:streamGenerateContent", {}, "gemini", "generate"],
  ["POST", "/v1beta/models/gemini-3-pro:countTokens", {}, "gemini", "free"],
  ["GET", "/v1beta/models", {}, "gemini", "free"],
  ["GET", "/v1/messages", {}, undefined, undefined],
  ["DELETE", "/v1/models/mine", {}, undefined, undefined],
  ["POST", "/v1/messages/batches", {}, undefined, undefined],
  ["POST", "/v1/responses/r1/cancel", {}, undefined, undefined],
  ["POST", "/v1/completions", {}, undefined, undefined],
  ["POST", "/v1beta/models/imagen:predict", {}, undefined, undefined],
  ["POST", "/v1beta/models/m:batchGenerateContent", {}, undefined, undefined],
  ["POST", "/v1beta/cachedContents", {}, undefined, undefined],
  ["POST", "/v1/../v1/messages", {}, undefined, undefined],
])("%s %s is told apart", (method, path, headers, wire, does) => {
  const found = recognise(method, path, headers)
  expect([found?.wire.name, found?.route.does]).toEqual([wire, does])
})

/** Events as the vendors' documentation shows them, shortened. */
const streams: Record<WireName, { events: unknown[]; usage: object }> = {
  messages: {
    events: [
      {
        type: "message_start",
        message: {
          usage: {
            input_tokens: 25,
            cache_read_input_tokens: 500,
            cache_creation_input_tokens: 80,
            cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 50 },
            output_tokens: 1,
          },
        },
      },
      { type: "ping" },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 15 } },
      { type: "message_stop" },
    ],
    usage: { in: 25, out: 15, cacheRead: 500, cacheWrite: 80, cacheWriteLong: 50 },
  },
  responses: {
    events: [
      { type: "response.created", response: { id: "r", usage: null } },
      { type: "response.output_text.delta", delta: "Hello" },
      {
        type: "response.completed",
        response: {
          usage: {
            input_tokens: 100,
            input_tokens_details: { cached_tokens: 60 },
            output_tokens: 40,
            output_tokens_details: { reasoning_tokens: 30 },
          },
        },
      },
    ],
    usage: { in: 40, out: 40, cacheRead: 60, cacheWrite: 0, reasoning: 30 },
  },
  chat: {
    events: [
      { choices: [{ delta: { content: "Hello" } }], usage: null },
      { choices: [{ delta: {}, finish_reason: "stop" }], usage: null },
      {
        choices: [],
        usage: {
          prompt_tokens: 100,
          prompt_tokens_details: { cached_tokens: 60 },
          completion_tokens: 40,
          completion_tokens_details: { reasoning_tokens: 30 },
        },
      },
    ],
    usage: { in: 40, out: 40, cacheRead: 60, cacheWrite: 0, reasoning: 30 },
  },
  gemini: {
    events: [
      {
        candidates: [{ content: { parts: [{ text: "Hel" }] } }],
        usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 60, thoughtsTokenCount: 20 },
      },
      {
        candidates: [{ content: { parts: [{ text: "lo" }] }, finishReason: "STOP" }],
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          toolUsePromptTokenCount: 5,
          candidatesTokenCount: 10,
          thoughtsTokenCount: 30,
          totalTokenCount: 145,
        },
      },
    ],
    usage: { in: 45, out: 40, cacheRead: 60, cacheWrite: 0, reasoning: 30 },
  },
}

test.each(wireNames)("%s: usage of a stream, whatever its chunks", (name) => {
  const { events, usage } = streams[name]
  const wire = wires[name]
  const text = Buffer.from(`${events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join("")}data: [DONE]`)
  for (const size of [1, 7, 4_096]) {
    const meter = openMeter(wire, "text/event-stream; charset=utf-8", 1_000_000)
    for (let at = 0; at < text.length; at += size) meter.feed(text.subarray(at, at + size))
    meter.end()
    expect(meter.tally()).toMatchObject({ usage, ended: true, told: { in: true, out: true } })
  }
})

test("gemini's stream without events is a list", () => {
  const meter = openMeter(wires.gemini, "application/json", 1_000_000)
  meter.feed(Buffer.from(JSON.stringify(streams.gemini.events)))
  meter.end()
  expect(meter.tally()).toMatchObject({ usage: streams.gemini.usage, ended: true })
})

const cutStream = { input: 1_000, output: 5_000, ranMs: 10_000, cut: "streamed" } as const
const nothingTold = {
  usage: { in: 0, out: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0, reasoning: 0 },
  told: { in: false, out: false },
  usd: 0,
  shown: 0,
  ended: false,
}

test.each([
  [
    "nothing told: the estimated input, and what a fast model makes in that time",
    nothingTold,
    { in: 1_000, out: 2_000 },
  ],
  ["never more than was asked for", { ...nothingTold, shown: 1_000_000 }, { in: 1_000, out: 5_000 }],
  [
    "never less than was reported",
    {
      ...nothingTold,
      usage: { ...nothingTold.usage, in: 40, cacheRead: 9, out: 7_000 },
      told: { in: true, out: true },
    },
    { in: 40, out: 7_000 },
  ],
])("a cut stream is charged: %s", (_, tally, usage) => {
  expect(charged(tally, cutStream)).toMatchObject({ usage, basis: "estimated" })
})

test.each([
  ["a whole answer that nobody waited for may be made to its end", { ...nothingTold, shown: 10 }, "whole", 5_000],
  [
    "no output, though some was shown, is no account",
    { ...nothingTold, usage: { ...nothingTold.usage, in: 9 }, told: { in: true, out: true }, shown: 100, ended: true },
    "no",
    40,
  ],
] as const)("%s", (_, tally, cut, out) => {
  expect(charged(tally, { ...cutStream, cut })).toMatchObject({ usage: { out }, basis: "estimated" })
})

test("a server that reports zeros because it doesn't count is charged by estimate", () => {
  const tally = { ...nothingTold, told: { in: true, out: true }, shown: 100, ended: true }
  expect(charged(tally, { ...cutStream, cut: "no" })).toMatchObject({
    usage: { in: 1_000, out: 40 },
    basis: "estimated",
  })
})

const generate = { does: "generate", path: "/x", model: "gemini-2.5-pro", streams: true } as const
test.each([
  [
    "messages",
    { model: "m", max_tokens: 9_000, thinking: { budget_tokens: 4_000 } },
    { output: 9_000, floor: 5_024, named: true },
  ],
  [
    "messages",
    { model: "m", max_tokens: 1, system: [{ text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }] },
    { caches: "long" },
  ],
  [
    "messages",
    { model: "m", max_tokens: 1, system: [{ text: "x", cache_control: { type: "ephemeral" } }] },
    { caches: "short" },
  ],
  ["messages", { model: "m", max_tokens: 1, messages: [] }, { caches: "no" }],
  ["responses", { model: "gpt-5.2" }, { output: 128_000, named: false }],
  ["responses", { model: "gpt-4o" }, { output: 16_384 }],
  ["chat", { model: "openai/gpt-4.1", n: 3 }, { output: 32_768, answers: 3 }],
  ["chat", { model: "m", max_tokens: 5, max_completion_tokens: 900 }, { output: 900 }],
  [
    "gemini",
    { generationConfig: { maxOutputTokens: 500, candidateCount: 2 } },
    { output: 500, answers: 2, model: "gemini-2.5-pro" },
  ],
  ["gemini", { generation_config: { max_output_tokens: 500 } }, { output: 500 }],
] as const)("%s: what %j asks for", (name, body, expected) => {
  expect(wires[name].ask(body, generate)).toMatchObject(expected)
})

test("a limit is lowered under the name that the request used", () => {
  expect(wires.chat.lowered({ max_tokens: 9 }, 3)).toEqual({ max_tokens: 3 })
  expect(wires.chat.lowered({ max_tokens: 9, max_completion_tokens: 9 }, 3)).toEqual({ max_completion_tokens: 3 })
  expect(wires.chat.lowered({}, 3)).toEqual({ max_completion_tokens: 3 })
  expect(wires.gemini.lowered({ generation_config: { max_output_tokens: 9, temperature: 0 } }, 3)).toEqual({
    generationConfig: { temperature: 0, maxOutputTokens: 3 },
  })
})

test.each([
  ["English", "The quick brown fox jumps over the lazy dog. ".repeat(500), 500 * 10],
  ["code", "export function add(a: number, b: number) { return a + b }\n".repeat(300), 300 * 19],
  ["digits", "3141592653589793238462643383279502884197 ".repeat(200), 200 * 40],
  ["noise", "@#}~^%\u0001|".repeat(500), 500 * 7],
  ["pictographs", "\u{13080}\u{1F9FF}".repeat(300), 300 * 7],
  ["a rare script", "ሰላምዓለም".repeat(300), 300 * 17],
  ["Chinese", "敏捷的棕色狐狸跳过了懒狗。".repeat(300), 300 * 15],
])("the estimate lies above what tokenizers count in %s, and not far", (_, text, tokens) => {
  const estimate = estimateInput({ messages: [{ role: "user", content: text }] })
  expect(estimate).toBeGreaterThan(tokens)
  expect(estimate).toBeLessThan(tokens * 2.5 + 600)
})

test("files count by what they are, not by their letters", () => {
  const data = "A".repeat(2_000_000)
  const images = [
    { type: "image", source: { type: "base64", media_type: "image/png", data } },
    { type: "input_image", image_url: `data:image/png;base64,${data}` },
    { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
    { inlineData: { mimeType: "image/png", data } },
  ]
  for (const part of images) expect(estimateInput({ parts: [part] })).toBeLessThan(6_000)
  for (const part of images) expect(estimateInput({ parts: [part] })).toBeGreaterThan(5_000)
  const documents = [
    { type: "document", source: { type: "base64", media_type: "application/pdf", data } },
    { type: "file", file: { file_data: `data:application/pdf;base64,${data}` } },
    { inlineData: { mimeType: "application/pdf", data } },
  ]
  for (const part of documents) expect(estimateInput({ parts: [part] })).toBeGreaterThan(100_000)
})

test("refusals have each wire's own shape", () => {
  expect(wires.messages.refusal(403, "no")).toEqual({
    type: "error",
    error: { type: "permission_error", message: "no" },
  })
  expect(wires.chat.refusal(400, "no")).toMatchObject({ error: { message: "no", type: "invalid_request_error" } })
  expect(wires.responses.refusal(400, "no")).toMatchObject({ error: { message: "no", type: "invalid_request_error" } })
  expect(wires.gemini.refusal(400, "no")).toEqual({ error: { code: 400, message: "no", status: "INVALID_ARGUMENT" } })
  expect(parseObject("[]")).toBeUndefined()
})
