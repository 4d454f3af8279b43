import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { cpus, loadavg, tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterEach, beforeEach } from "vitest"
import type { AgentKind, AgentSpec } from "../../src/core/loop.ts"
import type { AgentTask } from "../../src/core/ports.ts"
import type { Spend } from "../../src/core/spend.ts"
import { bridgeArgv } from "../../src/engine/gateway-here.ts"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { entry } from "../../src/lib/entry.ts"
import { type Gateway, openGateway } from "../../src/make/gateway/gateway.ts"
import { upstreamsOf } from "../../src/make/gateway/upstreams.ts"
import { type AgentsOptions, openAgents } from "../../src/make/run-agent.ts"
import type { ModelServer, Turn } from "../model-server/index.ts"

/*
 * The real agents, pinned in test/agents, and how tests drive each by Flyball's own runner against the scripted model
 * server: `npm run test:agents` installs them. Where they are not installed, that is said and nothing is tested.
 */

/** Where the agents are. */
export const bin = resolve("test/agents/node_modules/.bin")

export type Agent = {
  kind: AgentKind
  program: string
  spec: Partial<AgentSpec>
  /** Whether it tells in tokens what it used. */
  accounts: boolean
  /** What of a repository's it starts whatever it is told; the sandbox holds it. */
  starts?: string[]
  /** Enough for a few requests of its model. */
  ceilingUsd: number
}

export const agents: Agent[] = [
  { kind: "claude", program: "claude", spec: { model: "sonnet" }, accounts: true, ceilingUsd: 0.3 },
  { kind: "codex", program: "codex", spec: { model: "gpt-6-sol" }, accounts: true, ceilingUsd: 0.4 },
  {
    kind: "opencode",
    program: "opencode",
    spec: { model: "claude-sonnet-5" },
    accounts: true,
    // Its newer configuration looks at no switch.
    starts: ["started-opencode-plugin", "started-opencode-plugins"],
    ceilingUsd: 0.3,
  },
  {
    kind: "gemini",
    program: "gemini",
    spec: { model: "gemini-3-flash-preview" },
    accounts: true,
    ceilingUsd: 0.1,
  },
  { kind: "pi", program: "pi", spec: { model: "claude-sonnet-5" }, accounts: true, ceilingUsd: 0.3 },
  {
    kind: "acp",
    program: "gemini",
    spec: { command: ["gemini", "--acp", "--skip-trust", "-m", "gemini-3-flash-preview"] },
    accounts: false,
    ceilingUsd: 0.1,
  },
]

/** Each agent with the title of its tests, and whether it is there to be tested. */
export const agentsHere = agents.map((agent) => {
  const there = existsSync(join(bin, agent.program))
  const title = there ? agent.kind : `${agent.kind} (skipped: it is not installed; run \`npm run test:agents\`)`
  return { agent, there, title }
})

export const usage = { in: 1_000, out: 40, cacheRead: 500 }
export const look: Turn = { text: "I look.", tools: [{ do: "read", path: "sum.js" }], usage }
export const say: Turn = { text: "Done.", usage }
/** What Gemini's router asks first, where it is let: a model for the task. */
export const aside: Turn = { text: '{"reasoning":"simple","model_choice":"flash"}', usage: { in: 50, out: 5 } }

/** Starts two that would sleep on, the second in a session of its own, and comes back at once. */
export const leavesSleepers: Turn["tools"] = [
  { do: "run", command: "(sleep 7011 & setsid sleep 7012 &) >/dev/null 2>&1 </dev/null; echo begun" },
]

/** The keys of the one who pays; the server sees which of them a request came with. */
export const paying = (server: Pick<ModelServer, "url">) => ({
  ANTHROPIC_API_KEY: "key-anthropic",
  ANTHROPIC_BASE_URL: server.url,
  OPENAI_API_KEY: "key-openai",
  OPENAI_BASE_URL: `${server.url}/v1`,
  GEMINI_API_KEY: "key-gemini",
  GOOGLE_GEMINI_BASE_URL: server.url,
})

/** A folder for each test, in which all is that it leaves. */
export function testFolder(): { readonly path: string } {
  let path = ""
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "flyball-agents-"))
  })
  afterEach(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return {
    get path() {
      return path
    },
  }
}

type Way = AsyncDisposable & Pick<AgentsOptions, "outer" | "gateway">
const path = `${bin}:${process.env.PATH}`

/** How agents reach the server: by themselves with the user's keys, or through the gateway, which alone has them. */
const ways = {
  async directly(server: ModelServer): Promise<Way> {
    return { outer: { PATH: path, ...paying(server) }, async [Symbol.asyncDispose]() {} }
  },
  /** By a subscription's token, which no gateway stands in for. */
  async "by its login"(server: ModelServer): Promise<Way> {
    const outer = { PATH: path, CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-login", ANTHROPIC_BASE_URL: server.url }
    return { outer, async [Symbol.asyncDispose]() {} }
  },
  async "through the gateway"(server: ModelServer, { folder, onRefusal }: WayOptions): Promise<Way> {
    const upstreams = upstreamsOf(paying(server))
    const gateway = await openGateway({ upstreams, socketDir: join(folder, "home", "run") })
    const port = {
      upstreams: async () => upstreams,
      open: async () => (onRefusal === undefined ? gateway : observed(gateway, onRefusal)),
      bridge: bridgeArgv(),
    }
    return { outer: { PATH: path }, gateway: port, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
  },
}
export type WayName = keyof typeof ways
type WayOptions = { folder: string; onRefusal?: (() => void) | undefined }

/** The same gateway; somebody is told first when it refuses a request for money. */
function observed(gateway: Gateway, onRefusal: () => void): Gateway {
  const open: Gateway["open"] = (options) =>
    gateway.open({
      ...options,
      onCeiling: (why) => {
        onRefusal()
        options.onCeiling?.(why)
      },
    })
  return { ...gateway, open }
}

export type RunOptions = {
  way?: WayName
  task?: Partial<AgentTask>
  settings?: Record<string, string>
  signal?: AbortSignal
  sandboxed?: boolean
  /** The leader of the session's processes. */
  onSpawn?: (pid: number) => void
  /** At the gateway's first refusal for money. */
  onRefusal?: () => void
}

/** One session of an agent, as Flyball runs it. */
export async function run({ kind, spec }: Agent, server: ModelServer, folder: string, options: RunOptions = {}) {
  const {
    way = "directly",
    task = {},
    settings = {},
    signal = new AbortController().signal,
    onSpawn,
    onRefusal,
  } = options
  const work = join(folder, "work")
  await mkdir(work)
  writeFileSync(join(work, "sum.js"), "export const sum = (a, b) => a - b\n")
  for (const [path, text] of Object.entries(settings)) {
    await mkdir(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  const sandbox = await detectSandbox({ home: join(folder, "home"), disabled: options.sandboxed === false })
  await using reaching = await ways[way](server, { folder, onRefusal })
  const { outer, gateway } = reaching
  const running = openAgents({
    outer,
    ...(gateway === undefined ? {} : { gateway }),
    sandbox,
    home: join(folder, "home", "sessions"),
    root: work,
    replayArgv: [],
    acpArgv: [process.execPath, entry("acp.js")],
    ...(onSpawn === undefined ? {} : { watch: { spawned: onSpawn } }),
  })
  return await running.run(
    {
      role: "maker",
      agent: { name: "implementer", use: kind, skills: [], from: "loop", ...spec },
      cwd: work,
      prompt: "sum.js subtracts. Make it add.\n",
      finding: { fingerprint: "f1", source: "test", title: "t", body: "b", severity: "low", attemptable: true },
      attempt: 1,
      limits: usualLimits(),
      artifactDir: join(folder, "artifacts"),
      change: "c1",
      ...task,
    },
    signal,
  )
}

/** Starts take long where many run at once. */
const crowded = Math.min(3, Math.max(1, Math.ceil(loadavg()[0] ?? 0) / cpus().length))

export function usualLimits(): AgentTask["limits"] {
  return { timeoutMs: 280_000, silenceMs: 15_000 * crowded, outputBytes: 10_000_000 }
}

/** What the server said was used, over all that it answered. */
export function servedBy(server: ModelServer): Spend["tokens"] {
  const sum = { in: 0, out: 0, cacheRead: 0, cacheWrite: 0 }
  for (const { usage: served } of server.asked()) {
    sum.in += served?.in ?? 0
    sum.out += served?.out ?? 0
    sum.cacheRead += served?.cacheRead ?? 0
    sum.cacheWrite += served?.cacheWrite ?? 0
  }
  return sum
}

/** For who reads a failure: what was asked, and the agent's last lines. */
export function told(server: ModelServer, folder: string): string {
  const asked = server.requests.map(
    ({ path, turn, status, ended, trouble }) => `${path} ${turn} ${status} ${ended} ${trouble ?? ""}`,
  )
  const artifacts = join(folder, "artifacts")
  const logs = existsSync(artifacts) ? readdirSync(artifacts).filter((name) => name.endsWith(".log")) : []
  const lines = logs.flatMap((log) => readFileSync(join(artifacts, log), "utf8").trim().split("\n").slice(-5))
  return [...asked, ...lines.map((line) => line.slice(0, 500))].join("\n")
}

/** Every process that has something of this test in its environment, wherever it went. */
export function processesOf(text: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => readProc(pid, "environ").includes(text))
}

function readProc(pid: string | number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8")
  } catch {
    return ""
  }
}
