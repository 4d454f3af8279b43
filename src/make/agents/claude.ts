import { z } from "zod"
import {
  type AdapterContext,
  type AgentAdapter,
  type AgentExit,
  endedEarly,
  foldLine,
  type Session,
  type SessionEnd,
  stderrTail,
  type Usage,
  withDone,
  withNote,
  withSaid,
} from "../adapter.ts"
import { claudeAccount, claudeLogin } from "./logins.ts"
import { troubleOf } from "./trouble.ts"

/**
 * Claude Code, headless, by its stream-json lines. Where no metering gateway stands between them, the API key (or a
 * long-lived login token) and the base URL come from the user's environment and are given to this agent alone.
 */
export const claude: AgentAdapter = {
  probe: { program: "claude", args: ["--version"] },
  access: {
    wires: ["messages"],
    tokenVariable: "CLAUDE_CODE_OAUTH_TOKEN",
    hosts: ["api.anthropic.com:443"],
    login: {
      file: ".claude/.credentials.json",
      folderVariable: "CLAUDE_CONFIG_DIR",
      instead: "run `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN, or set ANTHROPIC_API_KEY",
      lend: {
        read: claudeLogin,
        hosts: ["api.anthropic.com:443"],
        account: { file: ".claude.json", read: claudeAccount },
      },
    },
  },
  command(task, context) {
    const { gateway, login = false } = context
    const key = credentials.filter((name) => context.outer[name])
    const reviewer = task.role !== "maker"
    // The prompt goes in by stdin: an argument is limited to 128 KiB, and every user of the machine could read it.
    const argv = ["claude", "-p", "--output-format", "stream-json", "--verbose"]
    if (task.agent.model !== undefined) argv.push("--model", task.agent.model)
    if (task.agent.effort !== undefined) argv.push("--effort", task.agent.effort)
    argv.push("--permission-mode", reviewer ? "default" : "acceptEdits", "--permission-prompts", "none")
    // A reviewer's checkout is read-only only inside the sandbox: without one it gets no shell to write with.
    argv.push("--allowedTools", reviewer && !context.sandboxed ? "Read,Grep,Glob" : "Bash,Read,Grep,Glob")
    if (reviewer) argv.push("--disallowedTools", "Edit,Write,NotebookEdit")
    argv.push("--max-turns", String(task.limits.turns ?? defaultTurns))
    // Its own ceiling overshoots by a turn, and knows nothing of more that the ledger may give: behind the gateway that one holds.
    if (gateway === undefined && task.limits.usd !== undefined)
      argv.push("--max-budget-usd", task.limits.usd.toFixed(4))
    // Without the pieces its lines tell what a message has put out only when all is over: too late for a ceiling.
    if (gateway === undefined && (task.limits.usd !== undefined || task.limits.tokens !== undefined))
      argv.push("--include-partial-messages")
    // Neither the user's nor the repository's settings, hooks and MCP servers: those run programs unasked.
    argv.push(
      "--no-session-persistence",
      "--setting-sources",
      "",
      "--strict-mcp-config",
      "--mcp-config",
      '{"mcpServers":{}}',
    )
    return {
      argv,
      env: {
        ...quiet,
        ...payerOf(context, key),
      },
      stdin: task.prompt,
      usesNetwork: true,
      ...(key.length > 0 || gateway !== undefined || login
        ? {}
        : {
            unusable:
              "claude has no key here: set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN from `claude setup-token`",
          }),
    }
  },
  parse: parseClaude,
  finish: finishClaude,
}

function payerOf({ gateway, login, outer }: AdapterContext, keys: readonly string[]): Record<string, string> {
  if (gateway !== undefined) return { ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_API_KEY: gateway.token }
  // A login is shown to its own provider, whatever address the user has for keys.
  return login === true ? {} : passed(outer, [...keys, "ANTHROPIC_BASE_URL"])
}

/** Folds one stream-json line; shared with replayed sessions. */
export function parseClaude(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(message: z.infer<typeof Line>, session: Session): Session {
  switch (message.type) {
    case "system":
      if (message.subtype === "init")
        return { ...session, begun: true, ...(message.model ? { model: message.model } : {}) }
      return message.subtype === "api_retry"
        ? withNote(session, `retried a request: ${JSON.stringify(message)}`)
        : session
    case "assistant":
      return assistant(message, session)
    case "stream_event":
      return piece(message.event, session)
    case "rate_limit_event": {
      const { status, rateLimitType, resetsAt } = message.rate_limit_info
      if (status === "allowed") return session
      const at = momentOf(resetsAt)
      const told = withNote(session, `rate limit ${status}: ${rateLimitType ?? "?"}, resets at ${at ?? "?"}`)
      return status === "rejected" && at !== undefined ? { ...told, resetsAt: at } : told
    }
    case "result":
      return result(message, session)
    default:
      return session
  }
}

/** Weighs what the lines said against the exit; shared with replayed sessions. */
export function finishClaude(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = stderrTail(exit.stderr) || session.notes.at(-1) || session.said.slice(-500)
  return { is: "failed", code: "crashed", why: endedEarly("claude", "a result", exit, last) }
}

/** What the pieces of a message tell of its account: what it read at its beginning, what it put out at its end. */
function piece(event: z.infer<typeof Piece>, session: Session): Session {
  if (session.complete) return session
  if (event.type === "message_start") {
    const { id, model, usage } = event.message
    const account = { tokens: tokensOf(usage), ...(model === undefined ? {} : { model }) }
    return { ...session, begun: true, streaming: id, goesOn: false, usage: { ...session.usage, [id]: account } }
  }
  const { streaming: id, usage } = session
  const known = id === undefined ? undefined : usage[id]
  if (event.type !== "message_delta" || id === undefined || known === undefined) return session
  const tokens = { ...known.tokens, out: Math.max(known.tokens.out, event.usage.output_tokens) }
  return { ...session, goesOn: event.delta.stop_reason === "tool_use", usage: { ...usage, [id]: { ...known, tokens } } }
}

/** One message of the model. The same message comes once per block, always with its whole usage: the last one counts. */
function assistant({ message, parent_tool_use_id, error }: z.infer<typeof Assistant>, session: Session): Session {
  let next: Session = { ...session, begun: true }
  if (message.usage !== undefined && message.id !== undefined && !session.complete) {
    const before = session.usage[message.id]?.tokens.out ?? 0
    const told = tokensOf(message.usage)
    const tokens = { ...told, out: Math.max(before, told.out) }
    next.usage = { ...session.usage, [message.id]: { tokens, ...(message.model ? { model: message.model } : {}) } }
  }
  for (const block of message.content) {
    if (block.type === "tool_use") next = withDone(next, `${block.name} ${JSON.stringify(block.input)}`)
    // A sub-agent's words are no answer of the agent.
    else if (block.type === "text") next = parent_tool_use_id ? withDone(next, block.text) : withSaid(next, block.text)
  }
  if (error !== undefined) next = withNote(next, `the API answered: ${error}`)
  if (message.stop_reason === "refusal")
    next = { ...next, end: { is: "failed", code: "refused", why: "the model refused the task" } }
  return next
}

/** The session's own account of itself. A later one replaces an earlier one: the figures are cumulative. */
function result(message: z.infer<typeof Result>, session: Session): Session {
  let next: Session = { ...session, begun: true, complete: true, usage: reported(message, session) }
  const model = mainModel(next.usage) ?? session.model
  if (model !== undefined) next.model = model
  // The result repeats the last message; it is taken for the message, but said only once.
  if (message.result !== undefined && message.result !== "") {
    next = message.result === session.said ? next : withSaid(next, message.result)
  }
  for (const { tool_name } of message.permission_denials) next = withNote(next, `was not permitted to use ${tool_name}`)
  return { ...next, end: verdictOf(message, session) }
}

function verdictOf(message: z.infer<typeof Result>, session: Session): SessionEnd {
  const said = (message.result || message.errors?.join("; ") || session.notes.at(-1) || "no reason given").slice(
    0,
    1_000,
  )
  if (message.stop_reason === "refusal" || message.terminal_reason === "refusal") {
    return { is: "failed", code: "refused", why: `the model refused the task: ${said}` }
  }
  switch (message.subtype) {
    case "error_max_turns":
      return { is: "failed", code: "timeout", why: `claude used up its turns: ${said}` }
    case "error_max_budget_usd":
      return { is: "failed", code: "budget", why: `claude reached its ceiling: ${said}` }
  }
  // `success` can carry an error: the flag decides, not the word.
  if (!message.is_error && message.subtype === "success") return { is: "done" }
  if (loginTrouble.test(said)) return { is: "failed", code: "missing_agent", why: `claude can't log in: ${said}` }
  const how = message.subtype === "success" ? "an error" : message.subtype
  const why = `claude ended with ${how}: ${said}`
  const { code } = troubleOf("claude", said)
  // That the gateway refused is worded as trouble with the key; the runner knows better.
  if (code !== "quota") return { is: "failed", code: "crashed", why }
  return { is: "failed", code, why, ...(session.resetsAt === undefined ? {} : { until: session.resetsAt }) }
}

/** By model where it says so: `usage` leaves sub-agents out. The total is cumulative: the last one, never a sum. */
function reported(message: z.infer<typeof Result>, session: Session): Record<string, Usage> {
  const models = Object.entries(message.modelUsage ?? {})
  const total = message.total_cost_usd
  if (models.length === 0) {
    if (message.usage === undefined) return total ? { "": { tokens: noTokens, usd: total } } : session.usage
    const tokens = tokensOf(message.usage)
    return { "": { tokens, ...(session.model ? { model: session.model } : {}), ...(total ? { usd: total } : {}) } }
  }
  const usage = Object.fromEntries(
    models.map(
      ([model, { inputTokens, outputTokens, cacheReadInputTokens, cacheCreationInputTokens, costUSD }]): [
        string,
        Usage,
      ] => [
        model,
        {
          model,
          tokens: {
            in: inputTokens,
            out: outputTokens,
            cacheRead: cacheReadInputTokens,
            cacheWrite: cacheCreationInputTokens,
          },
          ...(costUSD ? { usd: costUSD } : {}),
        },
      ],
    ),
  )
  // What the total has and no model does (a cost without a name) still counts.
  const named = Object.values(usage).reduce((sum, { usd = 0 }) => sum + usd, 0)
  if (total !== undefined && total - named > 0.000_001) usage[""] = { tokens: noTokens, usd: total - named }
  return usage
}

function tokensOf(usage: z.infer<typeof TokenUsage>): Usage["tokens"] {
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage
  return {
    in: input_tokens,
    out: output_tokens,
    cacheRead: cache_read_input_tokens,
    cacheWrite: cache_creation_input_tokens,
  }
}

/** The model that wrote the most: sub-agents and helpers use smaller ones. */
function mainModel(usage: Record<string, Usage>): string | undefined {
  return Object.values(usage).sort((a, b) => b.tokens.out - a.tokens.out)[0]?.model
}

/** It says seconds since 1970, or a date. */
function momentOf(resetsAt: number | string | undefined): string | undefined {
  if (resetsAt === undefined) return undefined
  const at = new Date(typeof resetsAt === "number" ? resetsAt * 1000 : resetsAt)
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}

function passed(outer: Readonly<Record<string, string | undefined>>, names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (outer[name] ? [[name, outer[name]]] : [])))
}

const credentials = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
const defaultTurns = 150
const loginTrouble = /invalid api key|authentication_error|please run \/login|not logged in|API Error: 401/i
const noTokens = { in: 0, out: 0, cacheRead: 0, cacheWrite: 0 }

const quiet = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  CLAUDE_CODE_MAX_RETRIES: "2",
}

const count = z.number().nonnegative().catch(0)
const TokenUsage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
})

const Block = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("tool_use"), name: z.string(), input: z.unknown() }),
  z.object({ type: z.literal("other") }),
])

const Assistant = z.object({
  type: z.literal("assistant"),
  parent_tool_use_id: z.string().nullish(),
  error: z.string().optional().catch(undefined),
  message: z.object({
    id: z.string().optional(),
    model: z.string().optional(),
    stop_reason: z.string().nullish(),
    usage: TokenUsage.optional().catch(undefined),
    content: z.array(Block.catch({ type: "other" })),
  }),
})

const Piece = z
  .discriminatedUnion("type", [
    z.object({
      type: z.literal("message_start"),
      message: z.object({ id: z.string(), model: z.string().optional(), usage: TokenUsage }),
    }),
    z.object({
      type: z.literal("message_delta"),
      delta: z.object({ stop_reason: z.string().nullish() }),
      usage: z.object({ output_tokens: count }),
    }),
    z.object({ type: z.literal("other") }),
  ])
  .catch({ type: "other" })

const Result = z.object({
  type: z.literal("result"),
  subtype: z.string(),
  is_error: z.boolean().catch(false),
  num_turns: z.number().optional(),
  total_cost_usd: z.number().nonnegative().optional().catch(undefined),
  usage: TokenUsage.optional().catch(undefined),
  modelUsage: z
    .record(
      z.string(),
      z.object({
        inputTokens: count,
        outputTokens: count,
        cacheReadInputTokens: count,
        cacheCreationInputTokens: count,
        costUSD: count,
      }),
    )
    .optional()
    .catch(undefined),
  permission_denials: z.array(z.object({ tool_name: z.string() })).catch([]),
  terminal_reason: z.string().nullish(),
  stop_reason: z.string().nullish(),
  errors: z.array(z.string()).optional().catch(undefined),
  result: z.string().optional().catch(undefined),
})

const Line = z.union([
  z.looseObject({ type: z.literal("system"), subtype: z.string().optional(), model: z.string().optional() }),
  Assistant,
  z.object({
    type: z.literal("rate_limit_event"),
    rate_limit_info: z.object({
      status: z.string(),
      rateLimitType: z.string().optional(),
      resetsAt: z.union([z.number(), z.string()]).optional(),
    }),
  }),
  Result,
  z.object({ type: z.literal("stream_event"), event: Piece }),
  // Tool results, and whatever a later version adds.
  z.object({ type: z.literal(["user", "control_request", "control_response", "keep_alive"]) }),
])
