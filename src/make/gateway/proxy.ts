import { type IncomingMessage, request as requestOver, type ServerResponse } from "node:http"
import { connect } from "node:net"
import type { Duplex } from "node:stream"
import { reach } from "./addresses.ts"
import { presentedTo, proxiedHeaders } from "./headers.ts"
import type { GatewayLimits } from "./limits.ts"
import type { OpenPass } from "./pass.ts"

/*
 * The filtering proxy: what an agent may reach besides its model. The pass is the password, the attempt's list says where
 * to, and every connection is noted, whether it was let through or not. What goes through it is not read.
 */

/** What the proxy needs of the gateway. */
export type ProxyDoor = { passes: ReadonlyMap<string, OpenPass>; limits: GatewayLimits }

type Entry = { is: "allowed"; pass: OpenPass; address: string } | { is: "refused"; status: number; why: string }

/** `CONNECT host:port`: a tunnel for bytes. */
export async function connectThrough(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  door: ProxyDoor,
): Promise<void> {
  client.on("error", () => client.destroy())
  const [, bracketed, name, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(request.url ?? "") ?? []
  const [host, port] = [bracketed ?? name ?? "", Number(digits ?? 0)]
  const entry = await enter(request, host, port, door)
  if (entry.is === "refused") return void client.end(refusal(entry.status, entry.why))
  // Gone while the name was looked up: its end was told already.
  if (client.destroyed) return
  const { pass, address } = entry
  const count = openCount(pass, { host, port }, door.limits)
  const server = connect({ host: address, port })
  server.setTimeout(door.limits.connectMs, () => server.destroy(new Error("it did not answer")))
  const end = () => {
    client.destroy()
    server.destroy()
  }
  count.until(end)
  client.once("close", () => {
    end()
    count.close()
  })
  server.once("error", (error) => {
    if (server.connecting || server.bytesRead === 0) client.end(refusal(502, `${host}:${port}: ${error.message}`))
    count.close(error.message)
  })
  server.once("close", end)
  server.once("connect", () => {
    server.setTimeout(door.limits.connectionIdleMs, end)
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
    if (head.length > 0) server.write(head)
    client.on("data", (chunk: Buffer) => count.add("sent", chunk.length))
    server.on("data", (chunk: Buffer) => count.add("received", chunk.length))
    client.pipe(server)
    server.pipe(client)
  })
}

/** `GET http://host/path`: one request in the clear. */
export async function requestThrough(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  door: ProxyDoor,
): Promise<void> {
  const [host, port] = [url.hostname, Number(url.port || 80)]
  const entry = await enter(request, host, port, door)
  if (entry.is === "refused") {
    const more = entry.status === 407 ? { "proxy-authenticate": CHALLENGE } : {}
    response.writeHead(entry.status, { "content-type": "text/plain", connection: "close", ...more })
    response.end(`Flyball: ${entry.why}\n`)
    return
  }
  if (response.destroyed) return
  const { pass, address } = entry
  const count = openCount(pass, { host, port }, door.limits)
  const out = requestOver({
    host: address,
    port,
    path: `${url.pathname}${url.search}`,
    method: request.method,
    headers: { ...proxiedHeaders(request.headers), host: url.host },
    agent: false,
    timeout: door.limits.connectionIdleMs,
  })
  count.until(() => {
    out.destroy()
    response.destroy()
  })
  out.once("timeout", () => out.destroy(new Error("it did not answer")))
  out.once("error", (error) => {
    if (!response.headersSent)
      response.writeHead(502, { "content-type": "text/plain" }).end(`Flyball: ${host}: ${error.message}\n`)
    else response.destroy()
    count.close(error.message)
  })
  out.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, proxiedHeaders(answer.headers))
    answer.on("data", (chunk: Buffer) => count.add("received", chunk.length))
    answer.once("error", () => response.destroy())
    answer.pipe(response)
  })
  response.once("close", () => {
    out.destroy()
    count.close()
  })
  request.on("data", (chunk: Buffer) => count.add("sent", chunk.length))
  request.pipe(out)
}

async function enter(
  request: IncomingMessage,
  host: string,
  port: number,
  { passes, limits }: ProxyDoor,
): Promise<Entry> {
  const shown = presentedTo(request.headers["proxy-authorization"])
  // Some clients name their password only after they were asked for it.
  if (shown.length === 0) return { is: "refused", status: 407, why: "the proxy asks for the attempt's key" }
  const pass = shown.map((token) => passes.get(token)).find((each) => each !== undefined)
  if (pass === undefined) return { is: "refused", status: 403, why: "no attempt that is going on has this key" }
  const why = await forbidden(pass, host, port, limits)
  if (typeof why !== "string") return { is: "allowed", pass, address: why.address }
  pass.note({ is: "connection", host: host.slice(0, 255), port, ms: 0, sent: 0, received: 0, refused: why })
  return { is: "refused", status: 403, why }
}

async function forbidden(
  pass: OpenPass,
  host: string,
  port: number,
  limits: GatewayLimits,
): Promise<string | { address: string }> {
  if (host === "" || host.length > 255 || port < 1 || port > 65_535) return "no such address"
  if (pass.connections.now >= limits.connections)
    return `more than ${limits.connections} connections of this attempt at once`
  if (pass.connections.bytes >= limits.connectionBytes) return tooManyBytes(limits)
  const found = await reach(host, port, pass.options.allow ?? [])
  if (found.is === "refused") return found.why
  return pass.closed()?.is === "revoked" ? "this attempt is over" : { address: found.address }
}

function tooManyBytes({ connectionBytes }: GatewayLimits): string {
  return `more than ${Math.round(connectionBytes / 1024 / 1024)} MB went through the proxy in this attempt`
}

/** Counts a connection's bytes, ends it with its pass or at the limit, and notes it once. */
function openCount(pass: OpenPass, { host, port }: { host: string; port: number }, limits: GatewayLimits) {
  const begun = performance.now()
  const bytes = { sent: 0, received: 0 }
  let end = () => {}
  let refused: string | undefined
  let open = true
  const over = () => end()
  pass.connections.now++
  pass.begin(over)
  return {
    until(ended: () => void) {
      end = ended
    },
    add(direction: "sent" | "received", count: number) {
      bytes[direction] += count
      pass.connections.bytes += count
      if (pass.connections.bytes <= limits.connectionBytes) return
      refused ??= tooManyBytes(limits)
      end()
    },
    close(failed?: string) {
      if (!open) return
      open = false
      pass.connections.now--
      const why = refused ?? failed
      const ms = Math.round(performance.now() - begun)
      pass.note({ is: "connection", host, port, ms, ...bytes, ...(why === undefined ? {} : { refused: why }) })
      pass.leave(over)
    },
  }
}

const CHALLENGE = 'Basic realm="flyball"'

function refusal(status: number, why: string): string {
  const text = `Flyball: ${why}\n`
  const lines = [
    `HTTP/1.1 ${status} ${status === 407 ? "Proxy Authentication Required" : status === 502 ? "Bad Gateway" : "Forbidden"}`,
    ...(status === 407 ? [`proxy-authenticate: ${CHALLENGE}`] : []),
    "content-type: text/plain",
    "connection: close",
    `content-length: ${Buffer.byteLength(text)}`,
  ]
  return `${lines.join("\r\n")}\r\n\r\n${text}`
}
