import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from "node:http"
import type { Readable } from "node:stream"
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib"
import type { Call, Gate } from "./exchange.ts"
import { answeredHeaders, forwardedHeaders } from "./headers.ts"
import type { Json } from "./json.ts"
import { type Meter, NOTHING_TOLD, openMeter, type Tally } from "./meter.ts"
import type { Quota } from "./metered.ts"
import { quotaOf, retryAfterMs } from "./quota.ts"
import { addressOf, credentialHeaders, secretsOf, type Upstream } from "./upstreams.ts"
import { openVeil, veiled } from "./veil.ts"

/** How a request went, at any moment. */
export type SentFacts = {
  /** Whether the provider may have got it. */
  reached: boolean
  /** The provider's status; 0 until there is one. */
  status: number
  tally: Tally
  /** Set once it ended before the answer was whole; `client` until somebody else turns out to have ended it. */
  cut: "upstream" | "idle" | "client" | undefined
  ranMs: number
  firstMs?: number
  trouble?: string
  quota?: Quota
  retryAfterMs?: number
}

/** A request under way: `over` resolves when it has ended, however; it never rejects. */
export type Sent = { over: Promise<void>; facts(): SentFacts }

export type Forwarding = Call & { upstream: Upstream; body: Json | undefined; metered: boolean; signal: AbortSignal }

/** Sends a request on with the user's key, and its answer back, piece by piece as it comes. */
export function forward(call: Forwarding, { senders, limits }: Gate): Sent {
  const begun = performance.now()
  let facts: Omit<SentFacts, "tally" | "ranMs"> = { reached: false, status: 0, cut: "client" }
  let meter: Meter | undefined
  const learn = (more: Partial<SentFacts>) => {
    facts = { ...facts, ...more }
  }
  const { promise: over, resolve: done } = settled()
  const { url, options, bytes } = requestOf(call)

  const fail = (error: Error, request: ClientRequest) => {
    if (call.signal.aborted) return done()
    const again =
      facts.status === 0 &&
      request.reusedSocket &&
      performance.now() - begun < STALE_MS &&
      "code" in error &&
      (error.code === "ECONNRESET" || error.code === "EPIPE")
    // The provider had closed a connection that was kept: it never saw the request. Later it may have, and have billed it.
    if (again) return start()
    learn({ cut: facts.cut === "idle" ? "idle" : "upstream", trouble: facts.trouble ?? explain(error, call.upstream) })
    done()
  }
  const start = () => {
    const request = senders.send(url, options)
    request.once("socket", (socket) => {
      if (request.reusedSocket || !socket.connecting) learn({ reached: true })
      else socket.once("connect", () => learn({ reached: true }))
    })
    request.setTimeout(limits.idleMs, () => {
      learn({ cut: "idle", trouble: `the provider sent nothing for ${Math.round(limits.idleMs / 1000)} s` })
      request.destroy(new Error("idle"))
    })
    request.on("error", (error) => fail(error, request))
    request.once("response", (answer) => {
      learn({ status: answer.statusCode ?? 502, firstMs: tenths(performance.now() - begun) })
      const broke = (error: unknown) => {
        fail(error instanceof Error ? error : new Error(String(error)), request)
        request.destroy()
      }
      if (facts.status >= 300) return void handOnError(call, answer, learn).then(done, broke)
      meter = call.metered ? openMeter(call.wire, answer.headers["content-type"] ?? "", limits.answerBytes) : undefined
      try {
        handOn(call, answer, meter, (ended) => {
          if (ended === "whole") learn({ cut: undefined })
          else if (!call.signal.aborted && facts.cut !== "idle")
            learn({ cut: "upstream", trouble: `the answer of the provider \`${call.upstream.name}\` broke off` })
          done()
        })
      } catch (error) {
        broke(error)
      }
    })
    call.signal.addEventListener("abort", () => request.destroy(), { once: true })
    request.end(bytes)
  }
  if (call.signal.aborted) done()
  else
    begin(start, (error) => {
      learn({ cut: "upstream", trouble: explain(error, call.upstream) })
      done()
    })
  return {
    over,
    facts: () => ({ ...facts, tally: meter?.tally() ?? NOTHING_TOLD, ranMs: performance.now() - begun }),
  }
}

/** A key or a header that HTTP can't carry is told when the request is made. */
function begin(start: () => void, fail: (error: Error) => void): void {
  try {
    start()
  } catch (error) {
    fail(error instanceof Error ? error : new Error(String(error)))
  }
}

function requestOf({ request, upstream, wire, route, query, body }: Forwarding) {
  // Written anew, so that what was checked is what is sent: a name that stands twice says one thing to one reader of
  // JSON, and another to the next.
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers: OutgoingHttpHeaders = {
    ...forwardedHeaders(request.headers),
    // What is metered is what is forwarded.
    "accept-encoding": "identity",
    ...(bytes === undefined ? {} : { "content-type": "application/json", "content-length": bytes.length }),
    ...credentialHeaders(upstream),
  }
  return {
    url: addressOf(upstream, wire.name, route, query),
    options: { method: request.method ?? "GET", headers },
    bytes,
  }
}

/** An answer to a request that was served: forwarded as it comes, no faster than the agent reads. */
function handOn(
  { response, upstream, signal }: Forwarding,
  answer: IncomingMessage,
  meter: Meter | undefined,
  over: (ended: "whole" | "broken") => void,
): void {
  const source = decoding(answer)
  const veil = openVeil(secretsOf(upstream))
  response.writeHead(
    answer.statusCode ?? 502,
    answeredHeaders(veiledHeaders(answer, upstream), { decoded: source !== answer }),
  )
  // What came with the headers goes out with them; if nothing did, they go alone.
  let silent = true
  setImmediate(() => {
    if (silent) response.flushHeaders()
  })
  response.on("drain", () => source.resume())
  source.on("data", (chunk: Buffer) => {
    silent = false
    const clean = veil.pass(chunk)
    // What is read of it is noted and told, too.
    meter?.feed(clean)
    if (!response.write(clean)) source.pause()
  })
  source.once("end", () => {
    const rest = veil.rest()
    meter?.feed(rest)
    meter?.end()
    response.end(rest)
    over("whole")
  })
  const broken = () => {
    if (!source.readableEnded) over("broken")
  }
  source.once("error", broken)
  answer.once("error", broken)
  answer.once("close", () => {
    if (!answer.complete) broken()
  })
  const left = () => {
    answer.destroy()
    // All of it may have come, and wait for an agent that no longer reads.
    broken()
  }
  signal.addEventListener("abort", left, { once: true })
}

/** An answer that is an error: read whole, looked through, remembered, and handed on once as it is. */
async function handOnError(
  { response, upstream, wire }: Forwarding,
  answer: IncomingMessage,
  learn: (facts: Partial<SentFacts>) => void,
): Promise<void> {
  const status = answer.statusCode ?? 502
  const text = veiled(await readAll(decoding(answer), MOST_ERROR_BYTES), secretsOf(upstream))
  const now = Date.now()
  const quota = quotaOf(status, answer.headers, text, now)
  const waitMs = retryAfterMs(status, answer.headers, text, now)
  const own = ownWords(status, upstream)
  learn({
    cut: undefined,
    ...(quota === undefined ? {} : { quota }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(quota !== undefined
      ? {}
      : own !== undefined
        ? { trouble: own }
        : status >= 500
          ? { trouble: `${upstream.name} answered ${status}` }
          : {}),
  })
  const body = own === undefined ? text : JSON.stringify(wire.refusal(status < 400 ? 502 : status, `Flyball: ${own}`))
  if (response.destroyed || response.headersSent) return
  const { location: _, ...headers } = answeredHeaders(veiledHeaders(answer, upstream), { decoded: true })
  response.writeHead(status < 400 ? 502 : status, {
    ...headers,
    ...(own === undefined ? {} : { "content-type": "application/json" }),
    "content-length": Buffer.byteLength(body),
  })
  response.end(body)
}

/** In this time a connection that was closed already is found out. */
const STALE_MS = 2_000
const MOST_ERROR_BYTES = 1024 * 1024

/** What is said in a provider's place: its own words on a key tell some of it, and a redirect leads past the gateway. */
function ownWords(status: number, { name }: Upstream): string | undefined {
  if (status < 400)
    return `the provider \`${name}\` redirects (${status}); give the address it leads to as its base_url`
  if (status === 401) return `the provider \`${name}\` did not accept the key (401)`
  return status === 407 ? `a proxy before the provider \`${name}\` asks for a password (407)` : undefined
}

function veiledHeaders(answer: IncomingMessage, upstream: Upstream): IncomingMessage["headers"] {
  const secrets = secretsOf(upstream)
  const clean = (value: string | string[] | undefined) =>
    Array.isArray(value)
      ? value.map((one) => veiled(one, secrets))
      : value === undefined
        ? value
        : veiled(value, secrets)
  return Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, clean(value)]))
}

/** Some servers compress though nobody asked: it is forwarded as it is metered, decoded. */
function decoding(answer: IncomingMessage): Readable {
  switch (answer.headers["content-encoding"]?.toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return answer.pipe(createGunzip())
    case "br":
      return answer.pipe(createBrotliDecompress())
    case "deflate":
      return answer.pipe(createInflate())
    default:
      return answer
  }
}

async function readAll(source: Readable, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > mostBytes) break
      chunks.push(chunk)
    }
  } catch {
    // As far as it came.
  }
  return Buffer.concat(chunks).toString("utf8")
}

function explain(error: Error, { name, baseUrl }: Upstream): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : error.message
  return `the provider \`${name}\` (${baseUrl.host}) can't be reached: ${code}`
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}

function settled(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
