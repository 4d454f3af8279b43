import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import type { AgentTask, Sandbox } from "../src/core/ports.ts"
import { openAgents } from "../src/make/run-agent.ts"
import { bundle } from "./programs.ts"

/*
 * Flyball's ACP client as a process, against an agent that speaks the protocol by hand, one JSON line at a time. A real
 * agent over ACP is driven in slow/agents.test.ts.
 */

let client: Awaited<ReturnType<typeof bundle>>
let folder: string
beforeAll(async () => {
  client = await bundle("acp=src/make/acp-main.ts")
})
afterAll(() => client.remove())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-acp-"))
  mkdirSync(join(folder, "work"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What the agent does with the prompt; `ask(method, params)` and `tell(update)` speak to the client. */
const turns = {
  answers: `tell({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "All " } });
    tell({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: prompt.trim() } }); return stop("end_turn")`,
  tells_a_sum: `tell({ sessionUpdate: "usage_update", used: 10, size: 100, cost: { amount: 0.25, currency: "USD" } });
    return stop("end_turn")`,
  asks_leave: `const { outcome } = await ask("session/request_permission", { sessionId, toolCall: { toolCallId: "1", title: "write a.txt", kind: "edit" },
      options: [{ optionId: "no", name: "No", kind: "reject_once" }, { optionId: "ever", name: "Always", kind: "allow_always" }, { optionId: "yes", name: "Yes", kind: "allow_once" }] });
    tell({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: outcome.optionId } }); return stop("end_turn")`,
  refuses: `return stop("refusal")`,
  uses_up_its_turns: `return stop("max_turn_requests")`,
  fails: `throw { code: -32603, message: "429 Too Many Requests" }`,
  leaves: `process.exit(3)`,
  is_silent: `await new Promise(() => {})`,
  wants_a_file: `await ask("fs/read_text_file", { sessionId, path: "/etc/passwd" }); return stop("end_turn")`,
}
type Turn = keyof typeof turns

/** Wants to be told who pays before it opens a session, and offers two models. */
function agentProgram(turn: Turn): string {
  return `
const lines = require("node:readline").createInterface({ input: process.stdin })
const waiting = new Map(); let next = 1; let authenticated = false; let model = "small"
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n")
const ask = (method, params) => new Promise((resolve, reject) => { waiting.set(next, { resolve, reject }); send({ id: next++, method, params }) })
const sessionId = "s1"
const tell = (update) => send({ method: "session/update", params: { sessionId, update } })
const stop = (stopReason) => ({ stopReason })
const options = () => [{ id: "m", name: "Model", category: "model", type: "select", currentValue: model, options: [{ value: "small", name: "S" }, { value: "large", name: "L" }] }]
const answer = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: {}, authMethods: [{ id: "login", name: "Log in" }, { id: "api-key", name: "API key" }] }),
  authenticate: ({ methodId }) => { authenticated = methodId === "api-key" && process.env.OPENAI_API_KEY === "sk-o"; return {} },
  "session/new": () => { if (!authenticated) throw { code: -32000, message: "Authentication required" }; return { sessionId, configOptions: options() } },
  "session/set_config_option": ({ value }) => { model = value; return { configOptions: options() } },
  "session/prompt": async ({ prompt: [{ text: prompt }] }) => { tell({ sessionUpdate: "tool_call", toolCallId: "0", title: "as " + model, kind: "think" }); ${turns[turn]} },
}
lines.on("line", async (line) => {
  const { id, method, params, result, error } = JSON.parse(line)
  if (method === undefined) return error ? waiting.get(id).reject(error) : waiting.get(id).resolve(result)
  try { send({ id, result: await answer[method](params) }) } catch (error) { send({ id, error: { code: error.code ?? -32603, message: String(error.message) } }) }
})
`
}

function run(turn: Turn, more: Partial<AgentTask> = {}, signal = new AbortController().signal) {
  writeFileSync(join(folder, "agent.cjs"), agentProgram(turn))
  const sandbox: Sandbox = { kind: { is: "none", why: "a test" }, wrap: (argv) => ({ argv, sandboxed: false }) }
  const agents = openAgents({
    sandbox,
    outer: { PATH: process.env.PATH, OPENAI_API_KEY: "sk-o" },
    home: join(folder, "private"),
    root: folder,
    replayArgv: [],
    acpArgv: [process.execPath, client.path("acp")],
  })
  const command = [process.execPath, join(folder, "agent.cjs")]
  const task: AgentTask = {
    role: "maker",
    agent: { name: "implementer", use: "acp", command, model: "large", skills: [], from: "loop" },
    cwd: join(folder, "work"),
    prompt: "is well\n",
    finding: { fingerprint: "f1", source: "test", title: "t", body: "b", severity: "low", attemptable: true },
    attempt: 1,
    limits: { timeoutMs: 50_000, silenceMs: 20_000, outputBytes: 1_000_000 },
    artifactDir: join(folder, "artifacts"),
    change: "c1",
    ...more,
  }
  return agents.run(task, signal)
}

const failed = (code: string, why: string) => ({ is: "failed", code, why: expect.stringContaining(why) })

test.each<[Turn, object, string]>([
  ["answers", { is: "done" }, "All is well"],
  ["tells_a_sum", { is: "done" }, ""],
  ["asks_leave", { is: "done" }, "yes"],
  ["refuses", failed("refused", "refused"), ""],
  ["uses_up_its_turns", failed("timeout", "turns"), ""],
  ["fails", failed("quota", "429"), ""],
  ["leaves", failed("crashed", "exit 3"), ""],
  // It has files of its own; through us it gets none.
  ["wants_a_file", failed("crashed", ""), ""],
])("an agent that %s comes to its end and its words", async (turn, ended, said) => {
  const result = await run(turn)
  expect(result.ended).toMatchObject(ended)
  expect(result.said).toBe(said)
  expect(result.model).toBe("large")
  expect(result.spend).toMatchObject(turn === "tells_a_sum" ? { usd: 0.25, basis: "reported" } : { basis: "unknown" })
})

test("a reviewer is not let write, and what it was refused is kept", async () => {
  const result = await run("asks_leave", { role: "reviewer" })
  expect(result).toMatchObject({ ended: { is: "done" }, said: "no" })
})

test("a program that is not there is a missing agent", async () => {
  const agent = { name: "implementer", use: "acp", command: ["no-such-agent"], skills: [], from: "loop" } as const
  const result = await run("answers", { agent: { ...agent, command: [...agent.command], skills: [] } })
  expect(result.ended).toMatchObject(failed("missing_agent", "no-such-agent"))
  expect(result.spend).toMatchObject({ usd: 0, basis: "reported" })
})

test("one that is silent is ended at its limit, and one that is stopped at once", async () => {
  const limits = { timeoutMs: 50_000, silenceMs: 1_500, outputBytes: 1_000_000 }
  expect((await run("is_silent", { limits })).ended).toMatchObject(failed("silence", ""))
  const stop = new AbortController()
  const running = run("is_silent", { artifactDir: join(folder, "again") }, stop.signal)
  setTimeout(() => stop.abort(), 500)
  await expect(running).rejects.toMatchObject({ code: "ABORTED" })
})
