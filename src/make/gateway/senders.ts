import * as http from "node:http"
import * as https from "node:https"

/** Connections to providers, kept for the next request. */
export type Senders = {
  send(url: URL, options: http.RequestOptions): http.ClientRequest
  close(): void
}

/** Opens the pools, one for each scheme. */
export function openSenders(): Senders {
  const pool = { keepAlive: true, scheduling: "lifo", maxFreeSockets: 32 } as const
  const [plain, secure] = [new http.Agent(pool), new https.Agent(pool)]
  return {
    send: (url, options) =>
      url.protocol === "https:"
        ? https.request(url, { ...options, agent: secure })
        : http.request(url, { ...options, agent: plain }),
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}
