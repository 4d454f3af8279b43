import { stringify } from "smol-toml"
import { z } from "zod"
import {
  type AgentAdapter,
  type AgentExit,
  endedEarly,
  foldLine,
  type Session,
  type SessionEnd,
  stderrTail,
  withDone,
  withNote,
  withSaid,
} from "../adapter.ts"
import { codexLogin } from "./logins.ts"
import { lackingKey, reachOf, usualBase } from "./reach.ts"
import { troubleOf } from "./trouble.ts"

/**
 * Codex, headless, by its JSON lines. Where no metering gateway stands between them, OPENAI_API_KEY and
 * OPENAI_BASE_URL come from the user's environment and are given to this agent alone. It reports tokens, never money.
 */
export const codex: AgentAdapter = {
  probe: { program: "codex", args: ["--version"] },
  access: {
    wires: ["responses"],
    login: {
      file: ".codex/auth.json",
      folderVariable: "CODEX_HOME",
      instead: "set OPENAI_API_KEY",
      lend: { read: codexLogin, hosts: ["chatgpt.com:443"] },
    },
  },
  command(task, context) {
    const reviewer = task.role !== "maker"
    const { key, base } = reachOf("responses", context)
    const codexHome = `${context.home}/.codex`
    const argv = ["codex", "exec", "--json", "--ephemeral", "--skip-git-repo-check"]
    // Its own sandbox can't nest in ours; without ours, its own is better than none.
    if (context.sandboxed) argv.push("--dangerously-bypass-approvals-and-sandbox")
    else argv.push("--sandbox", reviewer ? "read-only" : "workspace-write")
    if (task.answer !== undefined) argv.push("--output-schema", `${codexHome}/answer.json`)
    argv.push("-")
    return {
      argv,
      env: { CODEX_HOME: codexHome, ...(key === undefined ? {} : { FLYBALL_CODEX_KEY: key }) },
      stdin: task.prompt,
      files: {
        ".codex/config.toml": config(task.agent, context.login ? "login" : base),
        ...(task.answer === undefined ? {} : { ".codex/answer.json": JSON.stringify(task.answer) }),
      },
      usesNetwork: true,
      // Its lines never name the model.
      ...(task.agent.model === undefined ? {} : { model: task.agent.model }),
      ...(context.login ? {} : lackingKey("codex", "responses", key)),
    }
  },
  parse: parseCodex,
  finish: finishCodex,
}

/** Folds one line of `codex exec --json`; shared with replayed sessions. */
export function parseCodex(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(event: z.infer<typeof Line>, session: Session): Session {
  switch (event.type) {
    case "turn.started":
      return { ...session, begun: true }
    case "item.completed":
      return item(event.item, session)
    case "turn.completed": {
      const { input_tokens, cached_input_tokens, cache_write_input_tokens, output_tokens } = event.usage
      // `input_tokens` includes the cached ones. The figures are of the whole thread so far: the last, never a sum.
      const cacheRead = Math.min(cached_input_tokens, input_tokens)
      const cacheWrite = Math.min(cache_write_input_tokens, input_tokens - cacheRead)
      const tokens = { in: input_tokens - cacheRead - cacheWrite, out: output_tokens, cacheRead, cacheWrite }
      const model = session.model === undefined ? {} : { model: session.model }
      return { ...session, begun: true, complete: true, usage: { "": { tokens, ...model } }, end: { is: "done" } }
    }
    case "turn.failed":
      return turnFailed(event.error.message, session)
    case "error":
      // Often only a retry ("Reconnecting… 1/5"); a turn that fails by it says so itself.
      return withNote(session, event.message)
    default:
      return session
  }
}

/** Weighs what the lines said against the exit; shared with replayed sessions. */
export function finishCodex(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = session.notes.at(-1) ?? stderrTail(exit.stderr)
  return { ...troubleOf("codex", last), why: endedEarly("codex", "completing its turn", exit, last) }
}

function item(of: z.infer<typeof Item>, session: Session): Session {
  switch (of.type) {
    case "agent_message":
      return withSaid({ ...session, begun: true }, of.text ?? "")
    case "command_execution":
      return withDone(session, `$ ${of.command ?? ""}`)
    case "file_change":
      return withDone(session, `edit ${JSON.stringify(of.changes ?? [])}`)
    case "mcp_tool_call":
    case "web_search":
      return withDone(session, `${of.type} ${of.tool ?? of.query ?? ""}`)
    case "error":
      return withNote(session, of.message ?? "an error without a message")
    default:
      return session
  }
}

function turnFailed(message: string, session: Session): Session {
  const end = troubleOf("codex", message)
  // Turned away at the door: where it said and did nothing before, no request was ever answered, or paid for.
  const begun = end.code !== "missing_agent" || session.spoken !== ""
  return { ...session, begun, end }
}

function config(
  agent: { model?: string | undefined; effort?: string | undefined },
  baseUrl: string | "login" | undefined,
): string {
  return stringify({
    ...(agent.model === undefined ? {} : { model: agent.model }),
    ...(agent.effort === undefined ? {} : { model_reasoning_effort: agent.effort }),
    model_provider: "flyball",
    check_for_update_on_startup: false,
    web_search: "disabled",
    features: { plugins: false, apps: false, remote_plugin: false },
    // What sub-agents use is in no line of its output.
    agents: { enabled: false },
    analytics: { enabled: false },
    // The commands that the agent runs don't get the key.
    shell_environment_policy: { exclude: ["FLYBALL_CODEX_KEY"] },
    model_providers: {
      flyball: {
        name: "OpenAI",
        ...(baseUrl === "login"
          ? { base_url: CHATGPT_URL, requires_openai_auth: true }
          : { base_url: baseUrl ?? usualBase("responses"), env_key: "FLYBALL_CODEX_KEY" }),
        wire_api: "responses",
        request_max_retries: 2,
        stream_max_retries: 1,
      },
    },
  })
}

/** Where Codex sends requests that a ChatGPT plan pays for. */
const CHATGPT_URL = "https://chatgpt.com/backend-api/codex"

const count = z.number().nonnegative().catch(0)

const Item = z.object({
  type: z.string(),
  text: z.string().optional(),
  command: z.string().optional(),
  changes: z.unknown().optional(),
  tool: z.string().optional(),
  query: z.string().optional(),
  message: z.string().optional(),
})

const Line = z.union([
  z.object({ type: z.literal("item.completed"), item: Item }),
  z.object({
    type: z.literal("turn.completed"),
    usage: z.object({
      input_tokens: count,
      cached_input_tokens: count,
      cache_write_input_tokens: count,
      output_tokens: count,
    }),
  }),
  z.object({ type: z.literal("turn.failed"), error: z.object({ message: z.string() }) }),
  z.object({ type: z.literal("error"), message: z.string() }),
  z.object({ type: z.literal(["thread.started", "turn.started", "item.started", "item.updated"]) }),
])
