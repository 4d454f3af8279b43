import { request } from "node:http"
import type { WireName } from "./wires/wire.ts"

/*
 * For tests: an agent's requests, one for each wire, as plain HTTP.
 */

/** An answer as the agent got it. `whole` is false where the connection ended before the answer did. */
export type Answered = { status: number; headers: Record<string, unknown>; text: string; whole: boolean }

export type Asking = {
  url: string
  token?: string
  stream?: boolean
  model?: string
  output?: number
  prompt?: string
  /** Added to the body. */
  more?: Record<string, unknown>
  signal?: AbortSignal
  headers?: Record<string, string>
  /** Told of each piece of the answer as it comes. */
  onChunk?: (text: string) => void
}

/** A model of each wire with a list price. */
export const listed: Record<WireName, string> = {
  messages: "claude-sonnet-5",
  responses: "gpt-5.2",
  chat: "gpt-5.2",
  gemini: "gemini-2.5-pro",
}

/** Asks a model by a wire, with the token where that wire's agents put it. */
export function ask(wire: WireName, asking: Asking): Promise<Answered> {
  const { path, body, headers } = requestOf(wire, asking)
  return post(`${asking.url}${path}`, JSON.stringify(body), { ...headers, ...asking.headers }, asking)
}

function requestOf(wire: WireName, { token = "none", stream = true, model, output, prompt = "Hello.", more }: Asking) {
  const name = model ?? listed[wire]
  const bearer = { authorization: `Bearer ${token}` }
  const messages = [{ role: "user", content: prompt }]
  switch (wire) {
    case "messages":
      return {
        path: "/v1/messages?beta=true",
        headers: { "x-api-key": token, "anthropic-version": "2023-06-01" },
        body: { model: name, stream, max_tokens: output ?? 4_096, messages, ...more },
      }
    case "responses": {
      const limit = output === undefined ? {} : { max_output_tokens: output }
      return { path: "/v1/responses", headers: bearer, body: { model: name, stream, input: prompt, ...limit, ...more } }
    }
    case "chat": {
      const limit = output === undefined ? {} : { max_completion_tokens: output }
      return {
        path: "/v1/chat/completions",
        headers: bearer,
        body: { model: name, stream, messages, ...limit, ...more },
      }
    }
    case "gemini": {
      const limit = output === undefined ? {} : { generationConfig: { maxOutputTokens: output } }
      const verb = stream ? "streamGenerateContent?alt=sse" : "generateContent"
      return {
        path: `/v1beta/models/${name}:${verb}`,
        headers: { "x-goog-api-key": token },
        body: { contents: [{ role: "user", parts: [{ text: prompt }] }], ...limit, ...more },
      }
    }
  }
}

/** One POST, read to its end or to where it broke. */
export function post(
  url: string,
  body: string,
  headers: Record<string, string>,
  { signal, onChunk }: { signal?: AbortSignal; onChunk?: (text: string) => void } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    })
    sent.once("error", reject)
    sent.once("response", (answer) => {
      let text = ""
      answer.setEncoding("utf8")
      answer.on("data", (chunk: string) => {
        text += chunk
        onChunk?.(chunk)
      })
      answer.on("error", () => {})
      answer.once("close", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, whole: answer.complete }),
      )
    })
    sent.end(body)
  })
}
