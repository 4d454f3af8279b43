import type { Prices } from "../price.ts"
import { Secret } from "./secret.ts"
import type { Route, WireName } from "./wires/wire.ts"

/** How a provider wants its key: in this header, after this word. */
export type Auth = { header: string; scheme?: "Bearer" }

/** Where the requests of some wires go, and with whose key. */
export type Upstream = {
  name: string
  wires: readonly WireName[]
  baseUrl: URL
  /** None: a server that asks for no key. */
  key?: Secret
  auth: Auth
  /** Added to every request. Their values may be keys, too. */
  headers: Readonly<Record<string, Secret>>
  prices: Prices
  /** Serves its wires where an attempt names no provider. */
  isDefault: boolean
}

export type Upstreams = readonly Upstream[]

/**
 * The providers that the user's environment knows: one for each that has a key or an address of its own. Throws nothing;
 * an address that is none leaves its provider out.
 */
export function upstreamsOf(env: Readonly<Record<string, string | undefined>>): Upstream[] {
  const token = env.ANTHROPIC_API_KEY ? undefined : env.ANTHROPIC_AUTH_TOKEN
  return [
    known({
      name: "anthropic",
      wires: ["messages"],
      url: env.ANTHROPIC_BASE_URL,
      usual: "https://api.anthropic.com",
      key: env.ANTHROPIC_API_KEY || token,
      auth: token ? bearer : { header: "x-api-key" },
    }),
    known({
      name: "openai",
      wires: ["responses", "chat"],
      url: env.OPENAI_BASE_URL,
      usual: "https://api.openai.com/v1",
      key: env.OPENAI_API_KEY || env.CODEX_API_KEY,
      auth: bearer,
    }),
    known({
      name: "gemini",
      wires: ["gemini"],
      url: env.GOOGLE_GEMINI_BASE_URL,
      usual: "https://generativelanguage.googleapis.com",
      key: env.GEMINI_API_KEY || env.GOOGLE_API_KEY,
      auth: { header: "x-goog-api-key" },
    }),
  ].filter((upstream) => upstream !== undefined)
}

const bearer: Auth = { header: "authorization", scheme: "Bearer" }

/** How a wire's own provider wants the key. */
export function usualAuth(wire: WireName): Auth {
  return wire === "messages" ? { header: "x-api-key" } : wire === "gemini" ? { header: "x-goog-api-key" } : bearer
}

type Known = {
  name: string
  wires: WireName[]
  url: string | undefined
  usual: string
  key: string | undefined
  auth: Auth
}

function known({ name, wires, url, usual, key, auth }: Known): Upstream | undefined {
  const word = key?.trim()
  if (!word && !url) return undefined
  const baseUrl = httpUrl(url || usual)
  if (baseUrl === undefined) return undefined
  const secret = word ? { key: new Secret(word) } : {}
  return { name, wires, baseUrl, ...secret, auth, headers: {}, prices: {}, isDefault: true }
}

/** Named providers stand before those of the environment; one of the same name takes its place. */
export function joined(named: Upstreams, ambient: Upstreams): Upstreams {
  return [...named, ...ambient.filter(({ name }) => !named.some((each) => each.name === name))]
}

/** Where requests of a wire go: to the provider that was asked for, else to the first that serves the wire by default. */
export function upstreamFor(upstreams: Upstreams, wire: WireName, provider?: string): Upstream | undefined {
  return upstreams.find(
    ({ name, wires, isDefault }) => wires.includes(wire) && (provider === undefined ? isDefault : name === provider),
  )
}

/** The address of an endpoint. What the base URL has after `?` (Azure's `api-version`) is kept. */
export function addressOf({ baseUrl }: Upstream, wire: WireName, { path }: Route, query: URLSearchParams): URL {
  const url = new URL(baseUrl)
  const base = url.pathname.replace(/\/+$/, "")
  url.pathname = `${rooted(base, wire)}${wire === "gemini" ? unversioned(base, path) : path}`
  for (const [name, value] of query) if (passedOn.get(name)?.test(value)) url.searchParams.append(name, value)
  return url
}

/** What an agent may say behind `?`: nothing that says who pays, or that leaves the account out of the answer (`fields`). */
const passedOn: ReadonlyMap<string, RegExp> = new Map([
  ["alt", /^(sse|json)$/],
  ["beta", /^(true|false)$/],
  ...["limit", "after", "before", "after_id", "before_id", "pageSize", "pageToken"].map(
    (name) => [name, /^[\w.+/=-]*$/] as const,
  ),
])

/**
 * By their clients' custom OpenAI's base URL ends with the version and Anthropic's does not; both are understood for both.
 * An OpenAI-like server given without any path means the usual one.
 */
function rooted(base: string, wire: WireName): string {
  if (wire === "gemini") return base
  if (wire === "messages") return /\/v\d+$/.test(base) ? base : `${base}/v1`
  return base === "" ? "/v1" : base
}

function unversioned(base: string, path: string): string {
  return /\/v\d+(alpha|beta)?$/.test(base) ? path.replace(/^\/v\d+(alpha|beta)?/, "") : path
}

/** A URL that HTTP can reach; without the user and password that it may have held. */
export function httpUrl(written: string): URL | undefined {
  if (!URL.canParse(written)) return undefined
  const url = new URL(written)
  return (url.protocol === "https:" || url.protocol === "http:") && url.username === "" ? url : undefined
}

/** The headers that make a request the user's. */
export function credentialHeaders({ key, auth, headers }: Upstream): Record<string, string> {
  const added = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()])
  if (key === undefined) return Object.fromEntries(added)
  const value = auth.scheme === undefined ? key.reveal() : `${auth.scheme} ${key.reveal()}`
  return Object.fromEntries([...added, [auth.header, value]])
}

/** All that must never come back to an agent. */
export function secretsOf({ key, headers }: Upstream): string[] {
  return [key, ...Object.values(headers)].filter((each) => each !== undefined).map((each) => each.reveal())
}
