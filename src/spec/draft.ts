import type { AgentSpec, Call, CheckSpec, Loop } from "../core/loop.ts"
import type { Path } from "./source-file.ts"

/** Where a name stands in the loop file; `at` is its place inside a longer text. */
export type Mention = { name: string; path: Path; at?: { value: string; offset: number; length: number } }

/** Every name a loop uses, for resolution. */
export type Mentions = {
  sources: (Mention & { call: Call })[]
  actions: (Mention & { call: Call })[]
  followUps: (Mention & { call: Call })[]
  checks: Mention[]
  agents: (Mention & { role: "maker" | "reviewer" | "evaluator" | "planner" | "triager" | "explorer" | "scribe" })[]
}

/** A loop with every short form read and every default filled in, whose names are not resolved yet. */
export type Draft = Omit<Loop, "agents" | "checks" | "hash" | "source"> & {
  agents: Record<string, AgentSpec>
  checks: Record<string, CheckSpec>
  mentions: Mentions
}
