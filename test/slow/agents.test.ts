import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { z } from "zod"
import type { AgentKind } from "../../src/core/loop.ts"
import type { AgentResult } from "../../src/core/ports.ts"
import type { Spend } from "../../src/core/spend.ts"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { type Fault, type Script, startModelServer, type Turn } from "../model-server/index.ts"
import { agentsHere, aside, look, run, say, servedBy, testFolder, told, usage, type WayName } from "./agents-harness.ts"

/*
 * Each real agent through everything that goes wrong: `npm run test:agents`. How it ends when it is made to stands in
 * agents-ends.test.ts, what a login may overshoot in agents-reported.test.ts.
 */

const folder = testFolder()

type Outcome =
  | { is: "done" }
  | { is: "failed"; code: Extract<AgentResult["ended"], { is: "failed" }>["code"]; why?: RegExp }

const done: Outcome = { is: "done" }
const failed = (code: Extract<Outcome, { is: "failed" }>["code"], why?: RegExp): Outcome => ({
  is: "failed",
  code,
  ...(why === undefined ? {} : { why }),
})

const fix: Turn = { tools: [{ do: "edit", path: "sum.js", before: "a - b", after: "a + b" }], usage }
const show: Turn = { tools: [{ do: "run", command: "cat sum.js" }], usage }
/** A session that gets as far as its second request. */
const faulty = (fault: Fault): Script => ({ turns: [look, { text: "Half of a story", usage, fault }, say], aside })
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

/** What it comes to with one that differs from the others. */
const differs: Partial<Record<AgentKind, Partial<Record<CaseName, Outcome>>>> = {
  gemini: {
    "a stream that is cut once": failed("crashed", /terminated/),
    "an answer that is garbage once": failed("crashed"),
  },
  // Its own retries are off: one answer that breaks ends it.
  pi: { "a stream that is cut once": failed("crashed", /terminated/) },
  acp: { "a stream that is cut once": failed("crashed") },
}

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

const plain: CaseName = "it reads, edits, runs and is done"
const figures: string[] = []
afterAll(() => {
  if (figures.length > 0) console.log(["tokens of one session (in/out/from the cache):", ...figures].join("\n"))
})

for (const { agent, there, title } of agentsHere) {
  describe.skipIf(!there)(title, () => {
    test.each(wanted)("%s: %s", { timeout: 300_000 }, async (way, caseName) => {
      const { script, comesTo } = cases[caseName]
      await using server = await startModelServer(script)
      const result = await run(agent, server, folder.path, { way })
      const { why, ...expected } = { why: undefined, ...(differs[agent.kind]?.[caseName] ?? comesTo) }
      expect(result.ended, told(server, folder.path)).toMatchObject(expected)
      if (why !== undefined) expect(result.ended).toMatchObject({ why: expect.stringMatching(why) })
      const tokens = new Set(server.asked().map(({ token }) => token))
      expect(tokens.size, told(server, folder.path)).toBe(1)
      if (way === "through the gateway") {
        expect(result.spend).toMatchObject({ basis: "metered", tokens: servedBy(server) })
        if (caseName === plain) figures.push(compared(agent.kind, servedBy(server), result.spend))
        expect([...tokens][0]).toMatch(/^key-/)
        // Whether an agent counts what it had of an answer that was cut is a matter of moments: the wire is what counts.
      } else if (result.ended.is === "done" && agent.accounts && caseName !== "a stream that is cut once") {
        expect(result.spend.tokens).toEqual(servedBy(server))
      }
      if (caseName === plain) {
        expect(result.said).toBe("Done.")
        expect(readFileSync(join(folder.path, "work/sum.js"), "utf8")).toContain("a + b")
      }
    })

    test("what a repository says of agents starts nothing", { timeout: 300_000 }, async () => {
      await using server = await startModelServer(cases[plain].script)
      const mark = (name: string) => `touch ${join(folder.path, "work", `started-${name}`)}`
      const result = await run(agent, server, folder.path, { settings: repositorySettings(mark) })
      expect(result.ended, told(server, folder.path)).toEqual({ is: "done" })
      const started = readdirSync(join(folder.path, "work")).filter((name) => name.startsWith("started-"))
      expect(started.sort()).toEqual(agent.starts ?? [])
    })

    test("a reviewer may look and not touch", { timeout: 300_000 }, async () => {
      const touch: Turn = { tools: [{ do: "run", command: "echo broken > sum.js" }], usage }
      await using server = await startModelServer({ turns: [look, touch, say], aside })
      const sandboxed = (await detectSandbox({ home: join(folder.path, "home") })).kind.is === "bubblewrap"
      await run(agent, server, folder.path, { task: { role: "reviewer" } })
      expect(readFileSync(join(folder.path, "work/sum.js"), "utf8")).toContain("a - b")
      // Without a sandbox it is not even offered a shell.
      if (!sandboxed) expect(server.requests.some(({ trouble }) => trouble?.includes('no tool for "run"'))).toBe(true)
    })
  })
}

/** What the server said, what the gateway metered, and what the agent counted by itself. */
function compared(kind: AgentKind, served: Spend["tokens"], { tokens }: Spend): string {
  const { usage } = Summary.parse(JSON.parse(readFileSync(join(folder.path, "artifacts/maker.session.json"), "utf8")))
  const own = Object.values(usage).map((each) => each.tokens)
  const sum = (of: "in" | "out" | "cacheRead") => own.reduce((total, each) => total + each[of], 0)
  const told =
    own.length === 0 ? "nothing" : tokensText({ in: sum("in"), out: sum("out"), cacheRead: sum("cacheRead") })
  return `${kind.padEnd(9)} served ${tokensText(served)}   wire ${tokensText(tokens)}   the agent's own ${told}`
}

function tokensText(tokens: Pick<Spend["tokens"], "in" | "out" | "cacheRead">): string {
  return `${tokens.in}/${tokens.out}/${tokens.cacheRead}`
}

const Counted = z.object({ in: z.number(), out: z.number(), cacheRead: z.number() })
const Summary = z.object({ usage: z.record(z.string(), z.object({ tokens: Counted })) })

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
