import { createHash } from "node:crypto"
import { calcPrice } from "@pydantic/genai-prices"
import type { Agent, Attempt, Review, Tokens } from "./demo-story.ts"

/* The lines of a session in the output formats of Claude Code and Codex. */

/** A maker session, before it is written down. */
export type ClaudeSession = {
  agent: Agent
  session: string
  attempt: Attempt
  read: string
  edits: { path: string; old_string: string; new_string: string }[]
  command: string
  output: string
}

/** The lines that `claude -p --output-format stream-json --verbose` prints for: read, edit, test, say. */
export function claudeLines({ agent, session, attempt, read, edits, command, output }: ClaudeSession): string[] {
  const { model } = agent
  let messages = 0
  const said = (content: unknown[]) => ({
    type: "assistant",
    message: {
      id: `msg_${id(session, ++messages)}`,
      type: "message",
      role: "assistant",
      model,
      content,
      stop_reason: null,
    },
    parent_tool_use_id: null,
    session_id: session,
  })
  const use = (name: string, input: unknown) => {
    const tool = `toolu_${id(session, ++messages)}`
    return {
      call: { type: "tool_use", id: tool, name, input },
      answer: (content: string) => ({
        type: "user",
        message: { role: "user", content: [{ tool_use_id: tool, type: "tool_result", content }] },
        parent_tool_use_id: null,
        session_id: session,
      }),
    }
  }
  const look = use("Read", { file_path: attempt.reads })
  const changes = edits.map(({ path, ...edit }) => ({ path, ...use("Edit", { file_path: path, ...edit }) }))
  const trial = use("Bash", { command, description: "Run the tests of this file" })
  const turns = 3 + edits.length
  const { tokens } = attempt
  const usd = priceOf(model, tokens)
  const lines: unknown[] = [
    {
      type: "system",
      subtype: "init",
      cwd: "/workspace",
      session_id: session,
      tools: ["Bash", "Edit", "Glob", "Grep", "Read", "Write"],
      mcp_servers: [],
      model,
      permissionMode: "acceptEdits",
      claude_code_version: agent.version,
    },
    said([look.call]),
    look.answer(numberedLines(read)),
    said([{ type: "text", text: attempt.says }]),
    ...changes.flatMap(({ path, call, answer }) => [said([call]), answer(`The file ${path} has been updated.`)]),
    said([trial.call]),
    trial.answer(output),
    said([{ type: "text", text: attempt.ends }]),
    {
      type: "result",
      subtype: "success",
      is_error: false,
      duration_ms: 9_000 + tokens.out * 18,
      num_turns: turns,
      result: attempt.ends,
      session_id: session,
      total_cost_usd: usd,
      usage: {
        input_tokens: tokens.in,
        cache_creation_input_tokens: tokens.cacheWrite,
        cache_read_input_tokens: tokens.cacheRead,
        output_tokens: tokens.out,
      },
      modelUsage: {
        [model]: {
          inputTokens: tokens.in,
          outputTokens: tokens.out,
          cacheReadInputTokens: tokens.cacheRead,
          cacheCreationInputTokens: tokens.cacheWrite,
          costUSD: usd,
        },
      },
      permission_denials: [],
      terminal_reason: "completed",
    },
  ]
  return lines.map((line) => JSON.stringify(line))
}

/** The lines that `codex exec --json` prints for: look at the diff, judge. */
export function codexLines(review: Review, thread: string, diff: string): string[] {
  const verdict = JSON.stringify({ verdict: review.verdict, reasons: review.reasons })
  const shell = { id: "item_0", type: "command_execution", command: review.looks }
  const lines: unknown[] = [
    { type: "thread.started", thread_id: thread },
    { type: "turn.started" },
    { type: "item.started", item: { ...shell, status: "in_progress" } },
    { type: "item.completed", item: { ...shell, aggregated_output: diff, exit_code: 0, status: "completed" } },
    { type: "item.completed", item: { id: "item_1", type: "agent_message", text: `${review.says}\n\n${verdict}` } },
    {
      type: "turn.completed",
      usage: {
        input_tokens: review.tokens.in,
        cached_input_tokens: review.tokens.cached,
        output_tokens: review.tokens.out,
        reasoning_output_tokens: 0,
      },
    },
  ]
  return lines.map((line) => JSON.stringify(line))
}

function numberedLines(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line, index) => `${String(index + 1).padStart(6)}→${line}`)
    .join("\n")
}

function priceOf(model: string, tokens: Tokens): number {
  const price = calcPrice(
    {
      input_tokens: tokens.in + tokens.cacheRead + tokens.cacheWrite,
      cache_read_tokens: tokens.cacheRead,
      cache_write_tokens: tokens.cacheWrite,
      output_tokens: tokens.out,
    },
    model,
  )
  if (price === null || price === undefined) throw new Error(`no list price for ${model}`)
  return Number(price.total_price.toFixed(6))
}

function id(session: string, n: number): string {
  return `01${createHash("sha256").update(`${session} ${n}`).digest("hex").slice(0, 22)}`
}
