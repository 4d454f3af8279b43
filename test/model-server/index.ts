import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { setTimeout as wait } from "node:timers/promises"
import { anthropic } from "./anthropic.ts"
import { chat } from "./chat.ts"
import { gemini } from "./gemini.ts"
import { callOf } from "./intents.ts"
import { responses } from "./responses.ts"
import { type Asked, type Script, type ServedUsage, type Turn, usualUsage } from "./script.ts"

/*
 * A model that does what a script says, for tests of agents and of the gateway. It listens on loopback and speaks
 * Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini, streaming or not, with `count_tokens`,
 * `countTokens` and the lists of models. A script is data (script.ts): per turn a text, calls of tools by intent (each
 * agent's own tools are found among those it offers), usage, and a fault: a status, a cut stream, silence, garbage.
 * Which turn a request gets follows from its own history, so retries and requests at once need no state. Every request
 * is kept with its headers, body and token, and with what it was told it used, for the test to compare.
 *
 *     await using server = await startModelServer({ turns: [{ tools: [{ do: "read", path: "a.txt" }] }, { text: "Done." }] })
 *     // ANTHROPIC_BASE_URL=server.url; GOOGLE_GEMINI_BASE_URL=server.url; OPENAI_BASE_URL=`${server.url}/v1`
 */

export type { Fault, Intent, Script, ServedUsage, Turn } from "./script.ts"

/** A request as it came, and what became of it. */
export type ServedRequest = {
  at: number
  method: string
  /** With the query. */
  path: string
  headers: Record<string, string>
  /** Parsed; the text where it is no JSON; undefined without one. */
  body: unknown
  /** The key that it came with, whatever header held it. */
  token: string | undefined
  wire: WireName | undefined
  model: string | undefined
  /** Which turn of the script it got; -1 for an aside, undefined for what is no request for an answer. */
  turn: number | undefined
  status: number
  /** What the answer said was used; undefined where no answer went out whole. */
  usage: ServedUsage | undefined
  /** How it went out. `left`: the client closed before the end. */
  ended: "open" | "whole" | "cut" | "left"
  /** Why the script could not be played. */
  trouble?: string
}

export type ModelServer = AsyncDisposable & {
  /** `http://127.0.0.1:PORT`, without a path. */
  url: string
  requests: ServedRequest[]
  /** The requests for an answer, of the turns and asides alike. */
  asked(): ServedRequest[]
  /** Replaces the script, for what comes from now on. */
  script(script: Script): void
  close(): Promise<void>
}

const wires = { anthropic, responses, chat, gemini }
type WireName = keyof typeof wires

/** Starts the server on a free port of 127.0.0.1. */
export async function startModelServer(script: Script): Promise<ModelServer> {
  const requests: ServedRequest[] = []
  let current = script
  let faults = new Map<Turn, number>()
  const server = createServer((request, response) => {
    const serve = async () => {
      const kept = await keep(request)
      requests.push(kept)
      response.on("close", () => {
        if (kept.ended === "open") kept.ended = "left"
      })
      try {
        await answer(kept, response, { script: current, faults, id: String(requests.length) })
      } catch (thrown) {
        // A script that can't be played: the test should see why, in the request and in what the agent was told.
        kept.trouble = String(thrown)
        if (response.headersSent) response.destroy()
        else finish(kept, response, 500, wires[kept.wire ?? "anthropic"].error(500, kept.trouble))
      }
    }
    serve().catch(() => response.destroy())
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    asked: () => requests.filter(({ turn }) => turn !== undefined),
    script(next) {
      current = next
      faults = new Map()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Playing = { script: Script; faults: Map<Turn, number>; id: string }

async function answer(kept: ServedRequest, response: ServerResponse, playing: Playing): Promise<void> {
  const wire = wires[kept.wire ?? "anthropic"]
  if (kept.wire === undefined || kept.method !== "POST") return finish(kept, response, ...besides(kept))
  let asked: Asked
  try {
    asked = wire.read(kept.body, kept.path)
  } catch (thrown) {
    return finish(kept, response, 400, wire.error(400, `not a request of this wire: ${String(thrown)}`))
  }
  const { turn, at } = turnFor(asked, playing.script)
  kept.model = asked.model
  kept.turn = at
  const fault = faultOf(turn, playing)
  if (fault?.is === "status") {
    if (fault.retryAfterS !== undefined) response.setHeader("retry-after", String(fault.retryAfterS))
    return finish(kept, response, fault.status, wire.error(fault.status, fault.message ?? `scripted ${fault.status}`))
  }
  if (fault?.is === "garbage") {
    response.writeHead(200, { "content-type": asked.stream ? "text/event-stream" : "application/json" })
    response.end("\u0000\u0001}{ this is no protocol\n\ndata: {half a line\n\n")
    return ended(kept, "cut")
  }
  const ready = readyFor(turn, asked, playing.id)
  if (turn.firstMs !== undefined) await wait(turn.firstMs)
  if (response.destroyed) return
  const limit = fault === undefined ? undefined : { is: fault.is, events: fault.afterEvents }
  if (!asked.stream) return wholeBody(kept, response, wire.whole(ready), limit, ready.usage)
  await stream(kept, response, {
    events: wire.events(ready, asked),
    dripMs: turn.dripMs ?? 0,
    limit,
    usage: ready.usage,
  })
}

type Limit = { is: "cut" | "hang"; events: number } | undefined

async function stream(
  kept: ServedRequest,
  response: ServerResponse,
  {
    events,
    dripMs,
    limit,
    usage,
  }: { events: { event?: string; data: unknown }[]; dripMs: number; limit: Limit; usage: ServedUsage },
): Promise<void> {
  if (limit?.is === "hang" && limit.events === 0) return
  kept.status = 200
  // Without `alt=sse` Gemini streams one long JSON list.
  const list = kept.wire === "gemini" && !kept.path.includes("alt=sse")
  response.writeHead(200, { "content-type": list ? "application/json" : "text/event-stream; charset=utf-8" })
  response.flushHeaders()
  const told = limit === undefined ? events : events.slice(0, limit.events)
  const words = (at: number) =>
    list ? `${at === 0 ? "[" : ","}${JSON.stringify(events[at]?.data)}` : eventText(events[at])
  if (dripMs === 0) response.write(told.map((_, at) => words(at)).join(""))
  else
    for (const at of told.keys()) {
      if (response.destroyed) return
      response.write(words(at))
      await wait(dripMs)
    }
  if (limit?.is === "hang") return
  if (limit?.is === "cut") return cut(kept, response)
  kept.usage = usage
  ended(kept, "whole")
  response.end(list ? "]" : "")
}

function wholeBody(
  kept: ServedRequest,
  response: ServerResponse,
  body: unknown,
  limit: Limit,
  usage: ServedUsage,
): void {
  if (limit?.is === "hang") return
  if (limit === undefined) {
    kept.usage = usage
    finish(kept, response, 200, body)
    return
  }
  const text = JSON.stringify(body)
  kept.status = 200
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
  response.write(text.slice(0, text.length / 2))
  cut(kept, response)
}

function cut(kept: ServedRequest, response: ServerResponse): void {
  ended(kept, "cut")
  // What was written goes out first; then the line is dead.
  response.write("", () => setImmediate(() => response.destroy()))
}

/** What agents ask beside answers: how long a prompt is, and which models there are. */
function besides({ path, method }: ServedRequest): [status: number, body: unknown] {
  if (path.includes("count_tokens")) return [200, { input_tokens: usualUsage.in }]
  if (path.includes(":countTokens")) return [200, { totalTokens: usualUsage.in }]
  if (method === "GET" && path.startsWith("/v1beta/models")) return [200, { models: [{ name: "models/scripted" }] }]
  if (method === "GET" && path.startsWith("/v1/models"))
    return [200, { object: "list", data: [{ id: "scripted", object: "model" }], has_more: false }]
  return method === "HEAD" ? [200, undefined] : [404, { error: { message: `nothing is served at ${path}` } }]
}

function turnFor(asked: Asked, { turns, aside }: Script): { turn: Turn; at: number } {
  if (aside !== undefined && asked.tools.length === 0) return { turn: aside, at: -1 }
  const at = Math.min(asked.rounds, turns.length - 1)
  return { turn: turns[at] ?? turns[0], at }
}

function faultOf(turn: Turn, { faults }: Playing): Turn["fault"] {
  const suffered = faults.get(turn) ?? 0
  faults.set(turn, suffered + 1)
  return suffered < (turn.fault?.times ?? Number.POSITIVE_INFINITY) ? turn.fault : undefined
}

function readyFor(turn: Turn, asked: Asked, id: string) {
  const usage = { ...usualUsage, ...turn.usage }
  if (turn.capped === true) usage.out = Math.min(usage.out, asked.maxOut ?? Number.POSITIVE_INFINITY)
  return {
    id,
    model: asked.model,
    text: turn.text ?? "",
    reasoning: turn.reasoning ?? "",
    refusal: turn.refusal ?? false,
    calls: (turn.tools ?? []).map((intent, at) => callOf(intent, asked.tools, `${id}_${at}`)),
    usage,
  }
}

async function keep(request: IncomingMessage): Promise<ServedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
  const path = request.url ?? "/"
  return {
    at: performance.now(),
    method: request.method ?? "GET",
    path,
    headers,
    body: parsed(Buffer.concat(chunks).toString()),
    token: tokenOf(headers, path),
    wire: wireOf(path),
    model: undefined,
    turn: undefined,
    status: 0,
    usage: undefined,
    ended: "open",
  }
}

function wireOf(path: string): WireName | undefined {
  const plain = path.split("?")[0] ?? ""
  if (plain.endsWith("/messages")) return "anthropic"
  if (plain.endsWith("/responses")) return "responses"
  if (plain.endsWith("/chat/completions")) return "chat"
  return /:(stream)?generateContent$/i.test(plain) ? "gemini" : undefined
}

function tokenOf(headers: Record<string, string>, path: string): string | undefined {
  const bearer = headers.authorization?.replace(/^Bearer /i, "")
  const inQuery = new URL(path, "http://127.0.0.1").searchParams.get("key")
  return headers["x-api-key"] ?? headers["x-goog-api-key"] ?? bearer ?? inQuery ?? undefined
}

function parsed(text: string): unknown {
  if (text === "") return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function finish(kept: ServedRequest, response: ServerResponse, status: number, body: unknown): void {
  kept.status = status
  ended(kept, "whole")
  send(response, status, body)
}

function ended(kept: ServedRequest, how: ServedRequest["ended"]): void {
  kept.ended = how
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

function eventText(event: { event?: string; data: unknown } | undefined): string {
  if (event === undefined) return ""
  const data = typeof event.data === "string" ? event.data : JSON.stringify(event.data)
  return `${event.event === undefined ? "" : `event: ${event.event}\n`}data: ${data}\n\n`
}
