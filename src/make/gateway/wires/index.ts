import { chat } from "./chat.ts"
import { gemini } from "./gemini.ts"
import { messages } from "./messages.ts"
import { responses } from "./responses.ts"
import type { Route, Wire, WireName } from "./wire.ts"

/** All wires, by name. The order is that in which they are asked whether a path is theirs. */
export const wires = { messages, responses, chat, gemini } satisfies Record<WireName, Wire>

/** Whose endpoint a request asks for, if anybody's. */
export function recognise(
  method: string,
  path: string,
  headers: Readonly<Record<string, unknown>>,
): { wire: Wire; route: Route } | undefined {
  for (const wire of Object.values(wires)) {
    const route = wire.route(method, path, headers)
    if (route !== undefined) return { wire, route }
  }
  return undefined
}

/** The wire in whose shape an error is told where the path is nobody's. */
export function likelyWire(path: string, headers: Readonly<Record<string, unknown>>): Wire {
  if (/^\/v1(beta|alpha)\//.test(path) || headers["x-goog-api-key"] !== undefined) return gemini
  if (/messages/.test(path) || headers["anthropic-version"] !== undefined || headers["x-api-key"] !== undefined)
    return messages
  return chat
}
