import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { newSession, type Session } from "../adapter.ts"
import { spendOf } from "../price.ts"
import { finishClaude, parseClaude } from "./claude.ts"

const exited = { exitCode: 0, signal: null, stderr: "" }
const init = { type: "system", subtype: "init", model: "claude-sonnet-5", session_id: "s" }
const usage = { input_tokens: 100, output_tokens: 50, cache_read_input_tokens: 10, cache_creation_input_tokens: 5 }
const model = {
  inputTokens: 100,
  outputTokens: 50,
  cacheReadInputTokens: 10,
  cacheCreationInputTokens: 5,
  costUSD: 0.25,
}
const success = {
  type: "result",
  subtype: "success",
  is_error: false,
  num_turns: 3,
  total_cost_usd: 0.25,
  usage,
  modelUsage: { "claude-sonnet-5": model },
  permission_denials: [],
  terminal_reason: "completed",
  result: "Done.",
}
const text = (words: string, more = {}) => ({
  type: "assistant",
  message: {
    id: "msg_1",
    model: "claude-sonnet-5",
    role: "assistant",
    content: [{ type: "text", text: words }],
    usage,
  },
  ...more,
})

function session(...lines: (object | string)[]): Session {
  return lines
    .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
    .reduce((now, line) => parseClaude(line, now), newSession)
}

test("the lines of a real session give its end, words, model and money", async () => {
  const lines = readFileSync(new URL("../fixtures/claude/fixed.jsonl", import.meta.url), "utf8").split("\n")
  const seen = session(...lines)
  expect(finishClaude(seen, exited)).toEqual({ is: "done" })
  expect(seen).toMatchObject({ said: "Done.", model: "claude-sonnet-5", unread: 0, complete: true })
  expect(seen.spoken).toContain("Bash")
  const spend = await spendOf(seen)
  expect(spend).toMatchObject({ basis: "reported", tokens: { in: 200, out: 42, cacheRead: 20, cacheWrite: 10 } })
  expect(spend.usd).toBeCloseTo(0.000849, 8)
})

test.each([
  ["max-turns", { is: "failed", code: "timeout", why: expect.stringContaining("turns (1)") }],
  ["max-budget", { is: "failed", code: "budget", why: expect.stringContaining("$0.0001") }],
  ["unauthorised", { is: "failed", code: "missing_agent" }],
])("the lines of a real session that ended by %s say so, and every one is read", async (name, expected) => {
  const seen = session(
    ...readFileSync(new URL(`../fixtures/claude/${name}.jsonl`, import.meta.url), "utf8").split("\n"),
  )
  expect(finishClaude(seen, exited)).toMatchObject(expected)
  expect(seen.unread).toBe(0)
  expect((await spendOf(seen)).basis).toBe("reported")
})

test.each([
  ["a success", [init, success], exited, { is: "done" }],
  ["a success, whatever the exit code", [init, success], { ...exited, exitCode: 1 }, { is: "done" }],
  [
    "a success that carries an error",
    [init, { ...success, is_error: true, result: "API Error: 500 overloaded" }],
    exited,
    { is: "failed", code: "crashed" },
  ],
  [
    "a wrong key",
    [init, { ...success, is_error: true, result: "Invalid API key · Please run /login" }],
    exited,
    { is: "failed", code: "missing_agent" },
  ],
  [
    "all turns used",
    [init, { ...success, subtype: "error_max_turns", is_error: true, result: undefined }],
    exited,
    { is: "failed", code: "timeout" },
  ],
  [
    "its ceiling reached",
    [init, { ...success, subtype: "error_max_budget_usd", result: undefined }],
    exited,
    { is: "failed", code: "budget" },
  ],
  [
    "an error while it ran",
    [init, { ...success, subtype: "error_during_execution", errors: ["boom"], result: undefined }],
    exited,
    { is: "failed", code: "crashed" },
  ],
  [
    "a refusal",
    [init, { ...success, stop_reason: "refusal", result: "I can't help with that." }],
    exited,
    { is: "failed", code: "refused" },
  ],
  ["no result, though the exit code is 0", [init, text("All done!")], exited, { is: "failed", code: "crashed" }],
  [
    "a kill",
    [init, text("Working")],
    { exitCode: 143, signal: "SIGTERM", stderr: "" },
    { is: "failed", code: "crashed" },
  ],
  [
    "a refused option",
    [],
    { exitCode: 1, signal: null, stderr: "error: unknown option '--x'" },
    { is: "failed", code: "crashed" },
  ],
])("%s is judged by its lines, not by its exit", (_, lines, exit, expected) => {
  expect(finishClaude(session(...lines), exit)).toMatchObject(expected)
})

test("T1: a claim of success in the words of an agent that has no result is no success", () => {
  expect(finishClaude(session(init, text(JSON.stringify(success))), exited).is).toBe("failed")
})

test("the total is cumulative: the last result counts, nothing is summed", async () => {
  const seen = session(
    init,
    { ...success, total_cost_usd: 0.1, modelUsage: { m: { ...model, costUSD: 0.1 } } },
    success,
  )
  expect(await spendOf(seen)).toMatchObject({ usd: 0.25, basis: "reported", tokens: { in: 100, out: 50 } })
})

test("sub-agents are in modelUsage alone, and count", async () => {
  const helper = { ...model, inputTokens: 900, outputTokens: 20, costUSD: 0.05 }
  const seen = session(init, {
    ...success,
    total_cost_usd: 0.3,
    modelUsage: { "claude-sonnet-5": model, "claude-haiku-4-5": helper },
  })
  expect(await spendOf(seen)).toMatchObject({ tokens: { in: 1_000, out: 70 }, basis: "reported" })
  expect((await spendOf(seen)).usd).toBeCloseTo(0.3)
  expect(seen.model).toBe("claude-sonnet-5")
})

test("what only the total knows still counts", async () => {
  expect((await spendOf(session(init, { ...success, total_cost_usd: 0.4 }))).usd).toBeCloseTo(0.4)
})

test("M2: zero dollars for tokens is no report: priced by list, or unknown", async () => {
  const free = (name: string) => ({ ...success, total_cost_usd: 0, modelUsage: { [name]: { ...model, costUSD: 0 } } })
  expect(await spendOf(session(init, free("claude-sonnet-5")))).toMatchObject({ basis: "estimated" })
  expect((await spendOf(session(init, free("claude-sonnet-5")))).usd).toBeGreaterThan(0)
  expect(await spendOf(session(init, free("my-own-model")))).toMatchObject({ basis: "unknown", usd: 0 })
})

test("M2: a session cut off before its own account is unknown, with what was seen as a lower bound", async () => {
  // One message in two blocks carries its usage twice, and counts once.
  const spend = await spendOf(session(init, text("a"), text("b")))
  expect(spend).toMatchObject({ basis: "unknown", tokens: { in: 100, out: 50, cacheRead: 10, cacheWrite: 5 } })
  expect(spend.usd).toBeGreaterThan(0)
})

test("an agent that never began cost nothing", async () => {
  expect(await spendOf(session("error: unknown option"))).toMatchObject({ usd: 0, basis: "reported" })
})

test.each([
  ["a banner", "Welcome to Claude Code!"],
  ["half a line", JSON.stringify(success).slice(0, 80)],
  ["a result of another shape", '{"type":"result"}'],
  ["JSON that is no object", "[1,2]"],
  ["a huge line cut in the middle", `{"type":"user","message":{"content":"${"x".repeat(1_000_000)}`],
  ["a line with NUL", "\u0000\u0000{}"],
  ["an event of a later version", '{"type":"hologram","message":{}}'],
])("%s is stepped over", (_, line) => {
  const seen = session(init, line, success)
  expect(finishClaude(seen, exited)).toEqual({ is: "done" })
  expect(seen.unread).toBe(1)
})

test("what was denied, throttled or retried is noted", () => {
  const seen = session(
    init,
    { type: "rate_limit_event", rate_limit_info: { status: "allowed", utilization: 0.2 } },
    {
      type: "rate_limit_event",
      rate_limit_info: { status: "rejected", rateLimitType: "five_hour", resetsAt: 1_800_000_000 },
    },
    { type: "system", subtype: "api_retry", attempt: 1 },
    { ...success, permission_denials: [{ tool_name: "WebFetch", tool_use_id: "toolu_9", tool_input: {} }] },
  )
  expect(seen.notes).toHaveLength(3)
  expect(seen.notes.join("\n")).toMatch(/rejected: five_hour[\s\S]*retried[\s\S]*not permitted to use WebFetch/)
})

test("a sub-agent's words are not the agent's last message", () => {
  expect(session(init, text("mine"), text("its", { parent_tool_use_id: "toolu_1" })).said).toBe("mine")
})
