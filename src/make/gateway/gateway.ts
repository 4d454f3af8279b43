import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { Failure } from "../../core/failure.ts"
import { pidExists } from "../../lib/alive.ts"
import type { Prices } from "../price.ts"
import { refuse } from "./answer.ts"
import { exchange, type Gate } from "./exchange.ts"
import { isLocalHost, presentedTokens } from "./headers.ts"
import { defaultLimits, type GatewayLimits } from "./limits.ts"
import { openMeasures } from "./measures.ts"
import type { OuterProxies } from "./outer-proxy.ts"
import { type OpenPass, openPass, type Pass, type PassOptions } from "./pass.ts"
import { connectThrough, type ProxyDoor, requestThrough } from "./proxy.ts"
import { openSenders } from "./senders.ts"
import { openTariffs } from "./tariffs.ts"
import type { Upstreams } from "./upstreams.ts"
import { likelyWire, recognise } from "./wires/index.ts"

/** The server between every agent of this process and its model. It ends with its scope. */
export type Gateway = AsyncDisposable & {
  /** `http://127.0.0.1:PORT`: the agents' base URL, without `/v1`. */
  url: string
  port: number
  /** The same server on a unix socket (at most 107 bytes of path), for network namespaces. */
  socket: string
  open(options: PassOptions): Pass
}

export type GatewayOptions = {
  upstreams: Upstreams
  /** What the user says models cost; a provider's own prices stand above them. */
  prices?: Prices
  /** A folder of this user's in which a folder for the socket is made. */
  socketDir: string
  /** The user's own proxies, where there are any; what an agent's proxy lets through does not go there. */
  proxies?: OuterProxies
  limits?: Partial<GatewayLimits>
}

/** Opens the gateway on a port of 127.0.0.1 and on a unix socket; nobody else's machine can reach it. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { upstreams, prices = {}, socketDir, proxies } = options
  const limits = { ...defaultLimits, ...options.limits }
  const gate: Gate = {
    upstreams,
    prices,
    limits,
    senders: openSenders({ connectMs: limits.connectMs, ...(proxies === undefined ? {} : { proxies }) }),
    tariffs: openTariffs(prices),
    measures: openMeasures(),
  }
  const passes = new Map<string, OpenPass>()
  const folder = await socketFolder(socketDir)
  const socket = join(folder, "gateway.sock")
  const own = { port: 0 }
  const servers = [newServer(passes, gate, own), newServer(passes, gate, own)] as const
  const port = await listen(servers[0], { host: "127.0.0.1", port: 0 })
  own.port = port
  await listen(servers[1], { path: socket })
  await chmod(socket, 0o600)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    socket,
    open(options) {
      const pass = openPass(options, {
        port,
        limits: gate.limits,
        onRevoked: (token) => passes.delete(token),
      })
      passes.set(pass.token, pass)
      return pass
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...passes.values()].map((pass) => pass.revoke()))
      await Promise.all(servers.map(close))
      gate.senders.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function newServer(passes: ReadonlyMap<string, OpenPass>, gate: Gate, own: { port: number }): Server {
  const { limits } = gate
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    requestTimeout: limits.bodyMs,
    headersTimeout: Math.min(limits.bodyMs, 30_000),
    keepAliveTimeout: 60_000,
  })
  server.maxConnections = limits.sockets
  server.on("request", (request, response) => {
    answer(request, response, passes, gate, own.port).catch(() => {
      // Nothing of an unforeseen error reaches the agent: it could hold anything.
      response.destroy()
    })
  })
  server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    connectThrough(request, socket, head, { passes, limits }).catch(() => socket.destroy())
  })
  // WebSockets and other protocols can't be metered.
  server.on("upgrade", (_request, socket: Duplex) => {
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
  })
  return server
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  passes: ReadonlyMap<string, OpenPass>,
  gate: Gate,
  port: number,
): Promise<void> {
  response.on("error", () => {})
  const door: ProxyDoor = { passes, limits: gate.limits }
  const url = target(request.url ?? "/")
  if (url === undefined) return refuse(response, likelyWire("", request.headers), 400, "Flyball: no such address.")
  const { pathname, searchParams: query } = url
  // A client that was told of the proxy may send what is meant for us through it.
  if (url.host !== NOWHERE && !isOurs(url, port)) return requestThrough(request, response, url, door)
  if (!isLocalHost(request.headers.host))
    return refuse(response, likelyWire(pathname, request.headers), 403, "Flyball: not for this host name.")
  // Agents knock before they begin.
  if (pathname === "/" && (request.method === "HEAD" || request.method === "GET")) return void response.end()
  const found = recognise(request.method ?? "", pathname, request.headers)
  const wire = found?.wire ?? likelyWire(pathname, request.headers)
  const pass = presentedTokens(request.headers, query)
    .map((token) => passes.get(token))
    .find((each) => each !== undefined)
  if (pass === undefined) return refuse(response, wire, 403, "Flyball: no attempt that is going on has this key.")
  if (found === undefined)
    return refuse(
      response,
      wire,
      404,
      `Flyball: ${request.method} ${pathname.slice(0, 100)} is not served: it could not be metered.`,
    )
  return exchange({ request, response, pass, query, ...found }, gate)
}

/** Stands for the host of a request that names none. */
const NOWHERE = "0.invalid"

function target(written: string): URL | undefined {
  const absolute = written.startsWith("/") ? `http://${NOWHERE}${written}` : written
  return URL.canParse(absolute) && absolute.startsWith("http://") ? new URL(absolute) : undefined
}

function isOurs(url: URL, port: number): boolean {
  return isLocalHost(url.host) && url.port === String(port)
}

/** A folder of nobody else's, with a name short enough for a socket. */
async function socketFolder(socketDir: string): Promise<string> {
  await mkdir(socketDir, { recursive: true, mode: 0o700 })
  await sweep(socketDir)
  const folder = await mkdtemp(join(socketDir, `gw-${process.pid}-`))
  const path = join(folder, "gateway.sock")
  if (Buffer.byteLength(path) > MOST_SOCKET_BYTES) {
    await rm(folder, { recursive: true, force: true })
    throw new Failure(
      "GATEWAY_SOCKET_PATH",
      `The path of the gateway's socket is longer than a socket's may be: ${path}`,
      {
        hint: "Set FLYBALL_HOME to a shorter path.",
        retry: "person",
      },
    )
  }
  return folder
}

/** Removes what gateways of killed processes left. */
async function sweep(socketDir: string): Promise<void> {
  for (const name of await readdir(socketDir)) {
    const pid = Number(/^gw-(\d+)-/.exec(name)?.[1] ?? process.pid)
    if (!pidExists(pid)) await rm(join(socketDir, name), { recursive: true, force: true })
  }
}

/** What Linux and macOS allow, with the zero at its end. */
const MOST_SOCKET_BYTES = 103

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(where, () => {
      server.off("error", reject)
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
