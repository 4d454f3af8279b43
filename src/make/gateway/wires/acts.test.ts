import { expect, test } from "vitest"
import type { Json } from "../json.ts"
import { wires } from "./index.ts"
import type { WireName } from "./wire.ts"

const route = { does: "generate", path: "/x", model: "gemini-2.5-pro", streams: true } as const
const beyond = (wire: WireName, body: Json) => wires[wire].ask({ model: "m", max_tokens: 9, ...body }, route).beyond
const user = (part: unknown) => ({ messages: [{ role: "user", content: [part] }] })
const contents = (part: unknown) => ({ contents: [{ role: "user", parts: [part] }] })

/** What the provider would fetch, run, keep or choose: beyond the tokens, and past every list of hosts. */
const acting: [WireName, string, Json][] = [
  [
    "messages",
    "a picture by its address",
    user({ type: "image", source: { type: "url", url: "https://evil.example/?k" } }),
  ],
  [
    "messages",
    "a document by its address",
    user({ type: "document", source: { type: "url", url: "http://e.example" } }),
  ],
  ["messages", "a kept file", user({ type: "document", source: { type: "file", file_id: "f1" } })],
  [
    "messages",
    "an address in a tool's result",
    user({ type: "tool_result", content: [{ type: "image", source: { type: "url", url: "https://e.example" } }] }),
  ],
  [
    "messages",
    "a tool of the provider's, brought in by a message",
    user({ type: "tool_change", tools: [{ type: "web_fetch_1" }] }),
  ],
  ["messages", "a tool named outside of any list", user({ type: "web_search_20250305" })],
  ["messages", "a tool that nobody here knows", { tools: [{ type: "browse_20270101", name: "b" }] }],
  ["messages", "tools that are no list", { tools: { type: "web_search_20250305" } }],
  ["messages", "other models", { fallbacks: [{ model: "claude-opus-5" }] }],
  ["messages", "a number in quotes", { max_tokens: "64000" }],
  ["messages", "a name that some servers read all the same", { MAX_TOKENS: 64_000 }],
  ["messages", "a letter that folds to another", { "max_to\u212Aens": 64_000 }],
  ["messages", "a tool's type in capitals", { tools: [{ name: "x", Type: "web_search_20250305" }] }],
  ["chat", "a picture by its address", user({ type: "image_url", image_url: { url: "https://evil.example/?secret" } })],
  ["chat", "a kept file", user({ type: "file", file: { file_id: "f" } })],
  ["chat", "sound", user({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } })],
  ["chat", "answers counted in quotes", { n: "8" }],
  ["chat", "a stream that is no yes or no", { stream: "true" }],
  ["chat", "sound for an answer", { modalities: "audio" }],
  ["chat", "a model that searches", { model: "openai/gpt-5.2:online" }],
  ["chat", "a router's preset", { preset: "dear" }],
  ["chat", "a router's own tool", { tools: [{ type: "openrouter:web_search" }] }],
  [
    "responses",
    "a picture by its address",
    { input: [{ role: "user", content: [{ type: "input_image", image_url: "https://e.example" }] }] },
  ],
  [
    "responses",
    "a document by its address",
    { input: [{ content: [{ type: "input_file", file_url: "https://e.example" }] }] },
  ],
  ["responses", "a kept item", { input: [{ type: "item_reference", id: "rs_1" }] }],
  [
    "responses",
    "a tool that comes with the conversation",
    { input: [{ type: "additional_tools", tools: [{ type: "web_search" }] }] },
  ],
  [
    "responses",
    "a tool in a group",
    { tools: [{ type: "namespace", name: "n", tools: [{ type: "code_interpreter" }] }] },
  ],
  ["responses", "a shell at the provider's", { tools: [{ type: "shell", environment: { type: "container_auto" } }] }],
  ["responses", "a yes that is no yes", { background: 1 }],
  ["gemini", "a file by its address", contents({ fileData: { fileUri: "https://youtu.be/x", mimeType: "video/mp4" } })],
  ["gemini", "a file by its address, spelled otherwise", contents({ file_data: { file_uri: "https://e.example" } })],
  [
    "gemini",
    "a file in what a function answered",
    contents({ functionResponse: { parts: [{ fileData: { fileUri: "https://e" } }] } }),
  ],
  ["gemini", "film", contents({ inlineData: { mimeType: "video/mp4", data: "AAAA" } })],
  ["gemini", "kept content, spelled otherwise", { cached_content: "cachedContents/1" }],
  ["gemini", "a picture for an answer, spelled otherwise", { generation_config: { response_modalities: ["IMAGE"] } }],
  ["gemini", "answers counted in quotes", { generationConfig: { candidateCount: "8" } }],
  ["gemini", "two spellings of one field", { generationConfig: { candidateCount: 1, candidate_count: 8 } }],
  ["gemini", "two spellings of one part", { generationConfig: {}, generation_config: { candidateCount: 8 } }],
]

test.each(acting)("%s: %s is not served", (wire, _, body) => {
  expect(beyond(wire, body)).toEqual(expect.any(String))
})

/** What agents send. */
const honest: [WireName, string, Json][] = [
  [
    "messages",
    "tools of the agent's",
    {
      tools: [
        { name: "a", input_schema: { properties: { file_url: { type: "string" } } } },
        { type: "bash_20250124", name: "bash" },
      ],
    },
  ],
  [
    "messages",
    "a call with an address in it",
    {
      messages: [
        {
          role: "assistant",
          content: [
            {
              type: "tool_use",
              name: "fetch",
              input: {
                url: "https://a.example",
                file_url: "https://a.example",
                type: "web_search",
                tools: [{ type: "x" }],
              },
            },
          ],
        },
      ],
    },
  ],
  ["messages", "a picture", user({ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } })],
  ["messages", "words of an address", user({ type: "text", text: 'see https://a.example {"file_url": "x"}' })],
  [
    "messages",
    "what was searched before, with its address",
    user({ type: "search_result", source: "https://a.example", content: [] }),
  ],
  [
    "messages",
    "thinking that is cleared",
    { context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } },
  ],
  ["chat", "a picture", user({ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } })],
  [
    "chat",
    "functions, and nothing where something may stand",
    {
      tools: [{ type: "function", function: { name: "f" } }],
      n: null,
      modalities: ["text"],
      plugins: [],
      models: null,
    },
  ],
  [
    "responses",
    "tools of the agent's",
    {
      input: [
        {
          type: "additional_tools",
          tools: [{ type: "namespace", tools: [{ type: "custom", name: "exec" }, { type: "function" }] }],
        },
      ],
    },
  ],
  [
    "responses",
    "calls and what they gave",
    {
      input: [
        { type: "custom_tool_call", input: "fetch('https://a.example')" },
        { type: "web_search_call", action: { type: "open_page", url: "https://a.example" } },
      ],
    },
  ],
  ["gemini", "functions, spelled as its servers do", { tools: [{ function_declarations: [] }] }],
  [
    "gemini",
    "what a function answered, in any words",
    contents({ functionResponse: { name: "f", response: { file_url: "https://a.example", Type: "x" } } }),
  ],
  ["gemini", "a call in any words", contents({ functionCall: { name: "f", args: { fileUri: "https://a.example" } } })],
]

test.each(honest)("%s: %s is served", (wire, _, body) => {
  expect(beyond(wire, body)).toBeUndefined()
})

test("gemini: what is sent on has one spelling of each name", () => {
  const body = {
    system_instruction: {},
    generation_config: { max_output_tokens: 5, thinking_config: { thinking_budget: 9 } },
  }
  expect(wires.gemini.prepared(body)).toEqual({
    systemInstruction: {},
    generationConfig: { maxOutputTokens: 5, thinkingConfig: { thinkingBudget: 9 } },
  })
})

test("messages: what is shortened on the way is read twice, and all passes are counted", () => {
  const body = { max_tokens: 50, context_management: { edits: [{ type: "compact_20260112" }] } }
  expect(wires.messages.ask(body, route)).toMatchObject({ answers: 2, output: 50 })
  const usage = {
    input_tokens: 10,
    output_tokens: 5,
    iterations: [
      { input_tokens: 900, output_tokens: 70 },
      { input_tokens: 10, output_tokens: 5 },
    ],
  }
  expect(wires.messages.read({ type: "message_delta", usage })).toMatchObject({ usage: { in: 910, out: 75 } })
})
