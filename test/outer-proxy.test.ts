import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, request as requestOver } from "node:http"
import { connect, createServer as createTcpServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createServer as createTlsServer } from "node:tls"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { run } from "../src/lib/process.ts"
import { type ModelServer, startModelServer } from "./model-server/index.ts"
import { bundle, start } from "./programs.ts"

/*
 * The gateway in a company's network: a real proxy on loopback is the only way to the model, whose name nobody but the
 * proxy knows, and which speaks TLS with a certificate made here.
 */

const KEY = "sk-the-users-own-key"
const NAME = "models.corp.example"
const PASSWORD = "word:of the proxy"

let programs: Awaited<ReturnType<typeof bundle>>
let folder = ""
let model: ModelServer
let door: { port: number; close(): void }
let proxy: Awaited<ReturnType<typeof companyProxy>>
let silent: Server
let silentPort = 0

beforeAll(async () => {
  programs = await bundle("test/fixtures/gateway-worker.ts")
  folder = await mkdtemp(join(tmpdir(), "flyball-proxy-"))
  await certificate()
  model = await startModelServer({ turns: [{ text: "Done.", usage: { in: 1_000, out: 100 } }] })
  door = await tlsDoor(new URL(model.url).port)
  proxy = await companyProxy()
  // Accepts, and says nothing.
  silent = createTcpServer(() => {})
  silentPort = await listening(silent)
})
afterAll(async () => {
  for (const each of [proxy, door, silent]) each.close()
  await model.close()
  await programs.remove()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  proxy.asked.length = 0
  model.requests.length = 0
  proxy.asks(undefined)
})

describe("a company's proxy", () => {
  test("leads to the model by one tunnel, in which it sees neither key nor prompt nor answer", async () => {
    const before = proxy.sent().length
    const answers = await asked({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, ...secure() }, 2)
    expect(answers).toMatchObject([
      { status: 200, text: expect.stringContaining("message_stop") },
      { status: 200, seen: { requests: 2 } },
    ])
    expect(answers[1]?.usd).toBeGreaterThan(0)
    expect(proxy.asked).toEqual([`CONNECT ${NAME}:${door.port}`])
    expect(model.requests.map(({ token }) => token)).toEqual([KEY, KEY])
    const seen = proxy.sent().slice(before)
    expect(seen.length).toBeGreaterThan(500)
    for (const word of [KEY, "a secret prompt", "Done.", "/v1/messages"]) expect(seen).not.toContain(word)
  })

  test("is asked in the clear for what is in the clear, by its whole address", async () => {
    const env = {
      HTTP_PROXY: `127.0.0.1:${proxy.port}`,
      ANTHROPIC_BASE_URL: `http://${NAME}:${new URL(model.url).port}`,
    }
    expect(await asked(env)).toMatchObject([{ status: 200, text: expect.stringContaining("message_stop") }])
    expect(proxy.asked).toEqual([`POST ${env.ANTHROPIC_BASE_URL}/v1/messages?beta=true`])
    expect(model.requests.map(({ headers }) => headers.host)).toEqual([new URL(env.ANTHROPIC_BASE_URL).host])
  })

  test("gets its password, and the model does not", async () => {
    proxy.asks(PASSWORD)
    const by = `http://me:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`
    expect(await asked({ HTTPS_PROXY: by, ...secure() })).toMatchObject([{ status: 200 }])
    expect(JSON.stringify(model.requests)).not.toMatch(/proxy-authorization|word:of/i)
  })

  test.each([
    ["asks for a password", () => `http://me:wrong-word@127.0.0.1:${proxy.port}`, /asks for a password \(407\)/],
    [
      "is not there",
      () => "http://me:wrong-word@127.0.0.1:1",
      /the proxy 127\.0\.0\.1:1 can't be reached: ECONNREFUSED/,
    ],
    ["does not answer", () => `http://me:wrong-word@127.0.0.1:${silentPort}`, /can't be reached: no answer in 2 s/],
    ["is none that is known", () => "socks5://me:wrong-word@127.0.0.1:1", /HTTPS_PROXY names no http/],
  ])("that %s is told of as such, without its password", async (_, by, why) => {
    proxy.asks(PASSWORD)
    const [answer] = await asked({ HTTPS_PROXY: by(), ...secure() })
    expect(answer).toMatchObject({ status: 502, text: expect.stringMatching(why) })
    expect(JSON.stringify(answer)).not.toMatch(/wrong-word|d3Jvbmc/)
    expect(model.requests).toEqual([])
  })

  test("is left out for what NO_PROXY names, and for this machine", async () => {
    const here = { ANTHROPIC_BASE_URL: model.url, HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
    expect(await asked(here)).toMatchObject([{ status: 200 }])
    const named = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: "corp.example", ...secure() }
    // Nobody but the proxy knows where it is.
    expect(await asked(named)).toMatchObject([{ status: 502, text: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) }])
    expect(proxy.asked).toEqual([])
  })

  test("whose host has another certificate than the name is not spoken to", async () => {
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, ...secure("other.corp.example") }
    expect(await asked(env)).toMatchObject([{ status: 502, text: expect.stringMatching(/ERR_TLS_CERT_ALTNAME/) }])
    expect(model.requests).toEqual([])
  })
})

const secure = (name = NAME) => ({ ANTHROPIC_BASE_URL: `https://${name}:${door.port}` })

type Answer = { status: number; text: string; usd: number; seen: unknown }

/** What an agent is answered by a gateway with this environment. */
async function asked(env: Record<string, string>, times = 1): Promise<Answer[]> {
  const program = start(programs.path("gateway-worker"), [folder, String(times)], {
    env: { ANTHROPIC_API_KEY: KEY, NODE_EXTRA_CA_CERTS: join(folder, "cert.pem"), ...env },
  })
  const { code } = await program.exit
  expect(code, program.stderr()).toBe(0)
  return program.lines.map((line) => JSON.parse(line))
}

async function certificate(): Promise<void> {
  const made = await run(
    [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ].concat([
      "-keyout",
      "key.pem",
      "-out",
      "cert.pem",
      "-subj",
      `/CN=${NAME}`,
      "-addext",
      `subjectAltName=DNS:${NAME}`,
    ]),
    { cwd: folder, env: { PATH: process.env.PATH ?? "" }, timeoutMs: 20_000 },
  )
  if (made.exitCode !== 0) throw new Error(made.stderr)
}

/** The model's server, by TLS. */
async function tlsDoor(behind: string): Promise<{ port: number; close(): void }> {
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(folder, name)))
  const server = createTlsServer({ key, cert }, (client) => {
    const server = connect(Number(behind), "127.0.0.1")
    client.pipe(server).pipe(client)
    for (const each of [client, server]) each.on("error", () => each.destroy())
  })
  server.on("tlsClientError", () => {})
  return { port: await listening(server), close: () => server.close() }
}

/** Knows every name under corp.example as 127.0.0.1, and keeps all that it could read. */
async function companyProxy() {
  const asked: string[] = []
  let sent = ""
  let wanted: string | undefined
  const server = createServer()
  const mayPass = (authorization: string | undefined) =>
    wanted === undefined || authorization === `Basic ${Buffer.from(`me:${wanted}`).toString("base64")}`
  server.on("connect", (request, client, head) => {
    client.on("error", () => client.destroy())
    if (!mayPass(request.headers["proxy-authorization"]))
      return client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
    asked.push(`CONNECT ${request.url}`)
    const there = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n")
      there.write(head)
      client.pipe(there).pipe(client)
    })
    there.on("error", () => client.destroy())
    const keep = (chunk: Buffer) => {
      sent += chunk.toString("latin1")
    }
    for (const each of [client, there]) each.on("data", keep)
  })
  server.on("request", (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const { port, pathname, search, host } = new URL(request.url ?? "")
    const { "proxy-authorization": _, ...headers } = request.headers
    const there = requestOver(
      { host: "127.0.0.1", port, path: pathname + search, method: request.method, headers: { ...headers, host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(there)
  })
  const asks = (password: string | undefined) => {
    wanted = password
  }
  return { port: await listening(server), asked, sent: () => sent, asks, close: () => server.close() }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    }),
  )
}
