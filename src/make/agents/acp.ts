import { dirname, isAbsolute } from "node:path"
import { z } from "zod"
import {
  type AdapterContext,
  type AgentAdapter,
  type AgentExit,
  endedEarly,
  foldLine,
  notRunnable,
  type Session,
  type SessionEnd,
  stderrTail,
  withDone,
  withNote,
  withPiece,
} from "../adapter.ts"
import type { WireName } from "../gateway/wires/wire.ts"
import { keyVariableOf, reachOf } from "./reach.ts"
import { troubleOf } from "./trouble.ts"

/**
 * Any agent that speaks the Agent Client Protocol over its stdin and stdout. Flyball's own client (`acp-main.ts`) stands
 * where an agent's CLI would stand, starts `command:`, and prints what it is told as lines. The protocol has no common
 * account of tokens: what a session cost is known where the gateway metered it, or where the agent tells a sum.
 */
export const acp: AgentAdapter = {
  // Nobody knows what it speaks: it is told of every wire, under the names by which the makers' own clients look.
  access: { wires: ["messages", "responses", "gemini", "chat"] },
  command(task, context) {
    const { command, model } = task.agent
    if (command === undefined) return notRunnable(`the agent ${task.agent.name} names no command that speaks ACP`)
    if (context.acp === undefined) return notRunnable("this build of Flyball has no ACP client")
    const reviewer = task.role !== "maker"
    const may = reviewer ? (context.sandboxed ? "read-and-run" : "read") : "all"
    const line = typeof command === "string" ? ["sh", "-c", command] : [...command]
    return {
      argv: [...context.acp.argv, ...["--may", may], ...(model === undefined ? [] : ["--model", model]), "--", ...line],
      env: Object.assign({}, ...wires.map((wire) => variablesOf(wire, context))),
      stdin: task.prompt,
      usesNetwork: true,
      // The first word of a shell line is a guess: where it is no program, nothing is lost.
      starts: (typeof command === "string" ? command.trim().split(/\s/)[0] : command[0]) ?? "",
      readable: context.acp.argv.filter(isAbsolute).map(dirname),
      ...(model === undefined ? {} : { model }),
    }
  },
  parse: parseAcp,
  finish: finishAcp,
}

const wires: readonly WireName[] = ["messages", "responses", "gemini"]

function variablesOf(wire: WireName, context: AdapterContext): Record<string, string> {
  const { key, base } = reachOf(wire, context)
  if (key === undefined) return {}
  const [keyName, baseName] = variables[wire]
  const given = context.gateway === undefined ? keyVariableOf(wire, context.outer) : undefined
  return { [given ?? keyName]: key, ...(base === undefined ? {} : { [baseName]: base }) }
}

const variables: Record<WireName, readonly [key: string, base: string]> = {
  messages: ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"],
  responses: ["OPENAI_API_KEY", "OPENAI_BASE_URL"],
  chat: ["OPENAI_API_KEY", "OPENAI_BASE_URL"],
  gemini: ["GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"],
}

/** Folds one line of Flyball's ACP client. */
export function parseAcp(line: string, session: Session): Session {
  return foldLine(Line, line, session, told)
}

function told(event: z.infer<typeof Line>, session: Session): Session {
  switch (event.type) {
    case "flyball.acp.started":
      return session
    case "flyball.acp.prompted":
      return { ...session, begun: true }
    case "flyball.acp.update":
      return updated(event.update, session)
    case "flyball.acp.permission":
      // What it asks leave for it may not tell of otherwise.
      return event.granted ? withDone(session, event.title) : withNote(session, `was not permitted to ${event.title}`)
    case "flyball.acp.note":
      return withNote(session, event.text)
    case "flyball.acp.stopped":
      return { ...session, complete: Object.keys(session.usage).length > 0, end: endOf(event.stopReason) }
    case "flyball.acp.failed":
      return { ...session, end: event.missing ? missing(event.why) : troubleOf("acp", event.why) }
  }
}

function missing(why: string): SessionEnd {
  return { is: "failed", code: "missing_agent", why: `the agent's command can't be started: ${why}` }
}

function updated(update: z.infer<typeof Update>, session: Session): Session {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      return withPiece(session, update.content.text ?? "")
    case "tool_call":
      return withDone(session, `${update.kind ?? "tool"} ${update.title} ${JSON.stringify(update.rawInput ?? {})}`)
    case "usage_update":
      return withCost(update.cost, session)
    case "other":
      return session
  }
}

/** The session's sum so far; the protocol tells no tokens, and what other currencies are worth nobody says. */
function withCost(cost: z.infer<typeof Cost> | undefined, session: Session): Session {
  if (cost?.currency !== "USD" || cost.amount <= 0) return session
  const model = session.model === undefined ? {} : { model: session.model }
  return {
    ...session,
    usage: { "": { tokens: { in: 0, out: 0, cacheRead: 0, cacheWrite: 0 }, usd: cost.amount, ...model } },
  }
}

function endOf(stopReason: string): SessionEnd {
  switch (stopReason) {
    case "end_turn":
      return { is: "done" }
    case "refusal":
      return { is: "failed", code: "refused", why: "the model refused the task" }
    case "max_turn_requests":
      return { is: "failed", code: "timeout", why: "the agent used up its turns" }
    default:
      return { is: "failed", code: "crashed", why: `the agent stopped: ${stopReason}` }
  }
}

/** Weighs what the lines said against the exit. */
export function finishAcp(session: Session, exit: AgentExit): SessionEnd {
  if (session.end !== undefined) return session.end
  const last = stderrTail(exit.stderr) || session.notes.at(-1)
  const code = exit.exitCode === 127 ? "missing_agent" : "crashed"
  return { is: "failed", code, why: endedEarly("the ACP agent", "finishing its turn", exit, last) }
}

const Cost = z.object({ amount: z.number(), currency: z.string() })

const Update = z
  .discriminatedUnion("sessionUpdate", [
    z.object({
      sessionUpdate: z.literal("agent_message_chunk"),
      content: z.object({ text: z.string().optional() }),
    }),
    z.object({
      sessionUpdate: z.literal("tool_call"),
      title: z.string(),
      kind: z.string().optional(),
      rawInput: z.unknown().optional(),
    }),
    z.object({ sessionUpdate: z.literal("usage_update"), cost: Cost.nullish().transform((cost) => cost ?? undefined) }),
    z.object({ sessionUpdate: z.literal("other") }),
  ])
  .catch({ sessionUpdate: "other" })

const Line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("flyball.acp.started") }),
  z.object({ type: z.literal("flyball.acp.prompted") }),
  z.object({ type: z.literal("flyball.acp.update"), update: Update }),
  z.object({ type: z.literal("flyball.acp.permission"), title: z.string(), granted: z.boolean() }),
  z.object({ type: z.literal("flyball.acp.note"), text: z.string() }),
  z.object({ type: z.literal("flyball.acp.stopped"), stopReason: z.string() }),
  z.object({ type: z.literal("flyball.acp.failed"), why: z.string(), missing: z.boolean().catch(false) }),
])
