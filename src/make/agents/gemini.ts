import { z } from "zod"
import {
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
  withPiece,
} from "../adapter.ts"
import { lackingKey, reachOf } from "./reach.ts"
import { troubleOf } from "./trouble.ts"

/** Gemini CLI, headless, by its stream-json lines. It reports tokens by model, never money. */
export const gemini: AgentAdapter = {
  probe: { program: "gemini", args: ["--version"] },
  access: {
    wires: ["gemini"],
    login: { file: ".gemini/oauth_creds.json", instead: "make a key at aistudio.google.com and set GEMINI_API_KEY" },
  },
  command(task, context) {
    const reviewer = task.role !== "maker"
    const { key, base } = reachOf("gemini", context)
    const argv = ["gemini", "-o", "stream-json", "--approval-mode", "yolo", "--skip-trust"]
    // A folder that is trusted brings its own servers and extensions, which run programs unasked: none of them is let in.
    argv.push("--allowed-mcp-server-names", "none", "-e", "none")
    if (task.agent.model !== undefined) argv.push("-m", task.agent.model)
    const settings = settingsFor({
      readOnly: reviewer,
      shell: !reviewer || context.sandboxed,
      turns: task.limits.turns,
    })
    return {
      argv,
      env: {
        ...quiet,
        // Settings of the system's stand above the repository's.
        GEMINI_CLI_SYSTEM_SETTINGS_PATH: `${context.home}/.gemini/flyball.json`,
        ...(key === undefined ? {} : { GEMINI_API_KEY: key }),
        ...(base === undefined ? {} : { GOOGLE_GEMINI_BASE_URL: base }),
      },
      stdin: task.prompt,
      // Above the repository's own settings, and below them: it refuses the former under a folder that others may write.
      files: { ".gemini/flyball.json": settings, ".gemini/settings.json": settings },
      usesNetwork: true,
      ...(task.agent.model === undefined ? {} : { model: task.agent.model }),
      ...lackingKey("gemini", "gemini", key),
    }
  },
  parse: parseGemini,
  finish: finishGemini,
}

/** Folds one stream-json line. */
export function parseGemini(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(event: z.infer<typeof Line>, session: Session): Session {
  switch (event.type) {
    case "init":
      return { ...session, begun: true, ...(event.model === undefined ? {} : { model: event.model }) }
    case "message":
      return event.role === "assistant" ? withPiece(session, event.content) : session
    case "tool_use":
      return withDone(session, `${event.tool_name} ${JSON.stringify(event.parameters ?? {})}`)
    case "tool_result":
      return event.status === "error" && event.error !== undefined
        ? withNote(session, `a tool failed: ${event.error.message}`)
        : session
    case "error":
      return withNote(session, `${event.severity ?? "error"}: ${event.message}`)
    case "result":
      return result(event, session)
  }
}

/** The session's own account: tokens of every model it used, sub-agents' and helpers' among them. */
function result({ status, error, stats }: z.infer<typeof Result>, session: Session): Session {
  const models = Object.entries(stats?.models ?? {})
  const usage = Object.fromEntries(models.map(([model, account]): [string, Usage] => [model, usageOf(model, account)]))
  const end: SessionEnd = status === "success" ? { is: "done" } : failed(error?.message ?? status, error?.type)
  return { ...session, begun: true, complete: true, usage, end }
}

function usageOf(model: string, { input_tokens, output_tokens, cached, total_tokens }: z.infer<typeof Account>): Usage {
  const cacheRead = Math.min(cached, input_tokens)
  // Thoughts are in the total alone, and are paid for as output.
  const out = Math.max(output_tokens, total_tokens - input_tokens)
  return { model, tokens: { in: input_tokens - cacheRead, out, cacheRead, cacheWrite: 0 } }
}

/** Weighs what the lines said against the exit. */
export function finishGemini(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = session.notes.at(-1) ?? lastWords(exit.stderr)
  return { ...failed(last), why: endedEarly("gemini", "a result", exit, last) }
}

function failed(message: string, type?: string): Extract<SessionEnd, { is: "failed" }> {
  const end = troubleOf("gemini", message)
  const outOfTurns = type === "FatalTurnLimitedError" || /max(imum)? session turns/i.test(message)
  return outOfTurns ? { ...end, code: "timeout" } : end
}

/** Without what it says at every start. */
function lastWords(stderr: string): string {
  const told = stderr.split("\n").filter((line) => !/^(Warning|Security Warning|YOLO mode|Ripgrep)/.test(line))
  return stderrTail(told.join("\n"))
}

type Wanted = { readOnly: boolean; shell: boolean; turns: number | undefined }

function settingsFor({ readOnly, shell, turns = 150 }: Wanted): string {
  const exclude = [
    "google_web_search",
    "web_fetch",
    ...(readOnly ? ["write_file", "replace"] : []),
    ...(shell ? [] : ["run_shell_command"]),
  ]
  return JSON.stringify({
    security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    general: {
      enableAutoUpdate: false,
      enableAutoUpdateNotification: false,
      maxAttempts: 2,
      retryFetchErrors: false,
      checkpointing: { enabled: false },
    },
    model: { maxSessionTurns: turns },
    tools: { exclude, discoveryCommand: "", callCommand: "" },
    mcp: { serverCommand: "" },
    hooksConfig: { enabled: false },
    advanced: { ignoreLocalEnv: true },
    ide: { enabled: false },
  })
}

const quiet = { GEMINI_CLI_NO_RELAUNCH: "true" }

const count = z.number().nonnegative().catch(0)
const Account = z.object({ input_tokens: count, output_tokens: count, cached: count, total_tokens: count })

const Result = z.object({
  type: z.literal("result"),
  status: z.string(),
  error: z.object({ type: z.string().optional(), message: z.string() }).optional(),
  stats: z
    .object({ models: z.record(z.string(), Account).catch({}) })
    .optional()
    .catch(undefined),
})

const Line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("init"), model: z.string().optional() }),
  z.object({ type: z.literal("message"), role: z.string(), content: z.string(), delta: z.boolean().optional() }),
  z.object({ type: z.literal("tool_use"), tool_name: z.string(), parameters: z.unknown().optional() }),
  z.object({
    type: z.literal("tool_result"),
    status: z.string(),
    error: z.object({ message: z.string() }).optional().catch(undefined),
  }),
  z.object({ type: z.literal("error"), severity: z.string().optional(), message: z.string() }),
  Result,
])
