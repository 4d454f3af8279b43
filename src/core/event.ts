import { z } from "zod"
import { Evidence, Verdict } from "./evidence.ts"
import { Finding } from "./finding.ts"
import { Spend } from "./spend.ts"

/** Why a maker stopped by its own word. Never believed without evidence, never punished. */
export const MakerStop = z.enum(["impossible", "ambiguous", "already_fixed"])
export type MakerStop = z.infer<typeof MakerStop>

/** How a change is meant to be made, as a planner says before a maker's money is spent. Outside text, made inert. */
export const Plan = z.object({
  approach: z.array(z.string()),
  /** Files and folders that will be touched, from the repository's root. */
  scope: z.array(z.string()),
  size: z.enum(["small", "medium", "large"]),
  risks: z.array(z.string()),
  /** How it will be known to be done. */
  done: z.array(z.string()),
})
export type Plan = z.infer<typeof Plan>

/** What asking a planner came to. `none` stops nothing: the maker starts without a plan. */
export const Planning = z.discriminatedUnion("is", [
  z.object({ is: z.literal("plan"), plan: Plan }),
  z.object({ is: z.literal("stop"), stop: MakerStop, reason: z.string() }),
  z.object({ is: z.literal("none"), why: z.string() }),
])
export type Planning = z.infer<typeof Planning>

/** Attempts of one round start from the same commit: the number of its first one, and how many it is meant to have. */
export const Round = z.object({ first: z.number().int(), of: z.number().int() })
export type Round = z.infer<typeof Round>

/** What one maker session left behind. */
export const Made = z.discriminatedUnion("is", [
  z.object({ is: z.literal("commit"), head: z.string(), tree: z.string(), files: z.number().int() }),
  z.object({ is: z.literal("nothing") }),
  z.object({ is: z.literal("stop"), stop: MakerStop, reason: z.string() }),
  z.object({
    is: z.literal("failed"),
    code: z.enum([
      "timeout",
      "silence",
      "crashed",
      "missing_agent",
      "refused",
      "budget",
      "too_much_output",
      "too_much_memory",
      "too_many_processes",
      "no_recording",
      "quota",
    ]),
    why: z.string(),
    /** `quota`: when the provider says that it serves again, ISO 8601. */
    until: z.string().optional(),
    /** `budget`: more was there, for loops of higher priority; the change waits for its turn. */
    forOthers: z.literal(true).optional(),
  }),
])
export type Made = z.infer<typeof Made>

/** What one outside effect came to. A skipped one says why; nothing missing is replaced in silence. */
export const Effect = z.object({
  action: z.string(),
  outcome: z.enum(["done", "skipped"]),
  detail: z.string(),
  url: z.string().optional(),
})
export type Effect = z.infer<typeof Effect>

/** The rule by which a change stopped or asks; permanent words, shown in the inbox. */
export const StopReason = z.enum([
  "max_iterations",
  "no_progress",
  "same_error",
  "budget",
  "timeout",
  "silence",
  "review_wip",
  "infrastructure",
  "maker_impossible",
  "maker_ambiguous",
  "maker_already_fixed",
  "planner_impossible",
  "planner_ambiguous",
  "planner_already_fixed",
  "reviewer_asks",
  /** Of a panel, one accepts and one rejects. */
  "reviewers_disagree",
  /** The evaluator says that no change can reach the goal. */
  "goal_impossible",
  "gate_asks",
  "gate_rejects",
  "conflict",
  "approval",
  /** A rule of discovery, or a person in the state file, keeps it from being attempted. */
  "triage",
  "closed",
  /** What is left of a ceiling that loops share is for those above this one: it goes on by itself once there is room. */
  "priority",
  /** The process of its attempt died time and again: it is not tried once more by itself. */
  "keeps_dying",
])
export type StopReason = z.infer<typeof StopReason>

const body = {
  found: z.object({
    type: z.literal("found"),
    finding: Finding,
    run: z.string(),
    loop: z.string(),
    loopHash: z.string(),
  }),
  /** A new run took up a change that an earlier one left. */
  resumed: z.object({ type: z.literal("resumed"), run: z.string(), loopHash: z.string() }),
  isolateStarted: z.object({
    type: z.literal("isolate.started"),
    attempt: z.number().int(),
    /** Unset: a round by itself. */
    round: Round.optional(),
  }),
  isolateEnded: z.object({
    type: z.literal("isolate.ended"),
    attempt: z.number().int(),
    base: z.string(),
    /** The base's branch; unset in what was written before it was recorded. */
    branch: z.string().optional(),
    workspace: z.string(),
    /** Whether the finding still stands on `base`: `gone` is claimed by its `reproduce` check alone. */
    standing: z.enum(["stands", "gone", "unknown"]),
    detail: z.string().optional(),
  }),
  planStarted: z.object({
    type: z.literal("plan.started"),
    attempt: z.number().int(),
    agent: z.string(),
    use: z.string(),
    model: z.string().optional(),
    reserveUsd: z.number(),
  }),
  planEnded: z.object({
    type: z.literal("plan.ended"),
    attempt: z.number().int(),
    planning: Planning,
    spend: Spend,
    model: z.string().optional(),
    ms: z.number(),
  }),
  /** As `make.parked`: ended by us, and asked again. */
  planParked: z.object({ type: z.literal("plan.parked"), attempt: z.number().int(), spend: Spend }),
  makeStarted: z.object({
    type: z.literal("make.started"),
    attempt: z.number().int(),
    agent: z.string(),
    use: z.string(),
    model: z.string().optional(),
    reserveUsd: z.number(),
  }),
  makeEnded: z.object({
    type: z.literal("make.ended"),
    attempt: z.number().int(),
    made: Made,
    /** Against its base, where makers compete or a plan named a scope; `outside` are the paths that it left the scope by. */
    diff: z.object({ files: z.number().int(), lines: z.number().int(), outside: z.array(z.string()) }).optional(),
    spend: Spend,
    model: z.string().optional(),
    /** Path of the stored output, and a digest of what the agent said, for the repetition guard. */
    log: z.string().optional(),
    output: z.string().optional(),
    said: z.string().optional(),
    sandboxed: z.boolean(),
    ms: z.number(),
  }),
  /** The session under way took more of what was left: from here on it holds so much more. */
  reserveExtended: z.object({ type: z.literal("reserve.extended"), attempt: z.number().int(), usd: z.number() }),
  /** The session was ended by us, by a halt or an interruption: what it cost is known, and it is begun again as the same attempt. */
  makeParked: z.object({ type: z.literal("make.parked"), attempt: z.number().int(), spend: Spend }),
  verifyStarted: z.object({
    type: z.literal("verify.started"),
    attempt: z.number().int(),
    head: z.string(),
    /** For the reviewing agent; 0 without one. */
    reserveUsd: z.number(),
  }),
  /** As `make.parked`: what those who judged had cost by then. */
  verifyParked: z.object({ type: z.literal("verify.parked"), attempt: z.number().int(), spend: Spend }),
  verifyEnded: z.object({
    type: z.literal("verify.ended"),
    attempt: z.number().int(),
    head: z.string(),
    base: z.string(),
    evidence: z.array(Evidence),
    verdict: Verdict,
    /** What the reviewing agent cost. */
    spend: Spend,
  }),
  shipStarted: z.object({ type: z.literal("ship.started"), head: z.string(), effect: z.enum(["propose", "merge"]) }),
  shipEnded: z.object({
    type: z.literal("ship.ended"),
    head: z.string(),
    effect: z.enum(["propose", "merge"]),
    /** The one squashed commit that left (propose) or landed (merge). */
    commit: z.string(),
    branch: z.string(),
    effects: z.array(Effect),
  }),
  asked: z.object({ type: z.literal("asked"), reason: StopReason, question: z.string(), head: z.string().optional() }),
  answered: z.object({
    type: z.literal("answered"),
    by: z.string(),
    answer: z.discriminatedUnion("is", [
      z.object({ is: z.literal("approve"), head: z.string() }),
      z.object({ is: z.literal("retry"), why: z.string() }),
      z.object({ is: z.literal("answer"), text: z.string() }),
      z.object({ is: z.literal("close"), why: z.string() }),
    ]),
  }),
  stopped: z.object({ type: z.literal("stopped"), reason: StopReason, detail: z.string() }),
  finished: z.object({
    type: z.literal("finished"),
    outcome: z.enum(["proposed", "merged", "already_fixed", "asked", "stopped", "closed", "reported"]),
  }),
}

/** What happened, in order. A change is the fold of its events; nothing else is stored of it. */
export const EventBody = z.discriminatedUnion("type", [
  body.found,
  body.resumed,
  body.isolateStarted,
  body.isolateEnded,
  body.planStarted,
  body.planEnded,
  body.planParked,
  body.makeStarted,
  body.makeEnded,
  body.makeParked,
  body.reserveExtended,
  body.verifyStarted,
  body.verifyParked,
  body.verifyEnded,
  body.shipStarted,
  body.shipEnded,
  body.asked,
  body.answered,
  body.stopped,
  body.finished,
])
export type EventBody = z.infer<typeof EventBody>

/** An event as the ledger holds it: `seq` orders all of them, `key` makes writing one twice harmless. */
export const Event = z.object({
  seq: z.number().int(),
  change: z.string(),
  at: z.string(),
  key: z.string(),
  body: EventBody,
})
export type Event = z.infer<typeof Event>

/** What a step writes while it is under way. Every other event is one with which a step is over, or that nothing is under way at. */
const underWay: ReadonlySet<EventBody["type"]> = new Set([
  "isolate.started",
  "plan.started",
  "plan.parked",
  "make.started",
  "make.parked",
  "reserve.extended",
  "verify.started",
  "verify.parked",
  "ship.started",
])

/** A change's events up to where its last step was over, and what the step after it left that never came to an end. */
export function atLastEnd(events: readonly Event[]): { settled: readonly Event[]; begun: readonly Event[] } {
  const end = events.findLastIndex((event) => !underWay.has(event.body.type)) + 1
  return { settled: events.slice(0, end), begun: events.slice(end) }
}
