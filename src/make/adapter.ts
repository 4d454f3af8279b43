import type { z } from "zod"
import type { AgentResult, AgentTask } from "../core/ports.ts"
import type { Spend } from "../core/spend.ts"
import type { LoginFile } from "./agents/logins.ts"
import type { WireName } from "./gateway/wires/wire.ts"

/** What an adapter knows besides the task when it writes its command line. All paths are absolute. */
export type AdapterContext = {
  /** HOME of this attempt, and the only folder of Flyball's that the agent may write. */
  home: string
  /** Files that hold the parts of the task, readable by the agent. */
  files: { finding: string; prompt: string; feedback?: string; diff?: string; evidence?: string }
  /** Whether bubblewrap confines it: without it an agent's own sandbox stays on. */
  sandboxed: boolean
  /** The user's environment, of which an adapter passes on what it names and nothing else. */
  outer: Readonly<Record<string, string | undefined>>
  /** How to start Flyball's replay program, and where recorded sessions lie when their path is relative. */
  replay: { argv: readonly string[]; root: string }
  /** How to start Flyball's ACP client; absent where it is not to be had. */
  acp?: { argv: readonly string[] }
  /**
   * The metering gateway, by an address without a path, and this attempt's token. Where it is set, requests go to it
   * with the token for a key, and no key of the user's is handed on.
   */
  gateway?: { url: string; token: string }
  /** The user's own login of this agent lies in HOME, as the user said it may; no key and no other address goes with it. */
  login?: true
}

/** A command line, and all that must be in place for it. */
export type AgentCommand = {
  argv: string[]
  /** Added to the built environment. */
  env: Record<string, string>
  stdin?: string
  /** Written into the private HOME (mode 0600) before it starts; keys are relative paths. */
  files?: Record<string, string>
  /** False: it gets no network at all where Flyball can keep it from one. */
  usesNetwork: boolean
  /** It names files from the repository's root, and so starts there, whatever folder the loop works in. */
  startsAtRoot?: true
  /** The model it is told to run, for an agent whose lines don't name it. */
  model?: string
  /** Another program that it starts, as it is found on the PATH: what that needs must be readable too. */
  starts?: string
  /** More paths that it must be able to read. */
  readable?: string[]
  /** Set when it could not work here whatever it did: nothing is started. */
  unusable?: string
}

/** Tokens and money of one model, as far as the agent told. `usd` is what it reported; zero dollars for tokens is no report. */
export type Usage = { model?: string; tokens: Spend["tokens"]; usd?: number }

/** How an agent's session ended by its own account. */
export type SessionEnd = { is: "done" } | { is: "failed"; code: FailureCode; why: string; until?: string }
type FailureCode = Extract<AgentResult["ended"], { is: "failed" }>["code"]

/** What an agent's lines have told so far. Every adapter folds its lines into this one shape. */
export type Session = {
  /** True once the agent really began: before that, nothing can have been spent. */
  begun: boolean
  model?: string
  /** All it said and did, for the repetition guard; capped. */
  spoken: string
  /** Its last whole message; capped. */
  said: string
  /** True while pieces of a message come: the next piece belongs to it. */
  speaking?: boolean
  /** By request or by model; `complete` once the agent's own final account replaced the running one. */
  usage: Record<string, Usage>
  complete: boolean
  /** The message under way, while its pieces are told. */
  streaming?: string
  /** True while it is certain that the model is asked once more: its last message called tools. */
  goesOn?: boolean
  end?: SessionEnd
  /** Refused permissions, rate limits, retries: for the log, and for `why` when it fails. */
  notes: string[]
  /** When the limit that it ran into ends, ISO 8601, where the agent says so. */
  resetsAt?: string
  /** Lines that could not be read as the agent's format. */
  unread: number
  /** Set by a replayed session: whose lines these are. */
  replayed?: { format: "claude" | "codex"; agent: string }
}

/** How the process ended, whatever its lines said. Exit codes lie: an adapter weighs both. */
export type AgentExit = { exitCode: number | null; signal: string | null; stderr: string }

/** An agent's login in the home of its user. */
export type AgentLogin = {
  /** From the home, there as in a session's. */
  file: string
  /** The user's variable that names another folder for it. */
  folderVariable?: string
  instead: string
  /** How a session may have it, once the user said so; none: it never can. */
  lend?: {
    read(text: string): LoginFile | undefined
    /** All that a session with it may reach besides what the loop lists. */
    hosts: readonly string[]
    /** The file that tells whose it is, where the login's own does not. */
    account?: { file: string; read(text: string): string | undefined }
  }
}

/** How an agent reaches its model, and what shows who pays for it. */
export type AgentAccess = {
  /** What it can speak, the usual one first. Which of several it speaks follows from its model. */
  wires: readonly WireName[]
  /** A variable with a long-lived token of a subscription, which no gateway can stand in for. */
  tokenVariable?: string
  /** The hosts that it must reach by itself then. */
  hosts?: readonly string[]
  /** Where its own login lies in the user's home, which Flyball does not use unasked, and what to do instead. */
  login?: AgentLogin
  /** The oldest Node that it runs on, where that is newer than Flyball's own. */
  node?: readonly [major: number, minor: number]
  /** The version of it since which that is so; none: always. */
  nodeSince?: readonly [major: number, minor: number]
}

/**
 * One agent: two pure functions and their verdict. `command` says what to run, `parse` folds a line of its output into
 * the session, `finish` says how it ended. To add an agent is to add one file, and one line in `agents/index.ts`.
 */
export type AgentAdapter = {
  /** How it is found and asked for its version; none for what is not a program of its own. */
  probe?: { program: string; args: string[] }
  /** None for what calls no model, or whose model nobody knows. */
  access?: AgentAccess
  command(task: AgentTask, context: AdapterContext): AgentCommand
  parse(line: string, session: Session): Session
  finish(session: Session, exit: AgentExit): SessionEnd
}

/** The session of an agent that has said nothing yet. */
export const newSession: Session = {
  begun: false,
  spoken: "",
  said: "",
  usage: {},
  complete: false,
  notes: [],
  unread: 0,
}

/** The session after a whole message. */
export function withSaid(session: Session, text: string): Session {
  if (text === "") return session
  return { ...withDone(session, text), said: text.slice(-maxSaidChars) }
}

/** The session after a piece of a message; the message ends with the next thing that is no piece. */
export function withPiece(session: Session, text: string): Session {
  if (text === "") return session
  const said = session.speaking === true ? session.said + text : text
  const room = maxSpokenChars - session.spoken.length
  return { ...session, speaking: true, said: said.slice(-maxSaidChars), spoken: session.spoken + text.slice(0, room) }
}

/** The session after something that counts as output but is no message: a tool call. */
export function withDone(session: Session, text: string): Session {
  const before = session.speaking === true ? `${session.spoken}\n` : session.spoken
  const room = maxSpokenChars - before.length
  return { ...session, speaking: false, spoken: room <= 0 ? before : `${before}${text.slice(0, room)}\n` }
}

/** The session after something worth a note. */
export function withNote(session: Session, note: string): Session {
  return session.notes.length >= maxNotes ? session : { ...session, notes: [...session.notes, note.slice(0, 500)] }
}

/**
 * Folds one line of an agent that prints JSON: `told` takes what has the shape of one of its events. A blank line says
 * nothing, and any other is counted as unread.
 */
export function foldLine<Event>(
  events: z.ZodType<Event>,
  line: string,
  session: Session,
  told: (event: Event, session: Session) => Session,
): Session {
  if (line.trim() === "") return session
  const parsed = events.safeParse(jsonLine(line))
  return parsed.success ? told(parsed.data, session) : { ...session, unread: session.unread + 1 }
}

/** A line as a JSON object, or undefined: half lines, banners and garbage are nothing to stumble over. */
export function jsonLine(line: string): unknown {
  if (!line.trimStart().startsWith("{")) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** In place of a command line, where there can be none. */
export function notRunnable(why: string): AgentCommand {
  return { argv: ["true"], env: {}, usesNetwork: false, unusable: why }
}

/** How it is told that a process ended before its lines said how: `without` what, its exit, and the last that it said. */
export function endedEarly(agent: string, without: string, { exitCode, signal }: AgentExit, last = ""): string {
  const how = signal === null ? `exit ${exitCode}` : signal
  return `${agent} ended without ${without} (${how})${last === "" ? "" : `: ${last}`}`
}

/** The end of a process's last words. */
export function stderrTail(stderr: string): string {
  const text = stderr.trim()
  return text.length > 1_000 ? `…${text.slice(-1_000)}` : text
}

const maxSaidChars = 64 * 1024
const maxSpokenChars = 1024 * 1024
const maxNotes = 50
