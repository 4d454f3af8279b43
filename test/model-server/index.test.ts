import { LLMock } from "@copilotkit/aimock"
import { createParser } from "eventsource-parser"
import { expect, test } from "vitest"
import { type Intent, type Script, startModelServer, type Turn } from "./index.ts"

/*
 * The scripted model server is what the gateway and the adapters are tested against, so it is tested itself: against
 * its own script, and against a server that other people wrote.
 */

const parameters = { type: "object", properties: { file_path: {}, content: {}, command: {} }, required: ["file_path"] }
const messages = [{ role: "user", content: "hello" }]

/** One request of each wire that offers the tools `read_file` and `bash`. */
const wires = {
  anthropic: (stream: boolean) => ({
    path: "/v1/messages?beta=true",
    body: {
      model: "m",
      max_tokens: 100,
      stream,
      messages,
      tools: tools((name) => ({ name, input_schema: parameters })),
    },
  }),
  chat: (stream: boolean) => ({
    path: "/v1/chat/completions",
    body: {
      model: "m",
      stream,
      messages,
      tools: tools((name) => ({ type: "function", function: { name, parameters } })),
      ...(stream ? { stream_options: { include_usage: true } } : {}),
    },
  }),
  responses: (stream: boolean) => ({
    path: "/v1/responses",
    body: { model: "m", stream, input: messages, tools: tools((name) => ({ type: "function", name, parameters })) },
  }),
  gemini: (stream: boolean) => ({
    path: `/v1beta/models/m:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: {
      contents: [{ role: "user", parts: [{ text: "hello" }] }],
      tools: [{ functionDeclarations: tools((name) => ({ name, parameters })) }],
    },
  }),
}
type WireName = keyof typeof wires
const names: WireName[] = ["anthropic", "chat", "responses", "gemini"]

function tools<T>(worded: (name: string) => T): T[] {
  return ["read_file", "write_file", "bash"].map(worded)
}

async function ask(url: string, wire: WireName, stream = true, signal?: AbortSignal) {
  const { path, body } = wires[wire](stream)
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer key-1" },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    events: stream ? eventsOf(text) : [JSON.parse(text)],
  }
}

function eventsOf(text: string): Record<string, unknown>[] {
  const events: Record<string, unknown>[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== "[DONE]") events.push(JSON.parse(data))
    },
  })
  parser.feed(text)
  return events
}

const read: Intent = { do: "read", path: "a.txt" }
const script = (...turns: [Turn, ...Turn[]]): Script => ({ turns })

test.each(names.flatMap((wire) => [true, false].map((stream) => ({ wire, stream }))))(
  "$wire, stream $stream: text, a call of the tool that was offered, and usage go out, and the request is kept",
  async ({ wire, stream }) => {
    const usage = { in: 7, out: 11, cacheRead: 5, cacheWrite: 0, reasoning: 2 }
    await using server = await startModelServer(script({ text: "I look.", reasoning: "hm", tools: [read], usage }))
    const { status, text } = await ask(server.url, wire, stream)
    expect(status).toBe(200)
    // Gemini counts thoughts apart.
    for (const part of ["read_file", "file_path", wire === "gemini" ? ":9" : ":11", ":5"]) expect(text).toContain(part)
    expect(server.requests).toMatchObject([
      { method: "POST", wire, model: "m", token: "key-1", turn: 0, status: 200, usage, ended: "whole" },
    ])
  },
)

test.each(names)(
  "%s: an error has the status, the wait and the shape of its wire, and passes when it is through",
  async (wire) => {
    const fault = { is: "status", status: 429, retryAfterS: 3, message: "slow down", times: 1 } as const
    await using server = await startModelServer(script({ text: "ok", fault }))
    const refused = await ask(server.url, wire, false)
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"])
    expect(JSON.parse(refused.text)).toMatchObject({ error: { message: "slow down" } })
    expect((await ask(server.url, wire)).status).toBe(200)
  },
)

test.each(names)(
  "%s: a cut stream breaks off, garbage is no protocol, and silence lasts until the client leaves",
  async (wire) => {
    await using server = await startModelServer(script({ text: "long", fault: { is: "cut", afterEvents: 1 } }))
    await expect(ask(server.url, wire)).rejects.toThrow()
    await expect(ask(server.url, wire, false)).rejects.toThrow()
    server.script(script({ fault: { is: "garbage" } }))
    await expect(ask(server.url, wire, false)).rejects.toThrow()
    server.script(script({ fault: { is: "hang", afterEvents: 0 } }))
    await expect(ask(server.url, wire, true, AbortSignal.timeout(300))).rejects.toThrow()
    await expect.poll(() => server.requests.map(({ ended }) => ended)).toEqual(["cut", "cut", "cut", "left"])
  },
)

test("what offers no tools is told what is said aside, and what is asked besides is answered", async () => {
  await using server = await startModelServer({ turns: [{ text: "turn" }], aside: { text: "A title" } })
  const post = (path: string, body: object) =>
    fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) }).then((response) => response.text())
  expect(await post("/v1/messages", { model: "m", messages })).toContain("A title")
  expect(await post("/v1/messages/count_tokens", { model: "m", messages })).toBe('{"input_tokens":1000}')
  expect(await post("/v1beta/models/m:countTokens", {})).toBe('{"totalTokens":1000}')
  expect((await fetch(`${server.url}/v1/models`)).status).toBe(200)
  expect(server.asked()).toHaveLength(1)
})

test.each(names.flatMap((wire) => [true, false].map((stream) => ({ wire, stream }))))(
  "$wire, stream $stream: every field that an independent server sends is sent here too",
  async ({ wire, stream }) => {
    const theirs = new LLMock({ port: 0 })
    const call = { name: "read_file", arguments: '{"file_path":"a.txt"}' }
    theirs.onMessage("hello", { content: "I look.", toolCalls: [call] })
    await theirs.start()
    try {
      await using ours = await startModelServer(script({ text: "I look.", tools: [read] }))
      const [other, own] = [await ask(theirs.url, wire, stream), await ask(ours.url, wire, stream)]
      const missing = [...fieldsOf(other.events)].filter((field) => !fieldsOf(own.events).has(field))
      expect(missing).toEqual([])
    } finally {
      await theirs.stop()
    }
  },
)

/** Every path of names in the events, each after its event's type. */
function fieldsOf(events: readonly Record<string, unknown>[]): Set<string> {
  const fields = new Set<string>()
  const walk = (value: unknown, path: string) => {
    if (Array.isArray(value)) for (const each of value) walk(each, `${path}[]`)
    else if (typeof value === "object" && value !== null)
      for (const [name, inner] of Object.entries(value)) walk(inner, `${path}.${name}`)
    fields.add(path)
  }
  for (const event of events) walk(event, String(event.type ?? "event"))
  return fields
}
