import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http"

/** Belong to one connection, or to who may use it. */
const ofTheHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]

/**
 * What an agent may say to a provider. Nothing else goes on: company proxies take headers that send a request, and the
 * user's key with it, to another host or account. What a provider needs besides stands in providers.yaml.
 */
const passedOn =
  /^(accept|accept-language|content-type|user-agent|anthropic-(version|beta|dangerous-direct-browser-access)|openai-beta|x-stainless-[\w-]+|x-goog-api-client|x-app|x-title|http-referer|idempotency-key|x-(client-)?request-id|traceparent|tracestate|(session|conversation|thread)[_-]id|originator|version|x-(codex|claude|opencode|gemini|session)-[\w-]+)$/

/** What a provider says to its customer, not to the agent. */
const ofTheCustomer = ["set-cookie", "openai-organization", "openai-project", "anthropic-organization-id", "alt-svc"]

/** The headers of an agent's request that go on to the provider. */
export function forwardedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => passedOn.test(name)))
}

/** The headers of a provider's answer that go on to the agent. `decoded`: its body no longer has the length it had. */
export function answeredHeaders(headers: IncomingHttpHeaders, { decoded }: { decoded: boolean }): OutgoingHttpHeaders {
  return without(headers, [...ofTheHop, ...ofTheCustomer, ...(decoded ? ["content-length", "content-encoding"] : [])])
}

/** Headers of a proxied request that go on to its server. */
export function proxiedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return without(headers, ofTheHop)
}

function without(headers: IncomingHttpHeaders, names: readonly string[]): OutgoingHttpHeaders {
  // `Connection` may name more headers that are the hop's own.
  const named = String(headers.connection ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name) && !named.includes(name)))
}

/** Tokens that a request shows, wherever agents put their key. */
export function presentedTokens(headers: IncomingHttpHeaders, query: URLSearchParams): string[] {
  const single = [headers["x-api-key"], headers["x-goog-api-key"], headers["api-key"], query.get("key")]
  return [...single, ...presentedTo(headers.authorization), ...presentedTo(headers["proxy-authorization"])].filter(
    (each): each is string => typeof each === "string" && each !== "",
  )
}

/** Tokens in an Authorization header: `Bearer TOKEN`, or `Basic` with the token for a password. */
export function presentedTo(authorization: string | undefined): string[] {
  const [, scheme = "", value = ""] = /^(bearer|basic)\s+(\S+)\s*$/i.exec(authorization ?? "") ?? []
  if (scheme.toLowerCase() === "bearer") return [value]
  if (scheme.toLowerCase() !== "basic") return []
  const pair = Buffer.from(value, "base64").toString("utf8")
  return [pair.slice(pair.indexOf(":") + 1)]
}

/** Whether a request was meant for this machine: a page in a browser whose name was turned to 127.0.0.1 is not. */
export function isLocalHost(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host ?? "")
}
