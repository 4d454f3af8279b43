import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ModelServer, type Script, startModelServer } from "../../../test/model-server/index.ts"
import { type Gateway, openGateway } from "./gateway.ts"
import type { MeteredModelRequest } from "./metered.ts"
import type { PassOptions } from "./pass.ts"
import { ask, listed } from "./testing.ts"
import { upstreamsOf } from "./upstreams.ts"
import { wireNames } from "./wires/wire.ts"

/** 10 dollars per million tokens, in and out: 100,000 tokens are a dollar. */
const FLAT = { in: 10, out: 10 }
const label = { change: "c1", attempt: 1, agent: "implementer", role: "maker" }
let home = ""
let model: ModelServer
let gateway: Gateway

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "flyball-money-"))
  model = await startModelServer(using(0, 0))
  const url = model.url
  gateway = await openGateway({
    upstreams: upstreamsOf({
      ANTHROPIC_BASE_URL: url,
      OPENAI_BASE_URL: `${url}/v1`,
      GOOGLE_GEMINI_BASE_URL: url,
      ANTHROPIC_API_KEY: "k".repeat(20),
    }),
    prices: { flat: FLAT },
    socketDir: home,
    limits: { waitMs: 2_000, askMs: 200 },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await model.close()
  await rm(home, { recursive: true, force: true })
})

test.each(wireNames)("M1: %s is refused at the ceiling, with a status that agents take for final", async (wire) => {
  model.script(using(1_000, 4_000))
  const { pass, ceilings } = opened({ usd: 0.1 })
  const before = model.requests.length
  const asking = { url: gateway.url, token: pass.token, model: "flat", output: 4_000 }
  expect((await ask(wire, asking)).status).toBe(200)
  expect(pass.spend().usd).toBeCloseTo(0.05)
  expect((await ask(wire, asking)).status).toBe(200)
  expect(pass.spend().usd).toBeCloseTo(0.1)
  const refused = await ask(wire, asking)
  const last = wire === "messages" ? 403 : 400
  expect(refused.status).toBe(last)
  expect(refused.text).toContain("Flyball: the ceiling of $0.1000 for this attempt is reached")
  expect(refused.headers["x-should-retry"]).toBe("false")
  expect((await ask(wire, asking)).status).toBe(last)
  expect(ceilings).toHaveLength(1)
  expect(pass.seen().refused).toBe(ceilings[0])
  expect(pass.spend().usd).toBeLessThanOrEqual(0.1)
  expect(model.requests.length).toBe(before + 2)
})

test.each(wireNames)("%s: the output is lowered to what fits, and that is noted", async (wire) => {
  model.script(using(1_000, 10))
  const { pass, lines } = opened({ usd: 0.1 })
  await ask(wire, { url: gateway.url, token: pass.token, model: "flat", output: 60_000 })
  const lowered = lines[0]?.lowered
  expect(lowered?.from).toBe(60_000)
  expect(lowered?.to).toBeGreaterThan(2_048)
  expect(lowered?.to).toBeLessThan(10_000)
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain(`:${lowered?.to}`)
  expect(lines[0]?.reservedUsd).toBeLessThanOrEqual(0.1)
})

test.each(["responses", "chat", "gemini"] as const)(
  "%s that names no limit is given one where not all fits",
  async (wire) => {
    model.script(using(1_000, 10))
    const plenty = opened({ usd: 100 })
    await ask(wire, { url: gateway.url, token: plenty.pass.token, model: "flat" })
    expect(JSON.stringify(model.requests.at(-1)?.body)).not.toMatch(/max_(output|completion)_tokens|maxOutputTokens/)
    const little = opened({ usd: 0.1 })
    await ask(wire, { url: gateway.url, token: little.pass.token, model: "flat" })
    expect(JSON.stringify(model.requests.at(-1)?.body)).toMatch(/max_(output|completion)_tokens|maxOutputTokens/)
  },
)

test("thinking leaves room for the answer: below its budget nothing is lowered", async () => {
  model.script(using(1_000, 10))
  const thinking = { thinking: { type: "enabled", budget_tokens: 8_000 } }
  const { pass, ceilings } = opened({ usd: 0.09 })
  const asking = { url: gateway.url, token: pass.token, model: "flat", output: 20_000, more: thinking }
  expect((await ask("messages", asking)).status).toBe(403)
  expect(ceilings).toHaveLength(1)
})

test("M2: a price that nobody knows fails closed under a dollar ceiling, and says how to add it", async () => {
  const { pass, ceilings } = opened({ usd: 1 })
  const before = model.requests.length
  const refused = await ask("chat", { url: gateway.url, token: pass.token, model: "home-made-7b" })
  expect(refused.status).toBe(400)
  expect(JSON.parse(refused.text).error.message).toMatch(/"home-made-7b".*providers\.yaml.*in: 3, out: 15/)
  expect(ceilings).toHaveLength(1)
  expect(model.requests.length).toBe(before)
})

test("M2: without a dollar ceiling an unknown price is unknown, and the tokens are counted", async () => {
  model.script(using(1_000, 50))
  const { pass } = opened({})
  expect((await ask("chat", { url: gateway.url, token: pass.token, model: "home-made-7b" })).status).toBe(200)
  expect(pass.spend()).toMatchObject({ usd: 0, basis: "unknown", tokens: { in: 1_000, out: 50 } })
})

test("a ceiling in tokens holds like one in dollars", async () => {
  model.script(using(1_000, 3_000))
  const { pass, ceilings } = opened({ tokens: 10_000 })
  const asking = { url: gateway.url, token: pass.token, model: "home-made-7b", output: 4_000 }
  const statuses = []
  for (let n = 0; n < 4; n++) statuses.push((await ask("chat", asking)).status)
  expect(statuses).toEqual([200, 200, 400, 400])
  expect(ceilings[0]).toMatch(/ceiling of 10000 tokens/)
})

test("M1: requests at once never sum above the ceiling, and wait for what others give back", async () => {
  model.script(using(500, 1_000))
  const { pass, lines } = opened({ usd: 0.2 })
  const asking = { url: gateway.url, token: pass.token, model: "flat", output: 6_000 }
  const all = await Promise.all(Array.from({ length: 12 }, () => ask("messages", asking)))
  // Each costs 0.015 at the end; three fit at once, and all after each other until the last cent.
  expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(9)
  expect(pass.spend().usd).toBeLessThanOrEqual(0.2)
  expect(lines).toHaveLength(12)
})

test("the ledger is asked for more before anything is refused, and what it gives counts", async () => {
  model.script(using(1_000, 4_000))
  const asked: number[] = []
  let purse = 0.06
  const { pass, ceilings } = opened({
    usd: 0.06,
    extend: async (usd) => {
      asked.push(usd)
      const given = Math.min(usd, purse)
      purse -= given
      return given
    },
  })
  const asking = { url: gateway.url, token: pass.token, model: "flat", output: 4_000 }
  const statuses = []
  for (let n = 0; n < 4; n++) statuses.push((await ask("messages", asking)).status)
  expect(statuses.slice(0, 2)).toEqual([200, 200])
  expect(statuses.at(-1)).toBe(403)
  expect(asked.length).toBeGreaterThan(0)
  expect(ceilings).toHaveLength(1)
  expect(pass.spend().usd).toBeLessThanOrEqual(0.12)
})

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, "throws"])(
  "a ledger that answers %s has given nothing",
  async (answer) => {
    model.script(using(1_000, 4_000))
    const extend = async () => {
      if (typeof answer === "string") throw new Error("the ledger is down")
      return answer
    }
    const { pass } = opened({ usd: 0.001, extend })
    expect((await ask("messages", { url: gateway.url, token: pass.token, model: "flat" })).status).toBe(403)
    expect(pass.spend().usd).toBe(0)
  },
)

test("D5: a ledger that hangs hangs no request: it is refused within the limit, and told why", async () => {
  model.script(using(1_000, 4_000))
  const { pass, ceilings } = opened({ usd: 0.001, extend: () => new Promise(() => {}) })
  const begun = performance.now()
  const refused = await ask("messages", { url: gateway.url, token: pass.token, model: "flat" })
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining("asked for more, and did not answer")])
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199)
  expect(ceilings).toHaveLength(1)
  expect(pass.spend().usd).toBe(0)
})

test("each request is priced by itself, cache and tier included", async () => {
  model.script({ turns: [{ text: "ok", usage: { in: 1_000, out: 100, cacheRead: 50_000, cacheWrite: 2_000 } }] })
  const { pass } = opened({ usd: 5 })
  const cached = { system: [{ type: "text", text: "You are.", cache_control: { type: "ephemeral" } }] }
  await ask("messages", { url: gateway.url, token: pass.token, model: listed.messages, more: cached })
  // 2 in, 10 out, 0.2 read, 2.5 written, per million.
  expect(pass.spend().usd).toBeCloseTo((1_000 * 2 + 100 * 10 + 50_000 * 0.2 + 2_000 * 2.5) / 1e6, 9)
  model.script({ turns: [{ text: "ok", usage: { in: 150_000, out: 100 } }] })
  const gemini = opened({ usd: 5 })
  for (let n = 0; n < 2; n++) await ask("gemini", { url: gateway.url, token: gemini.pass.token })
  // Twice below the tier of 200,000, not once above it.
  expect(gemini.pass.spend().usd).toBeCloseTo((2 * (150_000 * 1.25 + 100 * 10)) / 1e6, 9)
})

function opened(options: Omit<PassOptions, "label">) {
  const lines: MeteredModelRequest[] = []
  const ceilings: string[] = []
  const pass = gateway.open({
    label,
    onRequest: (line) => {
      if (line.is === "request") lines.push(line)
    },
    onCeiling: (why) => ceilings.push(why),
    ...options,
  })
  return { pass, lines, ceilings }
}

function using(input: number, out: number): Script {
  return { turns: [{ text: "Done.", usage: { in: input, out } }] }
}
