import * as http from "node:http"
import * as https from "node:https"
import { isIP, Socket } from "node:net"
import { connect } from "node:tls"
import { noProxies, type OuterProxies, type OuterProxy } from "./outer-proxy.ts"
import { openTunnel } from "./tunnel.ts"

/** Connections to providers, kept for the next request. */
export type Senders = {
  /** Throws where the user's own proxy can't be used. */
  send(url: URL, options: http.RequestOptions): http.ClientRequest
  close(): void
}

const pool = { keepAlive: true, scheduling: "lifo", maxFreeSockets: 32 } as const

export type SendersOptions = {
  /** The user's own proxies. */
  proxies?: OuterProxies
  /** How long a proxy has to answer. */
  connectMs: number
}

/** Opens the pools: one for each scheme, and one for what goes through each proxy. */
export function openSenders({ proxies = noProxies, connectMs }: SendersOptions): Senders {
  const [plain, secure] = [new http.Agent(pool), new https.Agent(pool)]
  const tunnels = new Map<string, https.Agent>()
  const tunnelsOf = (proxy: OuterProxy) => {
    const name = `${proxy.host}:${proxy.port}`
    const known = tunnels.get(name) ?? tunnelling(proxy, connectMs)
    tunnels.set(name, known)
    return known
  }
  return {
    send(url, options) {
      const way = proxies(url)
      if (way.is === "unusable") throw new Error(way.why)
      if (url.protocol === "https:") {
        const agent = way.is === "proxy" ? tunnelsOf(way.proxy) : secure
        return https.request(url, { ...options, agent })
      }
      if (way.is === "none") return http.request(url, { ...options, agent: plain })
      return throughProxy(way.proxy, url, options, { plain, secure })
    },
    close() {
      for (const each of [plain, secure, ...tunnels.values()]) each.destroy()
    },
  }
}

/** What goes by TLS goes through a tunnel, in which the proxy sees the host's name and nothing else. */
function tunnelling(proxy: OuterProxy, connectMs: number): https.Agent {
  const createConnection: https.Agent["createConnection"] = ({ host, port }, connected) => {
    const target = { host: host ?? "", port: Number(port ?? 443) }
    const name = isIP(target.host) === 0 ? { servername: target.host } : {}
    openTunnel(proxy, target, connectMs).then(
      (socket) => connected?.(null, connect({ host: target.host, ...name, socket })),
      (error: Error) => connected?.(error, new Socket()),
    )
    return undefined
  }
  return Object.assign(new https.Agent(pool), { createConnection })
}

type Pools = { plain: http.Agent; secure: https.Agent }

/** What goes in the clear is asked of the proxy by its whole address. */
function throughProxy(
  { host, port, secure, authorization }: OuterProxy,
  url: URL,
  options: http.RequestOptions,
  pools: Pools,
): http.ClientRequest {
  const headers = {
    ...options.headers,
    host: url.host,
    ...(authorization === undefined ? {} : { "proxy-authorization": authorization.reveal() }),
  }
  const asked = { ...options, host, port, path: url.href, headers }
  return secure ? https.request({ ...asked, agent: pools.secure }) : http.request({ ...asked, agent: pools.plain })
}
