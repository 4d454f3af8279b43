/** What a model would do, by intent; each agent is asked for it by the names of the tools that it offered. */
export type Intent =
  | { do: "read"; path: string }
  | { do: "write"; path: string; content: string }
  | { do: "edit"; path: string; before: string; after: string }
  | { do: "run"; command: string }
  /** A tool by its own name, where an intent is not enough. */
  | { do: "call"; name: string; input: Record<string, unknown> }

/** Tokens as Flyball counts them: `in` is without the cache's, `out` is with the reasoning. */
export type ServedUsage = { in: number; out: number; cacheRead: number; cacheWrite: number; reasoning: number }

/** What goes wrong with a request. The first `times` requests of the turn suffer it (unset: all of them). */
export type Fault = (
  | { is: "status"; status: number; message?: string; retryAfterS?: number }
  /** The connection ends after so many events, or in the middle of a body. */
  | { is: "cut"; afterEvents: number }
  /** Says so many events (0: not even a status), and then nothing any more. */
  | { is: "hang"; afterEvents: number }
  /** Status 200, and bytes of no protocol. */
  | { is: "garbage" }
) & { times?: number }

/** One answer. */
export type Turn = {
  text?: string
  reasoning?: string
  tools?: Intent[]
  /** The model declines, in the way of its wire. */
  refusal?: boolean
  usage?: Partial<ServedUsage>
  /** Its output stays within what the request allows, as a real model's does; else the usage is told as it stands. */
  capped?: boolean
  /** Time until the answer begins. */
  firstMs?: number
  /** Time between two events of a stream. */
  dripMs?: number
  fault?: Fault
}

/**
 * The turns of a conversation. A request gets the turn that its own history asks for: the first while no tool was
 * called yet, the second after one round of tool calls; the last one repeats. So retries, and requests at once, get
 * what they should without any state. A request that offers no tools (a title, a summary) gets `aside` where it is set.
 */
export type Script = { turns: readonly [Turn, ...Turn[]]; aside?: Turn }

/** A call of a tool, as every wire words it. `custom` takes text where others take JSON. */
export type Call = { id: string; name: string; input: Record<string, unknown>; custom?: string; namespace?: string }

/** A turn made ready for a wire. */
export type Answer = {
  id: string
  model: string
  text: string
  reasoning: string
  calls: Call[]
  refusal: boolean
  usage: ServedUsage
}

/** A tool that a request offered. */
export type OfferedTool = {
  name: string
  parameters: string[]
  required: string[]
  custom: boolean
  namespace?: string
}

/** One event of a stream: a line `event:` where the wire names its events, and the data. */
export type ServedEvent = { event?: string; data: unknown }

/** What a wire reads from a request, and how it words what goes back. */
export type Wire = {
  read(body: unknown, path: string): Asked
  whole(answer: Answer): unknown
  events(answer: Answer, asked: Asked): ServedEvent[]
  error(status: number, message: string): unknown
}

/** What a request asks for. `rounds`: how often the model has called tools in this conversation. */
export type Asked = {
  model: string
  stream: boolean
  rounds: number
  tools: OfferedTool[]
  wantsUsage: boolean
  /** The most output that it allows, in tokens. */
  maxOut?: number | undefined
}

export const usualUsage: ServedUsage = { in: 1_000, out: 50, cacheRead: 0, cacheWrite: 0, reasoning: 0 }
