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
import type { WireName } from "../gateway/wires/wire.ts"
import { lackingKey, lackingModel, plainModel, reachOf, usualBase, wireOfModel } from "./reach.ts"
import { troubleOf } from "./trouble.ts"

/**
 * OpenCode, headless, by its JSON lines. It speaks every wire; which one follows from the model's name. It reports the
 * tokens of each step, and money only where its own list knows the model, which is not asked here.
 */
export const opencode: AgentAdapter = {
  probe: { program: "opencode", args: ["--version"] },
  access: {
    wires: ["messages", "responses", "gemini", "chat"],
    login: {
      file: ".local/share/opencode/auth.json",
      instead: "set the key of the model's provider in the environment",
    },
  },
  command(task, context) {
    const named = task.agent.model
    const wire = wireOfModel(named ?? "")
    const model = named === undefined ? undefined : plainModel(named)
    const { key, base } = reachOf(wire, context)
    const argv = ["opencode", "run", "--format", "json", "--pure", "--auto", "--title", "flyball"]
    if (model !== undefined) argv.push("-m", `flyball/${model}`)
    if (task.agent.effort !== undefined) argv.push("--variant", task.agent.effort)
    const reviewer = task.role !== "maker"
    return {
      argv,
      env: {
        ...quiet,
        ...(key === undefined ? {} : { FLYBALL_OPENCODE_KEY: key }),
        OPENCODE_CONFIG_CONTENT: JSON.stringify(
          config({
            cwd: task.cwd,
            model: model ?? "",
            wire,
            base,
            noShell: reviewer && !context.sandboxed,
            readOnly: reviewer,
            turns: task.limits.turns,
          }),
        ),
      },
      stdin: task.prompt,
      usesNetwork: true,
      ...(model === undefined ? {} : { model }),
      ...lackingKey("opencode", wire, key),
      ...lackingModel("opencode", model),
    }
  },
  parse: parseOpencode,
  finish: finishOpencode,
}

/** Folds one line of `opencode run --format json`. */
export function parseOpencode(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(event: z.infer<typeof Line>, session: Session): Session {
  switch (event.type) {
    case "step_start":
      return { ...session, begun: true }
    case "text":
      return withSaid({ ...session, begun: true }, event.part.text)
    case "reasoning":
      return session
    case "tool_use": {
      const { tool, state } = event.part
      const next = withDone(session, `${tool} ${JSON.stringify(state.input ?? {})}`)
      return state.error === undefined ? next : withNote(next, `${tool} failed: ${state.error}`)
    }
    case "step_finish":
      return stepFinished(event.part, session)
    case "error":
      return { ...session, complete: true, end: failed(event.error) }
  }
}

/** Each step has an account of its own, which are summed; it reports no money for a model that it was only told about. */
function stepFinished({ id, reason, tokens, cost }: z.infer<typeof StepFinish>, session: Session): Session {
  const usage = {
    tokens: {
      in: tokens.input,
      out: tokens.output + tokens.reasoning,
      cacheRead: tokens.cache.read,
      cacheWrite: tokens.cache.write,
    },
    ...(session.model === undefined ? {} : { model: session.model }),
    ...(cost > 0 ? { usd: cost } : {}),
  }
  // After calls of tools the next request is on its way, and what it uses is not known before its own account.
  const next = { ...session, complete: reason !== "tool-calls", usage: { ...session.usage, [id]: usage } }
  if (reason === "stop") return { ...next, end: { is: "done" } }
  if (reason === "content-filter")
    return { ...next, end: { is: "failed", code: "refused", why: "the model refused the task" } }
  return next
}

/** Weighs what the lines said against the exit. */
export function finishOpencode(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = session.notes.at(-1) ?? stderrTail(exit.stderr)
  return { is: "failed", code: "crashed", why: endedEarly("opencode", "finishing its last step", exit, last) }
}

function failed({ name, data }: z.infer<typeof Trouble>): SessionEnd {
  const { message = name, statusCode } = data
  const told = statusCode === undefined ? message : `${statusCode} ${message}`
  const end = troubleOf("opencode", told, statusCode)
  if (name === "ProviderAuthError") return { ...end, code: "missing_agent" }
  return name === "ContentFilterError" ? { ...end, code: "refused" } : end
}

type Config = {
  cwd: string
  model: string
  wire: WireName
  base: string | undefined
  noShell: boolean
  readOnly: boolean
  turns: number | undefined
}

function config({ cwd, model, wire, base, noShell, readOnly, turns = 150 }: Config): object {
  const refuse = (on: boolean) => (on ? "deny" : "allow")
  return {
    autoupdate: false,
    share: "disabled",
    enabled_providers: ["flyball"],
    model: `flyball/${model}`,
    small_model: `flyball/${model}`,
    // Without the repository's settings it would not look for this either.
    instructions: [`${cwd}/AGENTS.md`],
    snapshot: false,
    permission: {
      edit: refuse(readOnly),
      bash: refuse(noShell),
      webfetch: "deny",
      websearch: "deny",
      external_directory: "deny",
    },
    agent: { build: { steps: turns }, title: { disable: true } },
    // What sub-agents use is in no line of its output.
    tools: { task: false },
    provider: {
      flyball: {
        npm: packages[wire],
        name: "flyball",
        options: { baseURL: baseOf(wire, base), apiKey: "{env:FLYBALL_OPENCODE_KEY}" },
        models: { [model]: { name: model, limit: { context: 200_000, output: 32_000 }, tool_call: true } },
      },
    },
  }
}

/** Its clients want the version in the base URL, on every wire. */
function baseOf(wire: WireName, base = usualBase(wire)): string {
  if (wire === "messages") return `${base}/v1`
  return wire === "gemini" ? `${base}/v1beta` : base
}

const packages: Record<WireName, string> = {
  messages: "@ai-sdk/anthropic",
  responses: "@ai-sdk/openai",
  chat: "@ai-sdk/openai-compatible",
  gemini: "@ai-sdk/google",
}

const quiet = {
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  OPENCODE_DISABLE_SHARE: "1",
  OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
  OPENCODE_DISABLE_PROJECT_CONFIG: "1",
}

const count = z.number().nonnegative().catch(0)

const StepFinish = z.object({
  id: z.string(),
  reason: z.string(),
  cost: count,
  tokens: z.object({
    input: count,
    output: count,
    reasoning: count,
    cache: z.object({ read: count, write: count }).catch({ read: 0, write: 0 }),
  }),
})

const Trouble = z.object({
  name: z.string(),
  data: z.object({ message: z.string().optional(), statusCode: z.number().optional() }).catch({}),
})

const Line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("step_start") }),
  z.object({ type: z.literal("text"), part: z.object({ text: z.string() }) }),
  z.object({ type: z.literal("reasoning") }),
  z.object({
    type: z.literal("tool_use"),
    part: z.object({
      tool: z.string(),
      state: z.object({ input: z.unknown().optional(), error: z.string().optional().catch(undefined) }),
    }),
  }),
  z.object({ type: z.literal("step_finish"), part: StepFinish }),
  z.object({ type: z.literal("error"), error: Trouble }),
])
