import { BlockList, isIP } from "node:net"
import { isRegistry, registries } from "../core/network.ts"
import { listed } from "./guardrails.ts"
import { Misread, reading } from "./misread.ts"
import { nearest } from "./nearest.ts"
import type { Path, SourceFile } from "./source-file.ts"

/** `network:`, names of registries and hosts, each once, in the order written. Undefined where nothing is said. */
export function readNetwork(source: SourceFile, path: Path, raw: string | string[] | undefined): string[] | undefined {
  if (raw === undefined) return undefined
  const hosts = listed(raw, path).flatMap((item) => reading(source, item.path, "BAD_HOST", item.text, entryOf) ?? [])
  return [...new Set(hosts)]
}

function entryOf(text: string): string {
  const written = text.trim()
  if (written === "") throw new Misread("A registry or a host was expected here.", { hint: EXAMPLE })
  const name = written.toLowerCase()
  return isRegistry(name) ? name : hostOf(written, text)
}

/** `api.example.com`, `*.example.com:8443`, `[2001:db8::1]:443`, `private:npm.corp.example`; lower case, without the dot at its end. */
function hostOf(written: string, text: string): string {
  const word = /^(none|nothing|no|off|false)$|^(all|any|open|yes|on|true|internet)$/i.exec(written)
  if (word !== null)
    throw new Misread(`\`${written}\` is no host.`, {
      hint:
        word[1] === undefined ? 'Every public host is written `"*"`.' : "That makers reach nothing is written `[]`.",
    })
  if (written.includes("://")) throw noUrl(written)
  const odd = /[\s@?#,;\\]/.exec(written)
  if (odd !== null)
    throw new Misread("One host is written here: a name, and a port where it is neither 80 nor 443.", {
      offset: text.indexOf(written) + odd.index,
      length: 1,
      hint: EXAMPLE,
    })
  const slash = written.indexOf("/")
  if (slash !== -1) throw noPath(written, slash, text)
  const prefix = /^private:/i.exec(written)?.[0] ?? ""
  const { host, port } = parted(written.slice(prefix.length), written)
  const at = text.indexOf(written) + prefix.length
  if (host.includes("*")) return `${wildcardOf(host, { prefix, at })}${port}`
  const name = canonical(host)
  const address = isIP(name.replace(/^\[|\]$/g, "")) !== 0
  if (address) checkAddress(host, name, port)
  else if (name === "localhost") portOfHere(name, port)
  else if (!name.includes(".") && prefix === "") throw unknownName(host, port)
  return `${prefix.toLowerCase()}${name}${port}`
}

function noUrl(written: string): Misread {
  const url = URL.canParse(written) ? new URL(written) : undefined
  const suggestion = url === undefined || url.hostname === "" ? undefined : url.host
  return new Misread("A host is named here, and no URL: what is asked of it is encrypted, and not looked at.", {
    hint: suggestion === undefined ? EXAMPLE : `Write \`${suggestion}\`.`,
    suggestion,
  })
}

function noPath(written: string, slash: number, text: string): Misread {
  const [host, rest] = [written.slice(0, slash), written.slice(slash + 1)]
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0 && /^\d{1,3}$/.test(rest))
    return new Misread("Addresses are named one by one, and no ranges of them.", {
      hint: "Where many machines are meant, put a proxy of your own before them, and name that.",
    })
  return new Misread("A host is named whole: its paths can't be told apart in what is encrypted.", {
    offset: text.indexOf(written) + slash,
    hint: `Write \`${host}\`.`,
    suggestion: undefined,
  })
}

function parted(rest: string, written: string): { host: string; port: string } {
  const bare = isIP(rest) === 6 ? `[${rest}]` : rest
  const [, host, digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/.exec(bare) ?? []
  if (host === undefined || host === "") throw new Misread(`\`${written.slice(0, 60)}\` is no host.`, { hint: EXAMPLE })
  if (digits === undefined) return { host, port: "" }
  const port = Number(digits)
  if (digits === "" || port < 1 || port > 65_535)
    throw new Misread(`\`${digits.slice(0, 12)}\` is no port: they go from 1 to 65535.`, { hint: EXAMPLE })
  return { host, port: `:${port}` }
}

/** `*.example.com` is every host below it, and `*` every public one. */
function wildcardOf(host: string, { prefix, at }: { prefix: string; at: number }): string {
  if (prefix !== "")
    throw new Misread("Hosts of your own network are named one by one: no pattern opens it.", {
      hint: "private:npm.corp.example",
    })
  if (host === "*") return host
  const rest = host.startsWith("*.") ? host.slice(2) : undefined
  const more = host.lastIndexOf("*")
  if (rest === undefined || more > 0 || rest === "")
    throw new Misread("`*` stands for all that is before a domain, and only at its beginning.", {
      offset: at + more,
      length: 1,
      hint: '"*.example.com"; addresses have no patterns.',
    })
  const name = canonical(rest)
  if (isIP(name) !== 0 || name.startsWith("["))
    throw new Misread("Addresses are named one by one, and no ranges of them.", { hint: '"*.example.com"' })
  return `*.${name}`
}

/** As a URL has it: lower case, other scripts in ASCII, numbers as the address they are. */
function canonical(host: string): string {
  const bare = host.replace(/\.$/, "")
  const name = URL.canParse(`http://${bare}/`) ? new URL(`http://${bare}/`).hostname : ""
  const isName =
    name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(name)
  if (!isName && !name.startsWith("[")) throw new Misread(`\`${host.slice(0, 60)}\` is no host.`, { hint: EXAMPLE })
  return name
}

function checkAddress(host: string, name: string, port: string): void {
  const address = name.replace(/^\[|\]$/g, "")
  if (isIP(host) === 0 && !host.startsWith("["))
    throw new Misread(`\`${host.slice(0, 60)}\` is the address ${address}.`, {
      hint: `Write \`${address}\`.`,
      suggestion: `${address}${port}`,
    })
  if (isNever(address))
    throw new Misread(
      `${address} can't be opened to anybody: clouds give out keys there, or it is no single machine.`,
      {
        hint: EXAMPLE,
      },
    )
  if (/^127\.|^::1$/.test(address)) portOfHere(address, port)
}

function portOfHere(name: string, port: string): void {
  if (port === "")
    throw new Misread("Of this machine one port is opened, and not all that listens on it.", {
      hint: `Write \`"${name === "::1" ? "[::1]" : name}:5432"\`.`,
    })
}

function unknownName(host: string, port: string): Misread {
  const known = [...registries]
  const close = port === "" ? nearest(host.toLowerCase(), known) : undefined
  return new Misread(`\`${host.slice(0, 60)}\` is no registry that Flyball knows, and no whole name of a host.`, {
    hint:
      close === undefined
        ? `The registries with a name are ${known.join(", ")}; of others write the hosts. A machine of your own network is written \`private:${host.slice(0, 60)}\`.`
        : `Did you mean \`${close}\`?`,
    suggestion: close,
  })
}

/** Link-local, where clouds tell their machines who they are; and what stands for no machine or for many. */
function isNever(address: string): boolean {
  const list = new BlockList()
  list.addSubnet("0.0.0.0", 8, "ipv4")
  list.addSubnet("169.254.0.0", 16, "ipv4")
  list.addAddress("100.100.100.200", "ipv4")
  list.addSubnet("224.0.0.0", 3, "ipv4")
  list.addAddress("::", "ipv6")
  list.addSubnet("fe80::", 10, "ipv6")
  list.addSubnet("fd00:ec2::", 32, "ipv6")
  list.addSubnet("ff00::", 8, "ipv6")
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")
}

const EXAMPLE = 'network: [ npm, "api.example.com", "*.example.com:8443" ]'
