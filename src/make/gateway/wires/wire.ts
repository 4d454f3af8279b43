import type { Json } from "../json.ts"

/** The four ways in which agents speak to models. */
export const wireNames = ["messages", "responses", "chat", "gemini"] as const
export type WireName = (typeof wireNames)[number]

/**
 * What a request's path asks for. `generate` costs money; `free` (counting tokens, listing models) does not. `path` is
 * the endpoint below the wire's own root (`/v1`, `/v1beta`), as it is added to the upstream's base URL.
 */
export type Route =
  | { does: "generate"; path: string; model?: string; streams?: boolean }
  | { does: "free"; path: string }

/** What a request asks of the model, as far as money is concerned. */
export type Ask = {
  model: string
  streams: boolean
  /** An upper estimate of the tokens it sends. */
  input: number
  /** The most that it may put out: as asked, or as this wire's models do by themselves. */
  output: number
  /** Whether the request itself says how much it may put out. */
  named: boolean
  /** Answers per request, each as long as `output`. */
  answers: number
  /** Below this, lowering the output would break the request: it thinks first. */
  floor: number
  /** The prompt is written to the provider's cache, for minutes or for an hour: dearer than reading it. */
  caches: "no" | "short" | "long"
  /** Why this can't be allowed under a ceiling whatever is left: it costs more than its tokens, or reaches out by itself. */
  beyond?: string
}

/** Tokens as providers bill them. A later reading of the same request replaces an earlier one, field by field. */
export type Usage = {
  in: number
  out: number
  cacheRead: number
  cacheWrite: number
  /** Part of `cacheWrite`. */
  cacheWriteLong: number
  /** Part of `out`. */
  reasoning: number
}

/** What one event of a stream, or a whole answer, tells of the money. */
export type Reading = {
  usage?: Partial<Usage>
  /** What the provider says that it charges, in dollars. */
  usd?: number
  /** Characters of output in it, for a stream that is cut before its account. */
  shown?: number
  /** The answer is whole: nothing more will be billed. */
  ended?: boolean
  /** What went wrong, where the provider says so in the middle of a stream. */
  failed?: string
}

/** One wire: pure functions over paths, bodies and events. */
export type Wire = {
  name: WireName
  /** What a path asks for; undefined where it is none of this wire's, or none that can be metered. */
  route(method: string, path: string, headers: Readonly<Record<string, unknown>>): Route | undefined
  ask(body: Json, route: Route): Ask
  /** The body as it is to be sent, so that usage is told at the end of a stream. */
  prepared(body: Json): Json
  /** The body with no more output than `output`. */
  lowered(body: Json, output: number): Json
  /** Reads a whole answer, or an event of a stream. */
  read(data: Json): Reading
  /** An error in this wire's own shape. */
  refusal(status: number, message: string): Json
}

export const NO_USAGE: Usage = { in: 0, out: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0, reasoning: 0 }

/** Lowering goes no further than this: an answer that is cut off sooner is worth nothing. */
export const FLOOR_TOKENS = 2_048
/** What must be left for the answer after thinking. */
export const AFTER_THINKING_TOKENS = 1_024
