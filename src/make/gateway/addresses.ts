import { lookup } from "node:dns/promises"
import { BlockList, isIP } from "node:net"

/** One host that a proxy may reach. Without a port: 80 and 443. `private` ones may lie in the company's own network. */
type Allowed = { host: string; wildcard: boolean; port: number | undefined; private: boolean }

/** Where a connection may go: one address, looked up once, so that a name can't turn elsewhere in between. */
export type Reach = { is: "allowed"; address: string } | { is: "refused"; why: string }

/**
 * Whether a host may be reached, and at which address. An address of this machine, of a private network or of a cloud's
 * metadata is refused, unless the list names that very address, or `localhost`, or the host as `private:HOST`.
 */
export async function reach(
  host: string,
  port: number,
  allow: readonly string[],
  look: (host: string) => Promise<string[]> = lookUp,
): Promise<Reach> {
  const name = plain(host)
  const entry = allow.map(parseAllowed).find((each) => matches(each, name, port))
  if (entry === undefined)
    return { is: "refused", why: `${name}:${port} is not on the list of hosts that this attempt may reach` }
  const literal = isIP(name) !== 0
  const addresses = literal ? [name] : await look(name).catch((): string[] => [])
  const [first] = addresses
  if (first === undefined) return { is: "refused", why: `${name} has no address` }
  const named = !entry.wildcard && (literal || name === "localhost")
  // One bad address is enough: who controls the name chose them together.
  const bad = addresses.find((address) => !isPublic(address) && !(named || (entry.private && !isNeverShared(address))))
  if (bad !== undefined) return { is: "refused", why: `${name} leads to ${bad}, which is no public address` }
  return { is: "allowed", address: first }
}

function parseAllowed(written: string): Allowed {
  const isPrivate = written.startsWith("private:")
  const rest = plain(isPrivate ? written.slice("private:".length) : written)
  const [, bracketed, hostname, port] =
    /^(?:\[([^\]]+)\]|([^:]+|[^[\]]*:[^[\]]*:[^[\]]*?))(?::(\d{1,5}))?$/.exec(rest) ?? []
  const host = bracketed ?? hostname ?? ""
  const wildcard = host === "*" || host.startsWith("*.")
  return { host, wildcard, port: port === undefined ? undefined : Number(port), private: isPrivate && !wildcard }
}

function matches({ host, wildcard, port }: Allowed, name: string, asked: number): boolean {
  if (port === undefined ? asked !== 443 && asked !== 80 : asked !== port) return false
  if (!wildcard) return host === name
  // A wildcard is for names: addresses are listed one by one.
  return isIP(name) === 0 && (host === "*" ? name.includes(".") : name.endsWith(host.slice(1)))
}

/** Case and the dot at the end say nothing; brackets are the URL's. */
function plain(host: string): string {
  return host
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[([^\]]*)\]$/, "$1")
}

async function lookUp(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** Whether an address is on the open Internet. */
export function isPublic(address: string): boolean {
  return isOutside(address, notPublic())
}

/** Of these nothing is shared whatever a list says of a name: this machine, and what clouds tell their machines. */
function isNeverShared(address: string): boolean {
  return !isOutside(address, local())
}

function isOutside(written: string, list: BlockList): boolean {
  const [address = ""] = written.split("%")
  const family = isIP(address)
  if (family === 0) return false
  const mapped = mappedIpv4(address)
  return mapped === undefined ? !list.check(address, family === 6 ? "ipv6" : "ipv4") : !list.check(mapped, "ipv4")
}

/** `::ffff:127.0.0.1`, and what leads to IPv4 from a network without it (`64:ff9b::…`), are the address inside. */
function mappedIpv4(address: string): string | undefined {
  const canonical = URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : ""
  const [, high, low] = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return undefined
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join(".")
}

function local(): BlockList {
  return listed([
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.100.100.200/32",
    "224.0.0.0/3",
    "::/96",
    "64:ff9b::/96",
    "2002::/16",
    "fe80::/10",
    "fd00:ec2::/32",
    "ff00::/8",
  ])
}

function notPublic(): BlockList {
  return listed([
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
  ])
}

function listed(subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = "", bits = ""] = subnet.split("/")
    list.addSubnet(network, Number(bits), network.includes(":") ? "ipv6" : "ipv4")
  }
  return list
}
