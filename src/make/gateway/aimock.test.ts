import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { LLMock } from "@copilotkit/aimock"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Gateway, openGateway } from "./gateway.ts"
import { ask } from "./testing.ts"
import { upstreamsOf } from "./upstreams.ts"
import { wireNames } from "./wires/wire.ts"

/*
 * The same four wires against a model server that other people wrote: what it says was used is what the gateway charges.
 */

const usage = {
  messages: { input_tokens: 321, output_tokens: 45 },
  responses: { input_tokens: 321, output_tokens: 45 },
  chat: { prompt_tokens: 321, completion_tokens: 45 },
  gemini: { promptTokenCount: 321, candidatesTokenCount: 45 },
}
const label = { change: "c1", attempt: 1, agent: "implementer", role: "maker" }
const theirs = new LLMock({ port: 0 })
let home = ""
let gateway: Gateway

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "flyball-aimock-"))
  for (const wire of wireNames) theirs.onMessage(`hello ${wire}`, { content: "From elsewhere.", usage: usage[wire] })
  await theirs.start()
  const url = theirs.url
  gateway = await openGateway({
    upstreams: upstreamsOf({
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "sk-ant-0123456789",
      OPENAI_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: "sk-0123456789",
      GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_API_KEY: "g-0123456789",
    }),
    socketDir: home,
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await theirs.stop()
  await rm(home, { recursive: true, force: true })
})

test.each(wireNames.flatMap((wire) => [true, false].map((stream) => ({ wire, stream }))))(
  "$wire, stream $stream: an independent server's account is read as it is meant",
  async ({ wire, stream }) => {
    const pass = gateway.open({ label, usd: 5 })
    let text = ""
    const onChunk = (chunk: string) => {
      text += chunk
    }
    const answered = await ask(wire, { url: gateway.url, token: pass.token, stream, prompt: `hello ${wire}`, onChunk })
    expect(answered).toMatchObject({ status: 200, whole: true })
    expect(text).toContain("else")
    expect(pass.spend()).toMatchObject({ basis: "metered", tokens: { in: 321, out: 45, cacheRead: 0, cacheWrite: 0 } })
  },
)
