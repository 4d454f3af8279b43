import { z } from "zod"
import { ChangeView } from "./view.ts"

/** What one run came to: printed as JSON by `flyball run --json`, and kept with the run. */
export const RunReport = z.object({
  run: z.string(),
  loop: z.string(),
  trigger: z.string(),
  repo: z.string(),
  base: z.string(),
  dryRun: z.boolean(),
  /** What keeps the ledger; `crashSafe` is false where no PostgreSQL can run and the database in process stands in. */
  database: z.object({ kind: z.enum(["embedded", "external", "in-process"]), crashSafe: z.boolean() }),
  /** What each name of the loop became. */
  names: z.array(z.object({ kind: z.string(), name: z.string(), became: z.string() })),
  findings: z.array(
    z.object({
      fingerprint: z.string(),
      title: z.string(),
      source: z.string(),
      severity: z.string(),
      /** `ask`: a rule leaves it to a person, and it waits in the inbox. */
      plan: z.enum(["attempt", "ask", "skip", "under_way"]),
      why: z.string().optional(),
    }),
  ),
  /** Changes that this run worked on, in the state it left them. */
  changes: z.array(ChangeView),
  /** Findings that limits keep for a later run. */
  held: z.array(z.object({ title: z.string(), reason: z.string(), detail: z.string() })),
  resumed: z.object({ changes: z.number(), usd: z.number() }),
  notes: z.array(z.string()),
  /** What the loop's evaluator said of its goal on the base, where all checks of the goal were green; `remembered` cost nothing. */
  evaluation: z
    .object({
      answer: z.enum(["met", "not_met", "impossible"]),
      reason: z.string(),
      by: z.string(),
      remembered: z.boolean(),
    })
    .optional(),
  usd: z.number(),
  /** Dry run: what the attempts may cost at most. */
  atMostUsd: z.number().optional(),
  ms: z.number(),
  exitCode: z.number(),
})
export type RunReport = z.infer<typeof RunReport>

/** The exit code of a run, the first that applies: 3 a person is needed, 1 a change was stopped, 0. What a person closed is settled. */
export function exitCodeOf(changes: readonly ChangeView[], held: RunReport["held"] = []): number {
  const blocked = held.some((each) => each.reason === "infrastructure")
  if (blocked || changes.some((view) => view.outcome === "asked")) return 3
  return changes.some((view) => view.outcome === "stopped") ? 1 : 0
}
