import type { IncomingMessage, ServerResponse } from "node:http"
import { ownPrice, type Prices, type Tariff } from "../price.ts"
import { type Admitted, admit } from "./admit.ts"
import { readBody, refuse } from "./answer.ts"
import { forward, type Sent } from "./forward.ts"
import { type Json, parseObject } from "./json.ts"
import type { GatewayLimits } from "./limits.ts"
import { type Line, openLine, tokensOf } from "./line.ts"
import type { Measures } from "./measures.ts"
import { charged } from "./meter.ts"
import type { OpenPass } from "./pass.ts"
import type { Senders } from "./senders.ts"
import type { Tariffs } from "./tariffs.ts"
import { type Upstream, type Upstreams, upstreamFor } from "./upstreams.ts"
import type { Ask, Route, Wire } from "./wires/wire.ts"

/** What every exchange needs of the gateway. */
export type Gate = {
  upstreams: Upstreams
  prices: Prices
  limits: GatewayLimits
  senders: Senders
  tariffs: Tariffs
  measures: Measures
}

/** One request of an agent that has a pass. */
export type Call = {
  request: IncomingMessage
  response: ServerResponse
  pass: OpenPass
  wire: Wire
  route: Route
  query: URLSearchParams
}

type Refused = { status: number; why: string; policy?: true }
type Talk = Call & { gate: Gate; line: Line; signal: AbortSignal; size: { bytes: number } }
type Bound = Talk & { upstream: Upstream; body: Json | undefined }

/**
 * One exchange between an agent and its model: set aside, forward, settle, note. It is settled exactly once, whoever ends
 * it: by what the provider reported, or by estimate where the answer was cut.
 */
export async function exchange(call: Call, gate: Gate): Promise<void> {
  const { pass, response, wire, route } = call
  const line = openLine(wire.name, route.path)
  const ended = new AbortController()
  const size = { bytes: 0 }
  const end = (by: "client" | "revoked") => {
    if (ended.signal.aborted || response.writableFinished) return
    line.cutBy(by)
    ended.abort()
    // Also where the request has not come whole yet.
    if (by === "revoked") response.destroy()
  }
  const revoked = () => end("revoked")
  pass.begin(revoked)
  pass.requests.now++
  response.once("close", () => end("client"))
  try {
    const refused = await converse({ ...call, gate, line, signal: ended.signal, size })
    if (refused !== undefined) {
      line.add({ status: refused.status, refused: refused.why })
      if (refused.policy) pass.remember({ refused: refused.why })
      refuse(response, wire, refused.status, refused.why)
    }
  } finally {
    pass.requests.now--
    pass.requests.bytes -= size.bytes
    // Cut in the middle: the agent must not take it for a whole answer.
    if (!response.writableEnded) response.destroy()
    pass.note(line.close())
    pass.leave(revoked)
  }
}

async function converse(talk: Talk): Promise<Refused | undefined> {
  const { pass, request, wire, route, gate, line } = talk
  const { limits } = gate
  const closed = pass.closed()
  if (closed !== undefined) return { status: finalStatus(wire), why: closed.is === "ceiling" ? closed.why : OVER }
  if (pass.requests.now > limits.parallel)
    return { status: 429, why: `Flyball: more than ${limits.parallel} requests of this attempt at once.` }
  const upstream = upstreamFor(gate.upstreams, wire.name, pass.options.provider)
  if (upstream === undefined) return { status: 400, why: noProvider(wire, pass), policy: true }
  line.add({ provider: upstream.name })

  const room = (bytes: number) => {
    pass.requests.bytes += bytes
    talk.size.bytes += bytes
    return pass.requests.bytes <= limits.requestsBytes
  }
  const read = request.method === "GET" ? undefined : await readBody(request, limits.requestBytes, room)
  if (read?.is === "gone") return undefined
  if (read?.is === "too large")
    return { status: 413, why: `Flyball: the request is larger than ${limits.requestBytes / 1024 / 1024} MB.` }
  if (read?.is === "unreadable") return { status: 400, why: "Flyball: the encoding of the request can't be read." }
  const body = read === undefined ? undefined : parseObject(read.bytes.toString("utf8"))
  if (read !== undefined && body === undefined)
    return { status: 400, why: "Flyball: the body of the request is no JSON object." }
  if (body !== undefined && route.does === "generate") return generate({ ...talk, upstream, body })
  // Counting and listing cost nothing, and yet a provider may be asked to fetch something for it.
  const { beyond } = body === undefined ? {} : wire.ask(body, route)
  if (beyond !== undefined) return notServed(beyond)
  const sent = await forward({ ...talk, upstream, body, metered: false }, gate)
  await sent.over
  return concluded(talk, sent, undefined)
}

async function generate(bound: Bound & { body: Json }): Promise<Refused | undefined> {
  const { pass, wire, route, gate, line, upstream, body, signal } = bound
  const asked = wire.ask(body, route)
  const ask = { ...asked, input: gate.measures.corrected(measured(upstream, asked), asked.input) }
  line.add({ model: ask.model })
  if (ask.model === "") return { status: 400, why: "Flyball: the request names no model." }
  if (ask.beyond !== undefined) return notServed(ask.beyond)
  const { tariff, prices } = await gate.tariffs.of(ask.model, upstream)
  if (tariff === undefined && pass.options.usd !== undefined) return closing(bound, unknownPrice(ask, upstream))
  const admitted = await admit(pass, ask, { tariff, prices }, signal)
  if (admitted.is === "gone") return undefined
  // It may have been closed while this one waited for its turn.
  const closed = pass.closed()
  if (closed !== undefined) {
    if (admitted.is === "admitted") admitted.hold.settle(NOTHING)
    return { status: finalStatus(wire), why: closed.is === "ceiling" ? closed.why : OVER }
  }
  if (admitted.is === "refused") return closing(bound, admitted.why)
  return spendOn(bound, ask, { ...admitted, tariff, prices, estimate: asked.input })
}

type Granted = Extract<Admitted, { is: "admitted" }> & {
  tariff: Tariff | undefined
  prices: Prices
  /** Of its input, before it was corrected. */
  estimate: number
}

function measured({ name }: Upstream, { model }: Ask): string {
  return `${name} ${model}`
}

async function spendOn(bound: Bound & { body: Json }, ask: Ask, granted: Granted): Promise<Refused | undefined> {
  const { wire, gate, line, body, signal } = bound
  const { hold, lowered, output } = granted
  line.add({ reservedUsd: hold.usd, ...(lowered === undefined ? {} : { lowered }) })
  const sent = forward(
    { ...bound, body: wire.prepared(lowered === undefined ? body : wire.lowered(body, output)), metered: true },
    gate,
  )
  // Settled at once when it is cut, so that who revokes a pass can read what it has spent.
  const settle = () => charge(bound, ask, granted, sent)
  signal.addEventListener("abort", settle, { once: true })
  try {
    await sent.over
  } finally {
    settle()
    signal.removeEventListener("abort", settle)
  }
  return concluded(bound, sent, ask.model)
}

/** Charges what a request cost, once. */
function charge({ pass, line, gate, upstream }: Bound, ask: Ask, granted: Granted, sent: Sent): void {
  const { hold, output, tariff, prices, estimate } = granted
  if (!hold.isOpen()) return
  const { reached, status, tally, cut, ranMs } = sent.facts()
  // A provider that refuses or fails before it answers does not bill.
  if (!reached || status >= 300) {
    hold.settle(NOTHING)
    return
  }
  const { usage, basis } = charged(tally, {
    input: ask.input,
    output: output * ask.answers,
    ranMs,
    // Who asked for a whole answer and went away may be billed for all of it.
    cut: cut === undefined ? "no" : ask.streams ? "streamed" : "whole",
  })
  const tokens = tokensOf(usage)
  if (tally.told.in)
    gate.measures.learn(measured(upstream, ask), estimate, tokens.in + tokens.cacheRead + tokens.cacheWrite)
  const listed = tariff?.({ ...tokens, cacheWriteLong: usage.cacheWriteLong }) ?? 0
  // A router that says what it charges may have bought elsewhere than the list says. The user's own word stands above both.
  const usd = ownPrice(ask.model, prices) === undefined ? Math.max(listed, tally.usd) : listed
  hold.settle({ usd, tokens: tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite })
  const spend = { tokens, usd, basis: tariff === undefined ? "unknown" : basis } as const
  pass.charge(spend)
  line.add({ ...spend, ...(usage.reasoning > 0 ? { reasoning: usage.reasoning } : {}) })
}

/** Notes how it went, and says what to answer where the provider could not be reached. */
function concluded({ pass, line, signal }: Talk, sent: Sent, model: string | undefined): Refused | undefined {
  const { status, firstMs, tally, cut, quota, retryAfterMs, trouble = tally.failed } = sent.facts()
  line.add({
    status,
    ...(firstMs === undefined ? {} : { firstMs }),
    ...(trouble === undefined ? {} : { trouble: trouble.slice(0, MOST_TOLD) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
  // Whoever went away is no trouble of the provider's.
  if (signal.aborted) return undefined
  if (cut !== undefined) line.cutBy(cut)
  if (quota !== undefined) pass.remember({ quota: model === undefined ? quota : { ...quota, model } })
  else if (trouble !== undefined) pass.remember({ trouble: trouble.slice(0, MOST_TOLD) })
  else if (model !== undefined && status < 300) pass.remember({ healed: model })
  return status === 0 ? { status: cut === "idle" ? 504 : 502, why: `Flyball: ${trouble ?? "no answer"}` } : undefined
}

function notServed(beyond: string): Refused {
  return { status: 400, why: `Flyball: not served here: ${beyond}.`, policy: true }
}

const NOTHING = { usd: 0, tokens: 0 }
/** Of what a provider says in an error. */
const MOST_TOLD = 300
const OVER = "Flyball: this attempt is over; nothing more is served."

function closing({ pass, wire }: Call, why: string): Refused {
  pass.reachCeiling(why)
  return { status: finalStatus(wire), why }
}

/**
 * The status that this wire's agents take for the last word. It is 400 for all; but on 400 Claude Code tries four times
 * more with less and less in the request, and on 403 it stops.
 */
function finalStatus({ name }: Wire): number {
  return name === "messages" ? 403 : 400
}

function unknownPrice({ model }: Ask, { name }: Upstream): string {
  return `Flyball: nobody knows what the model ${JSON.stringify(model.slice(0, 100))} costs, and this attempt has a ceiling in dollars. Say it in providers.yaml: \`prices: { ${JSON.stringify(model.slice(0, 100))}: { in: 3, out: 15 } }\` (dollars per million tokens), there or under the provider \`${name}\`.`
}

function noProvider({ name }: Wire, { options }: OpenPass): string {
  if (options.provider !== undefined)
    return `Flyball: providers.yaml has no provider \`${options.provider}\` that speaks \`${name}\`.`
  const keys = {
    messages: "ANTHROPIC_API_KEY",
    responses: "OPENAI_API_KEY",
    chat: "OPENAI_API_KEY",
    gemini: "GEMINI_API_KEY",
  }
  return `Flyball: no provider speaks \`${name}\` here: set ${keys[name]}, or add one to providers.yaml.`
}
