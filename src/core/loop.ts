import { z } from "zod"
import { Priority } from "./priority.ts"

/*
 * The canonical loop: what every way of writing a loop file becomes (`flyball validate --explain` prints it).
 * Everything is filled in; durations are milliseconds, money US dollars, sizes bytes; conditions are CEL text.
 */

export const Trigger = z.discriminatedUnion("on", [
  z.object({ on: z.literal("cron"), expression: z.string(), timeZone: z.string().optional() }),
  z.object({ on: z.literal("every"), everyMs: z.number().positive() }),
  z.object({ on: z.literal("after"), loop: z.string() }),
  z.object({ on: z.literal("file"), glob: z.string() }),
  z.object({ on: z.literal("signal"), signal: z.string() }),
  z.object({ on: z.literal("webhook"), connector: z.string() }),
  z.object({ on: z.literal("manual") }),
])
export type Trigger = z.infer<typeof Trigger>

/** What `use:` may name. `auto` is the best installed agent, resolved and announced before a run starts. */
export const AgentKind = z.enum(["auto", "claude", "codex", "opencode", "gemini", "pi", "acp", "command", "replay"])
export type AgentKind = z.infer<typeof AgentKind>

export type AgentSpec = {
  name: string
  use: AgentKind
  description?: string | undefined
  model?: string | undefined
  effort?: string | undefined
  /** `use: command` alone: an argv list, or one shell line. */
  command?: string | string[] | undefined
  /** `use: replay` alone: the folder of recorded sessions. */
  recording?: string | undefined
  /** The body of the agent's file: its system prompt. */
  instructions?: string | undefined
  skills: string[]
  /** What one attempt of a `command` maker is declared to cost; unset means 0. */
  usdPerAttempt?: number | undefined
  /** The next rung of the escalation ladder. */
  then?: AgentSpec | undefined
  /** Where it came from: "loop", "builtin", or the path of its file. */
  from: string
}
export const AgentSpec: z.ZodType<AgentSpec> = z.lazy(() =>
  z.object({
    name: z.string(),
    use: AgentKind,
    description: z.string().optional(),
    model: z.string().optional(),
    effort: z.string().optional(),
    command: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    recording: z.string().optional(),
    instructions: z.string().optional(),
    skills: z.array(z.string()),
    usdPerAttempt: z.number().nonnegative().optional(),
    then: AgentSpec.optional(),
    from: z.string(),
  }),
)

/** How a check's outcome is read. `builtin` has no command; `exit` is believed by its exit code alone. */
export const CheckKind = z.enum(["tests", "lint", "types", "build", "numbers", "exit", "builtin"])
export type CheckKind = z.infer<typeof CheckKind>

export const Metric = z.object({
  name: z.string(),
  run: z.string(),
  target: z.union([z.number(), z.string()]),
  direction: z.enum(["down", "up"]).optional(),
})
export type Metric = z.infer<typeof Metric>

export const CheckSpec = z.object({
  name: z.string(),
  kind: CheckKind,
  /** A shell line or an argv list; none for a builtin. */
  run: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  /** The runner or linter whose machine format is read (`vitest`, `eslint`, …); unset: found from `run`. */
  format: z.string().optional(),
  timeoutMs: z.number().positive(),
  /** The folder it runs in, repository-relative; unset: the root. */
  path: z.string().optional(),
  /** Where it came from: "loop", "builtin", `.flyball/checks.yaml`, or the project file it was found in. */
  from: z.string(),
  /** Given by hand to judge by: what it can't tell apart is a person's question, for nothing else may speak. */
  decides: z.boolean().optional(),
  /** `goal_metrics` alone: what the loop's goal measures. */
  metrics: z.array(Metric).optional(),
})
export type CheckSpec = z.infer<typeof CheckSpec>

/** `tests_pass AND (lint_clean OR types)`, parsed. */
export type CheckExpr = { check: string } | { and: CheckExpr[] } | { or: CheckExpr[] } | { not: CheckExpr }
export const CheckExpr: z.ZodType<CheckExpr> = z.lazy(() =>
  z.union([
    z.object({ check: z.string() }),
    z.object({ and: z.array(CheckExpr) }),
    z.object({ or: z.array(CheckExpr) }),
    z.object({ not: CheckExpr }),
  ]),
)

/** One layer of verification, cheap to dear; the first that fails ends the attempt. */
export const Layer = z.discriminatedUnion("by", [
  z.object({ by: z.literal("check"), expr: CheckExpr }),
  z.object({ by: z.literal("agent"), agent: z.string() }),
  /** Several reviewers, of whom `quorum` must accept (see core/panel). */
  z.object({ by: z.literal("panel"), agents: z.array(z.string()).min(2), quorum: z.number().int().positive() }),
  /** Whether the loop's goal is reached, by the evidence: after all else but a person's approval. */
  z.object({ by: z.literal("evaluator"), agent: z.string() }),
  z.object({ by: z.literal("approve"), who: z.string(), when: z.string().optional() }),
])
export type Layer = z.infer<typeof Layer>

/** A call in `run: a + b(x)` or `then: wait_ci(rounds=2)`; arguments as written, positional or named. */
export const Call = z.object({
  name: z.string(),
  args: z.array(z.union([z.string(), z.number(), z.boolean()])),
  named: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})
export type Call = z.infer<typeof Call>

export const Guardrails = z.object({
  maxIterations: z.number().int().positive(),
  budget: z.object({
    usdPerRun: z.number().positive().optional(),
    usdPerDay: z.number().positive().optional(),
    usdPerAttempt: z.number().positive().optional(),
    usdPerChange: z.number().positive().optional(),
    /** Of the whole repository, whichever loop spends it. */
    usdPerMonth: z.number().positive().optional(),
    tokensPerAttempt: z.number().positive().optional(),
    tokensPerRun: z.number().positive().optional(),
    tokensPerDay: z.number().positive().optional(),
  }),
  /** Who goes first under a ceiling that loops share; a loop that was frozen by an older version says nothing: normal. */
  priority: Priority.optional(),
  haltOn: z.object({
    noProgress: z.number().int(),
    sameError: z.number().int(),
    repeatedOutput: z.number().int().optional(),
  }),
  /** Wall clock of one attempt. */
  timeoutMs: z.number().positive(),
  /** An agent that prints nothing for this long is taken for hung. */
  silenceMs: z.number().positive(),
  reviewWip: z.number().int().positive(),
  maxDiff: z.object({ files: z.number().int().positive(), lines: z.number().int().positive() }),
  maxFindings: z.number().int().positive(),
  /** Globs nobody but a person may change, added to the built-in ones. */
  protect: z.array(z.string()),
  /** Licences under which a dependency may come, by SPDX id; `default` stands for the built-in list, and unset is that. */
  licences: z.array(z.string()).optional(),
  hours: z.string().optional(),
  /** What the loop says of them; `limitsOf` fills in the rest. */
  limits: z
    .object({
      outputBytes: z.number().positive().optional(),
      promptBytes: z.number().positive().optional(),
      stepMs: z.number().positive().optional(),
      sourceMs: z.number().positive().optional(),
      memoryBytes: z.number().positive().optional(),
      processes: z.number().int().positive().optional(),
    })
    .optional(),
})
export type Guardrails = z.infer<typeof Guardrails>

export const Loop = z.object({
  name: z.string(),
  description: z.string().optional(),
  /** The folder the loop works in, repository-relative with `/`; unset: the whole repository. */
  path: z.string().optional(),
  /** `repo` is the absolute path of the checkout; `path` the loop file relative to it. */
  source: z.object({ repo: z.string(), path: z.string() }),
  /** SHA-256 of the canonical loop without `source`: the same loop has the same hash on every machine. */
  hash: z.string(),
  trigger: z.array(Trigger),
  goal: z.object({ doneWhen: z.string().optional(), metrics: z.array(Metric) }).optional(),
  autonomy: z.enum(["report", "draft", "merge"]),
  isolation: z.enum(["worktree", "clone", "sandbox"]),
  strict: z.boolean(),
  agents: z.record(z.string(), AgentSpec),
  checks: z.record(z.string(), CheckSpec),
  skills: z.array(z.string()),
  steps: z.object({
    discover: z.object({
      run: z.array(Call),
      /** Repository-relative path of the state file, `.flyball/state/triage.md`. */
      writeTo: z.string().optional(),
      triage: z.string().optional(),
      attemptIf: z.string().optional(),
    }),
    plan: z.object({ agent: z.string() }).optional(),
    act: z
      .object({
        agent: z.string(),
        maxParallel: z.number().int().positive(),
        /** Makers that try the same finding, of whose work the gate chooses; unset: one. */
        bestOf: z.number().int().min(2).max(5).optional(),
      })
      .optional(),
    verify: z.object({ layers: z.array(Layer) }),
    ship: z.object({ if: z.string(), run: z.array(Call), then: z.array(Call) }).optional(),
  }),
  guardrails: Guardrails,
  hooks: z.object({ afterIsolate: z.string().optional(), onEscalate: z.string().optional() }),
  /** Hosts that makers and the hook may reach, as `make/gateway` reads them; unset: what `hostsOf` says of the maker. */
  network: z.array(z.string()).optional(),
  state: z.object({ branch: z.string().optional() }).optional(),
  /** Who says after a run what was learned; unset: nobody is asked. */
  learn: z.object({ agent: z.string() }).optional(),
})
export type Loop = z.infer<typeof Loop>
