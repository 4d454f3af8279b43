import { z } from "zod"
import { StopReason } from "../../core/event.ts"
import { Evidence } from "../../core/evidence.ts"
import { Place } from "./places.ts"

const Commit = z.object({
  /** As it was named. */
  name: z.string(),
  sha: z.string(),
})

/** What `flyball gate` says of one change; documented in docs/gate.md. */
export const GateReport = z.object({
  repo: z.string(),
  base: Commit,
  head: Commit,
  /** The tree that was judged: head merged onto base. None where they conflict. */
  tree: z.string().optional(),
  verdict: z.enum(["accept", "retry", "ask", "reject"]),
  /** Why it is not an accept: what the maker would be told, or what a person is asked. */
  reason: z.string().optional(),
  /** For an `ask`: the rule by which it asks. */
  asks: StopReason.optional(),
  finding: z.object({ title: z.string(), check: z.string().optional(), ids: z.array(z.string()) }).optional(),
  /** What was judged by, cheap to dear. */
  layers: z.array(z.string()),
  checks: z.array(Evidence.extend({ places: z.array(Place) })),
  sandboxed: z.boolean(),
  /** bubblewrap's version, or why there is none. */
  sandbox: z.string(),
  /** What was left out, taken for something else, or not looked at. */
  notes: z.array(z.string()),
  ms: z.number(),
})
export type GateReport = z.infer<typeof GateReport>
