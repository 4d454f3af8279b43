import { AgentKind } from "../../core/loop.ts"
import type { AgentAdapter } from "../adapter.ts"
import { acp } from "./acp.ts"
import { claude } from "./claude.ts"
import { codex } from "./codex.ts"
import { command } from "./command.ts"
import { gemini } from "./gemini.ts"
import { opencode } from "./opencode.ts"
import { pi } from "./pi.ts"
import { replay } from "./replay.ts"

/** Every agent that can be run. What `use:` may name and this map lacks is "not available yet". */
const agents = { claude, codex, opencode, gemini, pi, acp, command, replay } satisfies Partial<
  Record<AgentKind, AgentAdapter>
>

/** The adapter of a kind, or undefined where none has been written yet. */
export function adapterOf(kind: AgentKind): AgentAdapter | undefined {
  const available: Partial<Record<AgentKind, AgentAdapter>> = agents
  return available[kind]
}

/** The kinds that are programs of their own, which may be installed here, in the order in which `auto` prefers them. */
export function programKinds(): AgentKind[] {
  return AgentKind.options.filter((kind) => adapterOf(kind)?.probe !== undefined)
}
