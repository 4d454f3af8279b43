import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { cpus, loadavg, tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { AgentKind, AgentSpec } from "../../src/core/loop.ts"
import type { AgentResult, AgentTask } from "../../src/core/ports.ts"
import type { Spend } from "../../src/core/spend.ts"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { entry } from "../../src/lib/entry.ts"
import { openGateway } from "../../src/make/gateway/gateway.ts"
import { upstreamsOf } from "../../src/make/gateway/upstreams.ts"
import { type AgentsOptions, openAgents } from "../../src/make/run-agent.ts"
import { type Fault, type ModelServer, type Script, startModelServer, type Turn } from "../model-server/index.ts"

/*
 * The real agents, pinned in test/agents, each driven by Flyball's own runner against the scripted model server:
 * `npm run test:agents` installs and runs them. Where they are not installed, that is said and nothing is tested.
 */

const bin = resolve("test/agents/node_modules/.bin")
const installed = (program: string) => existsSync(join(bin, program))

type Agent = {
  kind: AgentKind
  program: string
  spec: Partial<AgentSpec>
  /** What it comes to where it differs from the others. */
  differs?: Partial<Record<CaseName, Outcome>>
  /** Whether it tells in tokens what it used. */
  accounts: boolean
  /** What of a repository's it starts whatever it is told; the sandbox holds it. */
  starts?: string[]
  /** Enough for a few requests of its model. */
  ceilingUsd: number
}

type Outcome =
  | { is: "done" }
  | { is: "failed"; code: Extract<AgentResult["ended"], { is: "failed" }>["code"]; why?: RegExp }

const done: Outcome = { is: "done" }
const failed = (code: Extract<Outcome, { is: "failed" }>["code"], why?: RegExp): Outcome => ({
  is: "failed",
  code,
  ...(why === undefined ? {} : { why }),
})

const usage = { in: 1_000, out: 40, cacheRead: 500 }
const look: Turn = { text: "I look.", tools: [{ do: "read", path: "sum.js" }], usage }
const fix: Turn = { tools: [{ do: "edit", path: "sum.js", before: "a - b", after: "a + b" }], usage }
const show: Turn = { tools: [{ do: "run", command: "cat sum.js" }], usage }
const say: Turn = { text: "Done.", usage }
/** A session that gets as far as its second request. */
const faulty = (fault: Fault): Script => ({ turns: [look, { text: "Half of a story", usage, fault }, say], aside })
/** What Gemini's router asks first, where it is let: a model for the task. */
const aside: Turn = { text: '{"reasoning":"simple","model_choice":"flash"}', usage: { in: 50, out: 5 } }
const status = (code: number, message: string, more: { times?: number; retryAfterS?: number } = {}): Fault => ({
  is: "status",
  status: code,
  message,
  ...more,
})

/** What happens, and what it comes to with every agent that says nothing else of it. */
const cases = {
  "it reads, edits, runs and is done": { script: { turns: [look, fix, show, say], aside }, comesTo: done },
  "400 is final": { script: faulty(status(400, "budget reached")), comesTo: failed("crashed", /budget reached/) },
  "403 is final": { script: faulty(status(403, "budget reached")), comesTo: failed("crashed", /budget reached/) },
  "401 at the first request": {
    script: {
      turns: [{ fault: status(401, "invalid x-api-key") }],
      aside: { fault: status(401, "invalid x-api-key") },
    },
    comesTo: failed("missing_agent"),
  },
  "429 once, and then an answer": {
    script: faulty(status(429, "rate limit reached", { times: 1, retryAfterS: 1 })),
    comesTo: done,
  },
  "500 once, and then an answer": { script: faulty(status(500, "boom", { times: 1 })), comesTo: done },
  "a stream that is cut once": { script: faulty({ is: "cut", afterEvents: 2, times: 1 }), comesTo: done },
  "an answer that is garbage once": { script: faulty({ is: "garbage", times: 1 }), comesTo: done },
  "silence in the middle": { script: faulty({ is: "hang", afterEvents: 0 }), comesTo: failed("silence") },
} satisfies Record<string, { script: Script; comesTo: Outcome }>
type CaseName = keyof typeof cases
const caseNames = Object.keys(cases).filter((name): name is CaseName => name in cases)

const agents: Agent[] = [
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
    differs: {
      "a stream that is cut once": failed("crashed", /terminated/),
      "an answer that is garbage once": failed("crashed"),
    },
  },
  {
    kind: "acp",
    program: "gemini",
    spec: { command: ["gemini", "--acp", "--skip-trust", "-m", "gemini-3-flash-preview"] },
    accounts: false,
    ceilingUsd: 0.1,
    differs: {
      "a stream that is cut once": failed("crashed"),
    },
  },
]

/** The keys of the one who pays; the server sees which of them a request came with. */
const paying = (server: ModelServer) => ({
  ANTHROPIC_API_KEY: "key-anthropic",
  ANTHROPIC_BASE_URL: server.url,
  OPENAI_API_KEY: "key-openai",
  OPENAI_BASE_URL: `${server.url}/v1`,
  GEMINI_API_KEY: "key-gemini",
  GOOGLE_GEMINI_BASE_URL: server.url,
})

type Way = AsyncDisposable & Pick<AgentsOptions, "outer" | "gateway">
const path = `${bin}:${process.env.PATH}`

/** How agents reach the server: by themselves with the user's keys, or through the gateway, which alone has them. */
const ways = {
  async directly(server: ModelServer): Promise<Way> {
    return { outer: { PATH: path, ...paying(server) }, async [Symbol.asyncDispose]() {} }
  },
  async "through the gateway"(server: ModelServer): Promise<Way> {
    const upstreams = upstreamsOf(paying(server))
    const gateway = await openGateway({ upstreams, socketDir: join(folder, "home", "run") })
    const port = {
      upstreams: async () => upstreams,
      open: async () => gateway,
      bridge: [process.execPath, entry("bridge")],
    }
    return { outer: { PATH: path }, gateway: port, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
  },
}
type WayName = keyof typeof ways

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-agents-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

/** Starts take long where many run at once; what must be quick is judged by what else there is to do. */
const slack = Math.max(1, Math.ceil(loadavg()[0] ?? 0) / cpus().length)
const SILENCE_MS = 15_000 * Math.min(slack, 3)

/** What goes another way when the gateway stands between: the rest is the same agent, and takes its time. */
const also: readonly CaseName[] = [
  "it reads, edits, runs and is done",
  "403 is final",
  "429 once, and then an answer",
  "500 once, and then an answer",
]
const wanted: [WayName, CaseName][] = [
  ...caseNames.map((name): [WayName, CaseName] => ["directly", name]),
  ...also.map((name): [WayName, CaseName] => ["through the gateway", name]),
]

for (const agent of agents) {
  const there = installed(agent.program)
  const name = there ? agent.kind : `${agent.kind} (skipped: it is not installed; run \`npm run test:agents\`)`
  describe.skipIf(!there)(name, () => {
    test.each(wanted)("%s: %s", { timeout: 300_000 }, async (way, caseName) => {
      const { script, comesTo } = cases[caseName]
      await using server = await startModelServer(script)
      const result = await run(agent, server, { way })
      const { why, ...expected } = { why: undefined, ...(agent.differs?.[caseName] ?? comesTo) }
      expect(result.ended, told(server)).toMatchObject(expected)
      if (why !== undefined) expect(result.ended).toMatchObject({ why: expect.stringMatching(why) })
      const tokens = new Set(server.asked().map(({ token }) => token))
      expect(tokens.size, told(server)).toBe(1)
      if (way === "through the gateway") {
        expect(result.spend).toMatchObject({ basis: "metered", tokens: servedBy(server) })
        expect([...tokens][0]).toMatch(/^key-/)
        // Whether an agent counts what it had of an answer that was cut is a matter of moments: the wire is what counts.
      } else if (result.ended.is === "done" && agent.accounts && caseName !== "a stream that is cut once") {
        expect(result.spend.tokens).toEqual(servedBy(server))
      }
      if (caseName === "it reads, edits, runs and is done") {
        expect(result.said).toBe("Done.")
        expect(readFileSync(join(folder, "work/sum.js"), "utf8")).toContain("a + b")
      }
    })

    test("what a repository says of agents starts nothing", { timeout: 300_000 }, async () => {
      await using server = await startModelServer(cases["it reads, edits, runs and is done"].script)
      const mark = (name: string) => `touch ${join(folder, "work", `started-${name}`)}`
      const result = await run(agent, server, { settings: repositorySettings(mark) })
      expect(result.ended, told(server)).toEqual({ is: "done" })
      const started = readdirSync(join(folder, "work")).filter((name) => name.startsWith("started-"))
      expect(started.sort()).toEqual(agent.starts ?? [])
    })

    test("a reviewer may look and not touch", { timeout: 300_000 }, async () => {
      const touch: Turn = { tools: [{ do: "run", command: "echo broken > sum.js" }], usage }
      await using server = await startModelServer({ turns: [look, touch, say], aside })
      const sandboxed = (await detectSandbox({ home: join(folder, "home") })).kind.is === "bubblewrap"
      await run(agent, server, { task: { role: "reviewer" } })
      expect(readFileSync(join(folder, "work/sum.js"), "utf8")).toContain("a - b")
      // Without a sandbox it is not even offered a shell.
      if (!sandboxed) expect(server.requests.some(({ trouble }) => trouble?.includes('no tool for "run"'))).toBe(true)
    })

    test("M1: the ceiling is reached in the middle of a turn: no request goes over it", {
      timeout: 300_000,
    }, async () => {
      const dear: Turn = { ...look, usage: { in: 1_000, out: 8_000, cacheRead: 0 }, capped: true }
      await using server = await startModelServer({ turns: [dear], aside })
      const limits = { ...usualLimits(), usd: agent.ceilingUsd }
      const result = await run(agent, server, { way: "through the gateway", task: { limits } })
      expect(result.ended, told(server)).toMatchObject({ is: "failed", code: "budget" })
      expect(result.spend.usd).toBeLessThanOrEqual(limits.usd)
      expect(result.spend).toMatchObject({ basis: "metered", tokens: servedBy(server) })
      expect(processesOf(folder)).toEqual([])
    })

    test.each(["directly", "through the gateway"] as const)(
      "stopped while its model is silent, nothing of it is left: %s",
      {
        timeout: 300_000,
      },
      async (way) => {
        await using server = await startModelServer(faulty({ is: "hang", afterEvents: 0 }))
        const stop = new AbortController()
        const running = run(agent, server, { way, signal: stop.signal })
        await expect.poll(() => server.asked().some(({ turn }) => turn === 1), { timeout: 200_000 }).toBe(true)
        const at = performance.now()
        stop.abort(new Error("enough"))
        await expect(running).rejects.toMatchObject({ code: "ABORTED" })
        await expect.poll(() => processesOf(folder), { timeout: 2_000 * slack }).toEqual([])
        expect(performance.now() - at).toBeLessThan(2_000 * slack)
      },
    )
  })
}

/** Hooks, servers, plug-ins and extensions of every agent, each of which would run a command as soon as it is read. */
function repositorySettings(mark: (name: string) => string): Record<string, string> {
  const hook = (name: string) => [{ matcher: "*", hooks: [{ type: "command", command: mark(name), name }] }]
  const server = (name: string) => ({ command: "sh", args: ["-c", mark(name)] })
  const program = (name: string) => `require("node:child_process").execSync(${JSON.stringify(mark(name))})`
  const asModule = (name: string) =>
    `import { execSync } from "node:child_process"; execSync(${JSON.stringify(mark(name))}); export default () => ({})`
  return {
    ".mcp.json": JSON.stringify({ mcpServers: { a: server("mcp-json") } }),
    ".claude/settings.json": JSON.stringify({
      hooks: { SessionStart: hook("claude-hook"), PreToolUse: hook("claude-tool-hook") },
      enableAllProjectMcpServers: true,
      apiKeyHelper: mark("claude-key-helper"),
    }),
    ".codex/config.toml": `notify = ["sh", "-c", ${JSON.stringify(mark("codex-notify"))}]\n[mcp_servers.a]\ncommand = "sh"\nargs = ["-c", ${JSON.stringify(mark("codex-mcp"))}]\n`,
    ".codex/hooks.json": JSON.stringify({ hooks: { SessionStart: hook("codex-hook") } }),
    "opencode.json": JSON.stringify({
      mcp: { a: { type: "local", command: ["sh", "-c", mark("opencode-mcp")], enabled: true } },
    }),
    ".opencode/plugin/a.js": asModule("opencode-plugin"),
    ".opencode/plugins/a.js": asModule("opencode-plugins"),
    ".gemini/settings.json": JSON.stringify({
      mcpServers: { a: server("gemini-mcp") },
      hooks: { SessionStart: hook("gemini-hook"), BeforeTool: hook("gemini-tool-hook") },
      hooksConfig: { enabled: true },
      tools: { discoveryCommand: mark("gemini-discovery") },
    }),
    ".gemini/extensions/a/gemini-extension.json": JSON.stringify({
      name: "a",
      version: "1.0.0",
      mcpServers: { b: server("gemini-extension") },
    }),
    ".pi/extensions/a.cjs": program("pi-extension"),
  }
}

type RunOptions = { way?: WayName; task?: Partial<AgentTask>; settings?: Record<string, string>; signal?: AbortSignal }

async function run(
  { kind, spec }: Agent,
  server: ModelServer,
  { way = "directly", task = {}, settings = {}, signal = new AbortController().signal }: RunOptions = {},
): Promise<AgentResult> {
  const work = join(folder, "work")
  await mkdir(work)
  writeFileSync(join(work, "sum.js"), "export const sum = (a, b) => a - b\n")
  for (const [path, text] of Object.entries(settings)) {
    await mkdir(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  const sandbox = await detectSandbox({ home: join(folder, "home") })
  await using reaching = await ways[way](server)
  const { outer, gateway } = reaching
  const running = openAgents({
    outer,
    ...(gateway === undefined ? {} : { gateway }),
    sandbox,
    home: join(folder, "home", "sessions"),
    root: work,
    replayArgv: [],
    acpArgv: [process.execPath, entry("acp")],
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

function usualLimits(): AgentTask["limits"] {
  return { timeoutMs: 280_000, silenceMs: SILENCE_MS, outputBytes: 10_000_000 }
}

/** What the server said was used, over all that it answered. */
function servedBy(server: ModelServer): Spend["tokens"] {
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
function told(server: ModelServer): string {
  const asked = server.requests.map(
    ({ path, turn, status, ended, trouble }) => `${path} ${turn} ${status} ${ended} ${trouble ?? ""}`,
  )
  const logs = readdirSync(join(folder, "artifacts")).filter((name) => name.endsWith(".log"))
  const lines = logs.flatMap((log) =>
    readFileSync(join(folder, "artifacts", log), "utf8")
      .trim()
      .split("\n")
      .slice(-5),
  )
  return [...asked, ...lines.map((line) => line.slice(0, 500))].join("\n")
}

/** Every process that has something of this test in its environment, wherever it went. */
function processesOf(text: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(text)
      } catch {
        return false
      }
    })
}
