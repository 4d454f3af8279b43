import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { Agent, createServer, request } from "node:http"
import { cpus, release, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { openGateway } from "../src/make/gateway/gateway.ts"
import { upstreamsOf } from "../src/make/gateway/upstreams.ts"
import { median } from "./cost.ts"

/**
 * What the gateway costs beside a direct call, in one run: `npm run bench:gateway [-- --quick]`. The model, the gateway and
 * the client are a process each, on loopback; a message is small and streamed (Anthropic Messages, 12 events). The
 * gateway does all that it does for an agent: it checks the pass, estimates, sets aside, meters, prices, settles, notes.
 */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--model")) return beModel()
  if (args.includes("--gateway")) return beGateway(args.at(-1) ?? "")
  const quick = args.includes("--quick")
  const model = await start("--model")
  const gateway = await start("--gateway", model.url)
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${process.platform} ${release()}\n`,
  )
  try {
    await latency(model, gateway, quick ? 300 : 2_000)
    await throughput(model, gateway, quick ? 3_000 : 10_000)
    await memory(gateway, quick ? 2_000 : 10_000)
  } finally {
    await Promise.all([stop(model), stop(gateway)])
  }
}

type Ready = { url: string; token: string }
type Part = Ready & { process: ChildProcess }
type Memory = { rssMb: number; heapMb: number; spentUsd: number; requests: number; cpuMs: number }

const WARM_UP = 300

/** Direct and through the gateway by turns, so that what else the machine does falls on both. */
async function latency(model: Part, gateway: Part, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const direct: Timed[] = []
  const through: Timed[] = []
  for (let n = 0; n < WARM_UP; n++) await message(n % 2 === 0 ? model : gateway, agent)
  for (let n = 0; n < count; n++) {
    direct.push(await message(model, agent))
    through.push(await message(gateway, agent))
  }
  agent.destroy()
  const added = (of: keyof Timed, share: number) =>
    (
      quantile(
        through.map((each) => each[of]),
        share,
      ) -
      quantile(
        direct.map((each) => each[of]),
        share,
      )
    ).toFixed(2)
  console.log(`Latency, ${count} messages each, one at a time (ms)`)
  for (const [name, times] of [
    ["direct", direct],
    ["through the gateway", through],
  ] as const) {
    const of = (field: keyof Timed, share: number) =>
      quantile(
        times.map((each) => each[field]),
        share,
      ).toFixed(2)
    console.log(
      `  ${name.padEnd(20)} first byte p50 ${of("firstMs", 0.5)} p99 ${of("firstMs", 0.99)}; whole p50 ${of("wholeMs", 0.5)} p99 ${of("wholeMs", 0.99)}`,
    )
  }
  console.log(
    `  added                first byte p50 ${added("firstMs", 0.5)} p99 ${added("firstMs", 0.99)}; whole p50 ${added("wholeMs", 0.5)} p99 ${added("wholeMs", 0.99)}\n`,
  )
}

async function throughput(model: Part, gateway: Part, ms: number): Promise<void> {
  console.log(`Small streamed messages, ${PARALLEL} at once, ${ms / 1000} s each (per second; median of 3 rounds)`)
  const rates = { direct: [] as number[], gateway: [] as number[] }
  const before = await memoryOf(gateway)
  for (let round = 0; round < 3; round++) {
    rates.direct.push(await rate(model, ms / 3))
    rates.gateway.push(await rate(gateway, ms / 3))
  }
  console.log(`  direct               ${median(rates.direct).toFixed(0)}`)
  const after = await memoryOf(gateway)
  const cpuMs = (after.cpuMs - before.cpuMs) / (after.requests - before.requests)
  console.log(`  through the gateway  ${median(rates.gateway).toFixed(0)}, for ${cpuMs.toFixed(2)} ms of CPU each\n`)
}

const PARALLEL = 24

async function rate(part: Part, ms: number): Promise<number> {
  const agent = new Agent({ keepAlive: true })
  const until = performance.now() + ms
  let done = 0
  const begun = performance.now()
  const one = async () => {
    while (performance.now() < until) {
      await message(part, agent)
      done++
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, one))
  const seconds = (performance.now() - begun) / 1000
  agent.destroy()
  return done / seconds
}

async function memory(gateway: Part, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  console.log(`Memory of the gateway's process over ${count} requests, after a collection (MB)`)
  const show = async (after: number) => {
    const { rssMb, heapMb } = await memoryOf(gateway)
    console.log(`  after ${String(after).padStart(6)}: heap ${heapMb.toFixed(1)}, resident ${rssMb.toFixed(0)}`)
  }
  await show(0)
  for (let done = 0; done < count; done += count / 5) {
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        for (let n = 0; n < count / 5 / PARALLEL; n++) await message(gateway, agent)
      }),
    )
    await show(done + count / 5)
  }
  const { spentUsd, requests } = await memoryOf(gateway)
  console.log(`  ${requests} requests metered, $${spentUsd.toFixed(2)}`)
  agent.destroy()
}

type Timed = { firstMs: number; wholeMs: number }

const BODY = JSON.stringify({
  model: "claude-sonnet-5",
  max_tokens: 256,
  stream: true,
  system: "You are a careful engineer.",
  messages: [{ role: "user", content: "Say something short. ".repeat(20) }],
})

function message({ url, token }: Ready, agent: Agent): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const sent = request(`${url}/v1/messages`, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(BODY), "x-api-key": token },
    })
    sent.once("error", reject)
    sent.once("response", (answer) => {
      let firstMs = 0
      let bytes = 0
      answer.on("data", (chunk: Buffer) => {
        firstMs ||= performance.now() - begun
        bytes += chunk.length
      })
      answer.once("end", () => {
        if (answer.statusCode !== 200 || bytes !== STREAM_BYTES)
          reject(new Error(`${answer.statusCode}, ${bytes} bytes`))
        else resolve({ firstMs, wholeMs: performance.now() - begun })
      })
    })
    sent.end(BODY)
  })
}

const EVENTS = [
  {
    type: "message_start",
    message: {
      id: "m",
      type: "message",
      role: "assistant",
      content: [],
      usage: { input_tokens: 120, output_tokens: 1 },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  ...Array.from({ length: 7 }, (_, n) => ({
    type: "content_block_delta",
    index: 0,
    delta: { type: "text_delta", text: `word ${n} ` },
  })),
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 16 } },
  { type: "message_stop" },
].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
const STREAM_BYTES = Buffer.byteLength(EVENTS.join(""))

/** A model that streams its events one write each. */
async function beModel(): Promise<void> {
  const server = createServer((asked, response) => {
    asked.resume().once("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      for (const event of EVENTS) response.write(event)
      response.end()
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  process.send?.({ url: `http://127.0.0.1:${port}`, token: "none" })
  await once(process, "disconnect")
  server.close()
  server.closeAllConnections()
}

async function beGateway(modelUrl: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-bench-"))
  const gateway = await openGateway({
    upstreams: upstreamsOf({
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: "sk-bench-key-of-usual-length-0123456789",
    }),
    socketDir: folder,
  })
  let noted = 0
  const pass = gateway.open({
    label: { change: "bench", attempt: 1, agent: "bench", role: "maker" },
    usd: 10_000,
    onRequest: () => {
      noted++
    },
  })
  process.on("message", () => {
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const mb = 1024 * 1024
    process.send?.({
      rssMb: rss / mb,
      heapMb: heapUsed / mb,
      spentUsd: pass.spend().usd,
      requests: noted,
      cpuMs: (user + system) / 1000,
    })
  })
  process.send?.({ url: gateway.url, token: pass.token })
  await once(process, "disconnect")
  await gateway[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}

async function start(...role: string[]): Promise<Part> {
  const child = fork(resolve("scripts/run-ts.mjs"), ["bench/gateway.ts", ...role], { execArgv: ["--expose-gc"] })
  const ready = await told<Ready>(child)
  return { ...ready, process: child }
}

async function memoryOf({ process: child }: Part): Promise<Memory> {
  const answer = told<Memory>(child)
  child.send("memory?")
  return answer
}

/** Our own child's next word, in the shape that it has above. */
async function told<Word>(child: ChildProcess): Promise<Word> {
  const [word] = await once(child, "message")
  return word
}

async function stop({ process: child }: Part): Promise<void> {
  const gone = once(child, "exit")
  child.disconnect()
  await gone
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
