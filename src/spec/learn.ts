import type { Loop } from "../core/loop.ts"
import type { Mentions } from "./draft.ts"
import type { RawLoop } from "./shape.ts"

const SCRIBE = "scribe"

/** `learn: true`, or `learn: { agent: NAME }`; off unless it is set, for it costs money. */
export function readLearn(raw: RawLoop["learn"], mentions: Pick<Mentions, "agents">): Loop["learn"] {
  if (raw === undefined || raw === false) return undefined
  const named = typeof raw === "object" ? raw.agent : undefined
  const agent = named ?? SCRIBE
  mentions.agents.push({ name: agent, path: named === undefined ? ["learn"] : ["learn", "agent"], role: "scribe" })
  return { agent }
}
