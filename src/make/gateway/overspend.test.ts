import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { Prices } from "../price.ts"
import { type Gateway, openGateway } from "./gateway.ts"
import type { MeteredRequest } from "./metered.ts"
import { ask, post } from "./testing.ts"
import { upstreamsOf } from "./upstreams.ts"

/*
 * A provider that answers anything: what is counted must be what it may bill, whatever the account looks like.
 */

const KEY = "sk-the-users-own-key-12345"
let folder: string
let provider: Awaited<ReturnType<typeof openProvider>>
let gateway: Gateway

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-over-"))
  provider = await openProvider()
  gateway = await openHere()
})

afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await provider.close()
  await rm(folder, { recursive: true, force: true })
})

function openHere(prices: Prices = {}): Promise<Gateway> {
  const upstreams = upstreamsOf({ OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: KEY })
  return openGateway({ upstreams, prices, socketDir: folder, limits: { waitMs: 200 } })
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void

async function openProvider() {
  const seen: { url: string; body: string }[] = []
  let answer: Answer = (response) => response.end("{}")
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", (chunk) => {
      body += chunk
    })
    request.on("end", () => {
      seen.push({ url: request.url ?? "", body })
      answer(response, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1`,
    seen,
    answers(next: Answer) {
      answer = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}

const whole =
  (usage: unknown, more: object = {}): Answer =>
  (response) => {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ object: "chat.completion", choices: [], usage, ...more }))
  }

function open(usd?: number, wanted: Gateway = gateway) {
  const lines: MeteredRequest[] = []
  const label = { change: "c", attempt: 1, agent: "a", role: "maker" }
  const pass = wanted.open({ label, ...(usd === undefined ? {} : { usd }), onRequest: (line) => lines.push(line) })
  const chat = (more: object = {}, asking: object = {}) =>
    ask("chat", { url: wanted.url, token: pass.token, stream: false, output: 1_000, more: { ...more }, ...asking })
  return { pass, lines, chat }
}

// gpt-5.2: $1.75 and $14 per million tokens.
test.each([
  ["missing", undefined],
  ["no object", "many"],
  ["in quotes", { prompt_tokens: "5", completion_tokens: "5" }],
  ["negative", { prompt_tokens: -5, completion_tokens: -5 }],
  ["zero", { prompt_tokens: 0, completion_tokens: 0 }],
  ["beyond any count", { prompt_tokens: 1e300, completion_tokens: 1e300 }],
])("M2: an account that is %s is charged by estimate", async (_, usage) => {
  provider.answers(whole(usage))
  const { pass, chat } = open(5)
  expect((await chat()).status).toBe(200)
  const { usd, basis } = pass.spend()
  expect(basis).toBe("estimated")
  expect(usd).toBeGreaterThan(0.0009)
  expect(usd).toBeLessThan(5)
})

test("M1: a provider that counts more than was estimated is set aside for accordingly the next time", async () => {
  provider.answers(whole({ prompt_tokens: 60_000, completion_tokens: 10 }))
  const { lines, chat } = open(5)
  await chat()
  await chat()
  const [first, second] = lines.map((line) => (line.is === "request" ? (line.reservedUsd ?? 0) : 0))
  expect(first).toBeLessThan(0.03)
  expect(second).toBeGreaterThan(60_000 * 1.75e-6)
})

test("M1: fifty requests at once at the ceiling, each as dear as it may be, spend no cent above it", async () => {
  provider.answers((response, request) => {
    setTimeout(() => whole({ prompt_tokens: 500, completion_tokens: 3_000 })(response, request), 5)
  })
  const { pass, chat } = open(0.5)
  const all = await Promise.all(Array.from({ length: 50 }, () => chat({}, { output: 3_000 })))
  expect(pass.spend().usd).toBeLessThanOrEqual(0.5)
  expect(pass.spend().usd).toBeGreaterThan(0.4)
  expect(all.filter(({ status }) => status === 200).length).toBeGreaterThan(8)
})

test("a router that says what it charges is believed where it is more than the list says; the user's own price goes first", async () => {
  provider.answers(whole({ prompt_tokens: 10, completion_tokens: 10, cost: 0.25 }))
  const listed = open(5)
  await listed.chat()
  expect(listed.pass.spend().usd).toBe(0.25)
  await using own = await openHere({ "gpt-5.2": { in: 1, out: 1 } })
  const priced = open(5, own)
  await priced.chat()
  expect(priced.pass.spend().usd).toBeCloseTo(0.00002, 6)
})

test("an answer that is not streamed, and that nobody waits for, is charged whole: it may be made to its end", async () => {
  const leaves = new AbortController()
  provider.answers(() => leaves.abort())
  const { pass, chat } = open(5)
  await chat({}, { signal: leaves.signal, output: 20_000 }).catch(() => undefined)
  await expect.poll(() => pass.spend().tokens.out).toBe(20_000)
})

test("a provider that reads a request and breaks off is not asked again in silence", async () => {
  provider.answers(whole({ prompt_tokens: 1, completion_tokens: 1 }))
  const { pass, chat } = open(5)
  await chat()
  provider.answers((response) => setTimeout(() => response.socket?.resetAndDestroy(), 2_200))
  expect((await chat()).status).toBe(502)
  expect(provider.seen.length).toBe(2)
  expect(pass.spend()).toMatchObject({ basis: "estimated" })
})

test("what leaves the account out of the answer is not passed on", async () => {
  const { pass } = open(5)
  const url = `${gateway.url}/v1/chat/completions?fields=choices&%24fields=choices&alt=media&constructor=1&beta=true`
  const body = JSON.stringify({ model: "gpt-5.2", messages: [] })
  await post(url, body, { authorization: `Bearer ${pass.token}` })
  expect(provider.seen.at(-1)?.url).toBe("/v1/chat/completions?beta=true")
})

test("counting costs nothing, and yet no provider fetches an address for it", async () => {
  const { pass } = open(5)
  const input = [{ content: [{ type: "input_image", image_url: "https://evil.example/?secret" }] }]
  const body = JSON.stringify({ model: "gpt-5.2", input })
  const answered = await post(`${gateway.url}/v1/responses/input_tokens`, body, {
    authorization: `Bearer ${pass.token}`,
  })
  expect([answered.status, provider.seen.length]).toEqual([400, 0])
})

test("a key that a provider tells in the middle of a stream is in no note of ours", async () => {
  provider.answers((response) => {
    response.setHeader("content-type", "text/event-stream")
    response.end(`data: ${JSON.stringify({ error: { message: `bad key ${KEY}` } })}\n\n`)
  })
  const { pass, lines, chat } = open(5)
  const answered = await chat({}, { stream: true })
  expect(answered.text).toContain("bad key ***")
  expect(JSON.stringify([lines, pass.seen()])).toContain("bad key ***")
  expect(JSON.stringify([lines, pass.seen()])).not.toContain(KEY)
})
