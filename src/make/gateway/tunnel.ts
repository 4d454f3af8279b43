import * as http from "node:http"
import * as https from "node:https"
import type { Socket } from "node:net"
import type { OuterProxy } from "./outer-proxy.ts"

/** Asks a proxy for a tunnel; rejects with words that name the proxy and nothing of its password. */
export function openTunnel(
  { host, port, secure, authorization }: OuterProxy,
  target: { host: string; port: number },
  connectMs: number,
): Promise<Socket> {
  const authority = `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`
  const name = `the proxy ${host}:${port}`
  return new Promise((resolve, reject) => {
    const asking = (secure ? https : http).request({
      host,
      port,
      method: "CONNECT",
      path: authority,
      agent: false,
      headers: {
        host: authority,
        ...(authorization === undefined ? {} : { "proxy-authorization": authorization.reveal() }),
      },
    })
    const timer = setTimeout(() => asking.destroy(new Error(`no answer in ${connectMs / 1000} s`)), connectMs)
    const over = (end: () => void) => {
      clearTimeout(timer)
      end()
    }
    const refused = (status: number | undefined) =>
      new Error(
        status === 407 ? `${name} asks for a password (407)` : `${name} answered ${status} to CONNECT ${authority}`,
      )
    asking.once("connect", (answer, socket, head) =>
      over(() => {
        if (answer.statusCode !== 200) {
          socket.destroy()
          return reject(refused(answer.statusCode))
        }
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      }),
    )
    asking.once("response", (answer) =>
      over(() => {
        answer.destroy()
        reject(refused(answer.statusCode))
      }),
    )
    asking.once("error", (error) =>
      over(() => {
        const why = "code" in error && typeof error.code === "string" ? error.code : error.message
        reject(new Error(`${name} can't be reached: ${why}`))
      }),
    )
    asking.end()
  })
}
