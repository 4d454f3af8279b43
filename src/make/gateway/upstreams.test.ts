import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { openGateway } from "./gateway.ts"
import type { MeteredRequest } from "./metered.ts"
import { loadProviders, parseProviders } from "./providers-file.ts"
import { ask } from "./testing.ts"
import { addressOf, credentialHeaders, upstreamFor, upstreamsOf } from "./upstreams.ts"
import { openVeil } from "./veil.ts"
import type { WireName } from "./wires/wire.ts"

const KEY = "sk-secret-0123456789abcdef"
const label = { change: "c1", attempt: 1, agent: "implementer", role: "maker" }
let home = ""
let server: Server
let url = ""
let serve: (request: IncomingMessage, response: ServerResponse) => void = () => {}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "flyball-upstreams-"))
  server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
})

afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await rm(home, { recursive: true, force: true })
})

test("the environment's providers: each with its key, in the form that it wants", () => {
  const env = {
    ANTHROPIC_API_KEY: "a",
    OPENAI_API_KEY: "o",
    GEMINI_API_KEY: "g",
    AWS_SECRET_ACCESS_KEY: "none of ours",
  }
  expect(upstreamsOf(env).map((each) => [each.name, each.baseUrl.host, credentialHeaders(each)])).toEqual([
    ["anthropic", "api.anthropic.com", { "x-api-key": "a" }],
    ["openai", "api.openai.com", { authorization: "Bearer o" }],
    ["gemini", "generativelanguage.googleapis.com", { "x-goog-api-key": "g" }],
  ])
  expect(upstreamsOf({})).toEqual([])
  const [proxy] = upstreamsOf({ ANTHROPIC_BASE_URL: "https://llm.corp.example/anthropic", ANTHROPIC_AUTH_TOKEN: "t" })
  expect(proxy && credentialHeaders(proxy)).toEqual({ authorization: "Bearer t" })
  expect(upstreamsOf({ OPENAI_BASE_URL: "no address", OPENAI_API_KEY: "o" })).toEqual([])
})

test.each([
  ["messages", "https://api.anthropic.com", "/messages", "https://api.anthropic.com/v1/messages?beta=true"],
  ["messages", "https://corp.example/anthropic/", "/messages", "https://corp.example/anthropic/v1/messages?beta=true"],
  ["messages", "https://corp.example/v1", "/messages", "https://corp.example/v1/messages?beta=true"],
  [
    "chat",
    "https://openrouter.ai/api/v1",
    "/chat/completions",
    "https://openrouter.ai/api/v1/chat/completions?beta=true",
  ],
  ["chat", "http://127.0.0.1:11434", "/chat/completions", "http://127.0.0.1:11434/v1/chat/completions?beta=true"],
  [
    "chat",
    "https://x.azure.example/openai/v1?api-version=p",
    "/chat/completions",
    "https://x.azure.example/openai/v1/chat/completions?api-version=p&beta=true",
  ],
  [
    "gemini",
    "https://g.example",
    "/v1beta/models/m:generateContent",
    "https://g.example/v1beta/models/m:generateContent?beta=true",
  ],
  [
    "gemini",
    "https://g.example/v1beta",
    "/v1beta/models/m:generateContent",
    "https://g.example/v1beta/models/m:generateContent?beta=true",
  ],
] as const)("%s at %s", (wire: WireName, base, path, address) => {
  const [upstream] = upstreamsOf({ OPENAI_BASE_URL: base })
  const query = new URLSearchParams("beta=true&key=fb_token")
  expect(upstream && addressOf(upstream, wire, { does: "free", path }, query).href).toBe(address)
})

test("providers.yaml names providers, their keys and prices, and stands above the environment", async () => {
  await writeFile(join(home, "router.key"), `${KEY}\n`, { mode: 0o600 })
  const text = `
providers:
  openrouter:
    wire: [chat, responses]
    base_url: https://openrouter.ai/api/v1
    key_file: router.key
    headers: { HTTP-Referer: "https://corp.example" }
    prices: { "qwen/qwen3-coder": { in: 0.3, out: 1.2, cache_read: 0.1, max_output: 32000 } }
  local: { wire: chat, base_url: "http://127.0.0.1:11434/v1", default: true, prices: { "*": { in: 0, out: 0 } } }
  anthropic: { wire: messages, base_url: https://llm.corp.example, key_env: CORP_KEY, auth: bearer, default: true }
prices: { house-model: { in: 1, out: 2 } }
`
  const file = join(home, "providers.yaml")
  await writeFile(file, text, { mode: 0o600 })
  const { upstreams, prices } = await loadProviders(home, {
    CORP_KEY: "corp",
    ANTHROPIC_API_KEY: "own",
    OPENAI_API_KEY: "o",
  })
  expect(upstreams.map(({ name }) => name)).toEqual(["openrouter", "local", "anthropic", "openai"])
  expect(upstreamFor(upstreams, "chat")?.name).toBe("local")
  expect(upstreamFor(upstreams, "responses")?.name).toBe("openai")
  expect(upstreamFor(upstreams, "chat", "openrouter")?.prices).toMatchObject({
    "qwen/qwen3-coder": { maxOutput: 32_000 },
  })
  const [router, , corp] = upstreams
  expect(router && credentialHeaders(router)).toEqual({
    authorization: `Bearer ${KEY}`,
    "http-referer": "https://corp.example",
  })
  expect(corp && credentialHeaders(corp)).toEqual({ authorization: "Bearer corp" })
  expect(prices).toMatchObject({ "house-model": { in: 1, out: 2 } })
  expect(
    `${inspect(upstreams, { depth: 9 })}${JSON.stringify(upstreams)}${upstreams.map((each) => each.key)}`,
  ).not.toContain(KEY)
  await chmod(file, 0o644)
  await expect(loadProviders(home, {})).rejects.toMatchObject({ code: "PROVIDERS_READABLE", hint: `chmod 600 ${file}` })
  await rm(file)
  expect(await loadProviders(home, {})).toEqual({ upstreams: [], prices: {} })
})

test.each([
  ["providers:\n  a: { wire: chat, base_url: nowhere }", "p.yaml:2:20", "This is no address"],
  ["providers:\n  a: { wire: soap, base_url: https://a.example }", "p.yaml:2:8", "providers.a.wire"],
  ["providers:\n  a:\n    wire: chat\n    base_url: https://a.example\n    kee: x", "p.yaml:2:3", "No such key: `kee`"],
  ["providers:\n  a: { wire: chat, base_url: http://a.example, key: abc }", "p.yaml:2:20", "in the clear"],
  ["providers:\n  a: { wire: chat, base_url: https://a.example, key: abc, key_env: X }", "p.yaml:2:49", "once"],
  [
    "providers:\n  a: { wire: chat, base_url: https://a.example, key_env: NOT_SET }",
    "p.yaml:2:49",
    "NOT_SET is not set",
  ],
  ["providers:\n  a: { wire: chat, base_url: https://u:p@a.example }", "p.yaml:2:20", "without a user"],
  ["prices:\n  m: { in: -1, out: 2 }", "p.yaml:2:8", "prices.m.in"],
  ["providers:\n  a: { wire: chat", "p.yaml:", ""],
])("an error in the file is told with its place: %j", async (text, place, why) => {
  const failure = await parseProviders("p.yaml", text, { env: {}, home }).catch((thrown: unknown) => thrown)
  expect(failure).toMatchObject({ code: "PROVIDERS_INVALID", message: expect.stringContaining(place) })
  expect(failure).toMatchObject({ message: expect.stringContaining(why) })
})

test.each(["text", "error", "header", "split over chunks"])(
  "the key never comes back to the agent: %s",
  async (where) => {
    serve = (request, response) => {
      const echoed = `you sent ${JSON.stringify(request.headers)}`
      if (where === "error") return void response.writeHead(500).end(echoed)
      if (where === "header") return void response.writeHead(200, { "x-echo": `Bearer ${KEY}` }).end("{}")
      if (where === "text") return void response.writeHead(200).end(echoed)
      response.writeHead(200, { "content-type": "text/event-stream" })
      const at = echoed.indexOf(KEY) + 7
      response.write(echoed.slice(0, at), () => setTimeout(() => response.end(echoed.slice(at)), 20))
    }
    await using gateway = await openGateway({
      upstreams: upstreamsOf({ OPENAI_BASE_URL: url, OPENAI_API_KEY: KEY }),
      socketDir: home,
    })
    const lines: MeteredRequest[] = []
    const pass = gateway.open({ label, onRequest: (line) => lines.push(line) })
    const answered = await ask("chat", { url: gateway.url, token: pass.token })
    expect(answered.text + JSON.stringify(answered.headers) + JSON.stringify([lines, pass.seen()])).not.toContain(KEY)
    if (where !== "header") expect(answered.text).toContain("you sent")
    expect(inspect(gateway, { depth: 9, showHidden: true })).not.toContain(KEY)
  },
)

test("a veil holds back no more than what may be a key's beginning", () => {
  const veil = openVeil([KEY])
  expect(veil.pass(Buffer.from("abc sk-")).toString()).toBe("abc ")
  expect(veil.pass(Buffer.from("etchings and sk-secret-")).toString()).toBe("sk-etchings and ")
  expect(veil.pass(Buffer.from("0123456789abcdef!")).toString()).toBe(`${"*".repeat(KEY.length)}!`)
  expect(veil.pass(Buffer.from("s")).toString() + veil.rest().toString()).toBe("s")
})

test("an answer that was compressed though nobody asked is metered and handed on in the clear", async () => {
  const body = JSON.stringify({
    choices: [{ message: { content: "hi" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 7, completion_tokens: 3 },
  })
  serve = (request, response) => {
    expect(request.headers["accept-encoding"]).toBe("identity")
    const bytes = gzipSync(body)
    response
      .writeHead(200, {
        "content-encoding": "gzip",
        "content-length": bytes.length,
        "content-type": "application/json",
      })
      .end(bytes)
  }
  const { answered, pass } = await asked()
  expect(answered).toMatchObject({ status: 200, text: body, whole: true })
  expect(answered.headers["content-encoding"]).toBeUndefined()
  expect(pass.spend().tokens).toMatchObject({ in: 7, out: 3 })
})

test("a redirect is not followed, and leads no agent past the gateway", async () => {
  serve = (_, response) => void response.writeHead(307, { location: "https://evil.example/v1" }).end()
  const { answered, pass } = await asked()
  expect(answered.status).toBe(502)
  expect(answered.headers.location).toBeUndefined()
  expect(pass.seen().upstreamTrouble).toMatch(/redirects/)
})

test("a provider that can't be reached is told, and costs nothing", async () => {
  await using gateway = await openGateway({
    upstreams: upstreamsOf({ OPENAI_BASE_URL: "http://127.0.0.1:9/v1", OPENAI_API_KEY: KEY }),
    socketDir: home,
  })
  const pass = gateway.open({ label, usd: 1 })
  const answered = await ask("chat", { url: gateway.url, token: pass.token })
  expect(answered.status).toBe(502)
  expect(answered.text).toMatch(/ECONNREFUSED/)
  expect(pass.spend().usd).toBe(0)
})

test("a kept connection that the provider closed meanwhile is no failure", async () => {
  let served = 0
  serve = (request, response) => {
    served++
    request.resume().once("end", () => response.end("{}"))
    // Closes right after it said that it would keep the connection.
    if (served === 1) response.once("finish", () => setTimeout(() => request.socket.destroy(), 5))
  }
  await using gateway = await openGateway({ upstreams: upstreamsOf({ OPENAI_BASE_URL: url }), socketDir: home })
  const pass = gateway.open({ label })
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) statuses.push((await ask("chat", { url: gateway.url, token: pass.token })).status)
  expect(statuses).toEqual([200, 200, 200, 200, 200])
})

test("no provider for a wire: it says which key to set", async () => {
  await using gateway = await openGateway({ upstreams: [], socketDir: home })
  const pass = gateway.open({ label })
  expect((await ask("gemini", { url: gateway.url, token: pass.token })).text).toContain("set GEMINI_API_KEY")
  const named = gateway.open({ label, provider: "router" })
  expect((await ask("chat", { url: gateway.url, token: named.token })).text).toContain("no provider `router`")
})

async function asked() {
  await using gateway = await openGateway({
    upstreams: upstreamsOf({ OPENAI_BASE_URL: url, OPENAI_API_KEY: KEY }),
    socketDir: home,
  })
  const pass = gateway.open({ label, usd: 1 })
  return { answered: await ask("chat", { url: gateway.url, token: pass.token, stream: false }), pass }
}
