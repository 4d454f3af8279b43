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
  withSaid,
} from "../adapter.ts"
import type { WireName } from "../gateway/wires/wire.ts"
import { lackingKey, lackingModel, plainModel, reachOf, usualBase, wireOfModel } from "./reach.ts"
import { troubleOf } from "./trouble.ts"

/**
 * Pi, headless, by its JSON lines. It speaks every wire; which one follows from the model's name. Each message has its
 * own account; the price is not asked of it, since it knows the model from us alone.
 */
export const pi: AgentAdapter = {
  probe: { program: "pi", args: ["--version"] },
  access: {
    wires: ["messages", "responses", "gemini", "chat"],
    login: { file: ".pi/agent/auth.json", instead: "set the key of the model's provider in the environment" },
    node: [22, 19],
    nodeSince: [0, 75],
  },
  command(task, context) {
    const { model: named, effort } = task.agent
    const wire = wireOfModel(named ?? "")
    const model = named === undefined ? undefined : plainModel(named)
    const { key, base } = reachOf(wire, context)
    const reviewer = task.role !== "maker"
    // Extensions, skills and settings of the repository's run programs unasked.
    const argv = ["pi", "-p", "--mode", "json", "--no-session", "--offline", "--no-extensions", "--no-skills"]
    argv.push("--provider", "flyball", "--model", model ?? "")
    if (effort !== undefined) argv.push("--thinking", effort)
    if (reviewer) argv.push("--tools", context.sandboxed ? "read,grep,find,ls,bash" : "read,grep,find,ls")
    return {
      argv,
      env: { PI_OFFLINE: "1", PI_TELEMETRY: "0", ...(key === undefined ? {} : { FLYBALL_PI_KEY: key }) },
      stdin: task.prompt,
      files: {
        ".pi/agent/models.json": JSON.stringify(models(model ?? "", wire, base)),
        ".pi/agent/settings.json": JSON.stringify({ retry: { enabled: false }, defaultProjectTrust: "never" }),
      },
      usesNetwork: true,
      ...(model === undefined ? {} : { model }),
      ...lackingKey("pi", wire, key),
      ...lackingModel("pi", model),
    }
  },
  parse: parsePi,
  finish: finishPi,
}

/** Folds one line of `pi --mode json`. */
export function parsePi(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(event: z.infer<typeof Line>, session: Session): Session {
  switch (event.type) {
    case "agent_start":
      return { ...session, begun: true }
    case "message_start":
      // Until its end comes, what it uses is not known.
      return event.message.role === "assistant" ? { ...session, complete: false } : session
    case "message_end":
      return event.message.role === "assistant" ? assistant(event.message, session) : session
    case "tool_execution_start":
      return withDone(session, `${event.toolName} ${JSON.stringify(event.args ?? {})}`)
    case "agent_end":
      return event.willRetry || session.end !== undefined ? session : { ...session, end: lastEnd(event.messages) }
    default:
      return session
  }
}

function assistant(message: z.infer<typeof Assistant>, session: Session): Session {
  const { input, output, cacheRead, cacheWrite } = message.usage
  const tokens = { in: input, out: output, cacheRead, cacheWrite }
  const model = message.model ?? session.model
  const id = message.responseId ?? `#${Object.keys(session.usage).length}`
  const spent = input + output + cacheRead + cacheWrite > 0
  let next: Session = {
    ...session,
    begun: true,
    complete: true,
    ...(model === undefined ? {} : { model }),
    usage: spent ? { ...session.usage, [id]: { tokens, ...(model === undefined ? {} : { model }) } } : session.usage,
  }
  for (const block of message.content) if (block.type === "text") next = withSaid(next, block.text)
  if (message.errorMessage === undefined) return next
  // What was cut off has an account that is too small.
  const refusedAtOnce = /^\d{3} /.test(message.errorMessage) || message.rawStopReason !== undefined
  return { ...next, complete: refusedAtOnce, notes: [...next.notes, message.errorMessage].slice(-50) }
}

/** It leaves with 0 whatever happened: the last message says how it went. */
function lastEnd(messages: readonly z.infer<typeof Message>[]): SessionEnd {
  const last = messages.flatMap((message) => (message.role === "assistant" ? [message] : [])).at(-1)
  if (last === undefined) return { is: "failed", code: "crashed", why: "pi ended without an answer" }
  if (last.stopReason === "stop") return { is: "done" }
  const why = last.errorMessage ?? `it stopped: ${last.stopReason}`
  const status = /^(\d{3}) /.exec(why)?.[1]
  return troubleOf("pi", why, status === undefined ? undefined : Number(status))
}

/** Weighs what the lines said against the exit. */
export function finishPi(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = stderrTail(exit.stderr) || session.notes.at(-1)
  return { is: "failed", code: "crashed", why: endedEarly("pi", "finishing its turn", exit, last) }
}

function models(model: string, wire: WireName, base = usualBase(wire)): object {
  const baseUrl = wire === "gemini" ? `${base}/v1beta` : base
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  const known = {
    id: model,
    name: model,
    reasoning: false,
    input: ["text"],
    cost,
    contextWindow: 200_000,
    maxTokens: 32_000,
  }
  // Of the ways to name a variable, a command is the one that all its versions know.
  return { providers: { flyball: { baseUrl, api: apis[wire], apiKey: "!printenv FLYBALL_PI_KEY", models: [known] } } }
}

const apis: Record<WireName, string> = {
  messages: "anthropic-messages",
  responses: "openai-responses",
  chat: "openai-completions",
  gemini: "google-generative-ai",
}

const count = z.number().nonnegative().catch(0)

const Assistant = z.object({
  role: z.literal("assistant"),
  content: z.array(
    z.union([z.object({ type: z.literal("text"), text: z.string() }), z.object({ type: z.literal("other") })]).catch({
      type: "other",
    }),
  ),
  model: z.string().optional(),
  usage: z
    .object({ input: count, output: count, cacheRead: count, cacheWrite: count })
    .catch({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }),
  stopReason: z.string().optional(),
  rawStopReason: z.string().optional(),
  responseId: z.string().optional(),
  errorMessage: z.string().optional(),
})

const Message = z.union([Assistant, z.object({ role: z.enum(["system", "user", "toolResult"]) })])

const Line = z.union([
  z.object({ type: z.literal("message_start"), message: z.object({ role: z.string() }) }),
  z.object({ type: z.literal("message_end"), message: Message }),
  z.object({ type: z.literal("tool_execution_start"), toolName: z.string(), args: z.unknown().optional() }),
  z.object({ type: z.literal("agent_end"), messages: z.array(Message), willRetry: z.boolean().catch(false) }),
  z.object({
    type: z.literal([
      "session",
      "agent_start",
      "agent_settled",
      "turn_start",
      "turn_end",
      "message_update",
      "tool_execution_update",
      "tool_execution_end",
    ]),
  }),
])
