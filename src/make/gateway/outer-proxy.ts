import { BlockList, isIP } from "node:net"
import { Secret } from "./secret.ts"

/** The proxy that leads out of the user's own network. */
export type OuterProxy = {
  host: string
  port: number
  /** Whether it is itself spoken to by TLS. */
  secure: boolean
  /** The whole header, where it wants a password. */
  authorization?: Secret
}

/** Which proxy leads to an address: none, or one that can't be used, and why. */
export type OuterProxies = (
  url: URL,
) => { is: "none" } | { is: "proxy"; proxy: OuterProxy } | { is: "unusable"; why: string }

/** For who goes out by itself. */
export const noProxies: OuterProxies = () => ({ is: "none" })

/**
 * As the user's HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or in small letters, which go first) say it. What is on this machine is never asked
 * of a proxy, which would look for it on its own.
 */
export function outerProxies(env: Readonly<Record<string, string | undefined>>): OuterProxies {
  const said = (name: string) => env[name.toLowerCase()] || env[name] || undefined
  const direct = exceptions(said("NO_PROXY") ?? "")
  return (url) => {
    const host = plainHost(url)
    const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY"
    const written = said(name)
    if (written === undefined || isThisMachine(host) || direct(host, portOf(url))) return { is: "none" }
    const proxy = parseProxy(written)
    if (proxy === undefined) return { is: "unusable", why: `${name} names no http:// or https:// proxy` }
    return { is: "proxy", proxy }
  }
}

function parseProxy(written: string): OuterProxy | undefined {
  const whole = written.includes("://") ? written : `http://${written}`
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined
  const { username, password } = url
  const pair = decoded(`${username}:${password}`)
  return {
    host: plainHost(url),
    port: portOf(url),
    secure: url.protocol === "https:",
    ...(username === "" ? {} : { authorization: new Secret(`Basic ${Buffer.from(pair).toString("base64")}`) }),
  }
}

/** A `%` that begins no escape is itself. */
function decoded(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch {
    return written
  }
}

type Exception = (host: string, port: number) => boolean

/** `*`, a host with all that is under it, an address or a range of addresses; each with a port of its own where it names one. */
function exceptions(written: string): Exception {
  const all = written.split(/[\s,]+/).flatMap((entry) => (entry === "" ? [] : [exception(entry.toLowerCase())]))
  return (host, port) => all.some((each) => each(host, port))
}

function exception(entry: string): Exception {
  if (entry === "*") return () => true
  const [network = "", bits] = entry.split("/")
  if (bits !== undefined) return inRange(network, Number(bits))
  // An address of IPv6 has colons of its own: a port follows its brackets only.
  const [, bracketed, digits] = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? []
  const [, plain = entry, port = digits] = isIP(entry) === 6 ? [] : (/^([^:]*?)(?::(\d+))?$/.exec(entry) ?? [])
  const name = (bracketed ?? plain).replace(/^\*?\./, "").replace(/\.$/, "")
  return (host, at) =>
    (port === undefined || Number(port) === at) && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)))
}

function inRange(network: string, bits: number): Exception {
  const family = isIP(network)
  if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32)) return () => false
  const list = new BlockList()
  list.addSubnet(network, bits, family === 6 ? "ipv6" : "ipv4")
  return (host) => isIP(host) === family && list.check(host, family === 6 ? "ipv6" : "ipv4")
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127\./.test(host) || host === "::1"
}

function plainHost({ hostname }: URL): string {
  return hostname
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase()
}

/** The port of an address, or its scheme's. */
export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === "https:" ? 443 : 80)
}
