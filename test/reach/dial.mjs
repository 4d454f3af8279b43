// What an agent would use to get out: prints what it heard, or why it heard nothing.
// node dial.mjs unix PATH | abstract NAME | tcp HOST PORT | udp HOST PORT TEXT | name HOST
//   | get URL [TOKEN] | through HOST:PORT [TOKEN] | post URL BODY [TOKEN]
import { createSocket } from "node:dgram"
import { lookup, Resolver } from "node:dns/promises"
import { request } from "node:http"
import { connect } from "node:net"

const [how, where = "", ...rest] = process.argv.slice(2)
const say = (text) => console.log(text)
const no = (error) => say(`no: ${error.code ?? error.message}`)
const proxy = new URL(process.env.HTTP_PROXY ?? "http://x:none@127.0.0.1:9")
const passed = (token) => {
  const pair = token === undefined ? `${proxy.username}:${proxy.password}` : `x:${token}`
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` }
}

const ways = {
  unix: () => listen(connect({ path: where })),
  abstract: () => listen(connect({ path: `\0${where}` })),
  tcp: () => listen(connect({ host: where, port: Number(rest[0]) })),
  name: () => lookup(where).then(({ address }) => say(`resolved ${address}`), no),
  async udp() {
    const resolver = new Resolver({ timeout: 500, tries: 1 })
    resolver.setServers([`${where}:${rest[0]}`])
    await resolver.resolve4(rest[1] ?? "").then((found) => say(`resolved ${found}`), no)
    const socket = createSocket("udp4")
    await new Promise((resolve) =>
      socket.send(rest[1] ?? "", Number(rest[0]), where, (error) => resolve(error && no(error))),
    )
    socket.close()
  },
  get: () => ask({ path: where, headers: { host: new URL(where).host, ...passed(rest[0]) } }),
  through: () => ask({ method: "CONNECT", path: where, headers: passed(rest[0]) }),
  post: () =>
    ask(
      {
        method: "POST",
        path: where,
        headers: { "content-type": "application/json", "x-api-key": rest[1] ?? decodeURIComponent(proxy.password) },
      },
      rest[0],
    ),
}
await ways[how]()

function listen(socket) {
  return new Promise((resolve) => {
    socket.setTimeout(2_000, () => socket.destroy(new Error("silence")))
    socket.on("data", (chunk) => {
      process.stdout.write(chunk)
      socket.destroy()
    })
    socket.on("error", no)
    socket.on("close", resolve)
  })
}

function ask(options, body = "") {
  return new Promise((resolve) => {
    const sent = request({ host: proxy.hostname, port: proxy.port, agent: false, timeout: 5_000, ...options })
    const heard = (answer) => {
      say(`status ${answer.statusCode} ${answer.headers.location ?? ""}`)
      answer.setEncoding("utf8")
      answer.on("data", (text) => process.stdout.write(text))
      answer.on("end", resolve)
    }
    sent.on("response", heard)
    sent.on("connect", (answer, socket, head) => {
      say(`status ${answer.statusCode}\n${head}`)
      socket.destroy()
      resolve()
    })
    sent.on("timeout", () => sent.destroy(new Error("silence")))
    sent.on("error", (error) => resolve(no(error)))
    sent.end(body)
  })
}
