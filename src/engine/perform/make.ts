import type { Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Made } from "../../core/event.ts"
import { asFailure, Failure } from "../../core/failure.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import type { AgentResult, Captured, Workspace } from "../../core/ports.ts"
import { NOTHING_SPENT, Spend } from "../../core/spend.ts"
import { agentForAttempt } from "../../make/ladder.ts"
import { append, type Reserved, readEvents, reserve } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { ceilingsOf, chargedFor, dollarsOf, priceOfAttempt, tokensOf } from "../money.ts"
import { orAsk } from "./or-ask.ts"

type Make = Extract<Command, { do: "make" }>

/** An attempt that died this often with its process is not tried once more by itself (catalogue M3). */
const MAX_STARTS = 3

/** Runs one maker session in the workspace and commits what it left. */
export function make(command: Make, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  return orAsk(change, context, signal, async () => {
    const { db, loop } = context
    const { attempt } = command
    const agent = agentForAttempt(makerSpec(loop), attempt)
    const start = await nextStart("make", change, context)
    const moneyKey = `make/${change.length}/${start}`
    const price = priceOfAttempt(loop, agent)
    const tooDear = overOwnCeiling(price.usd, loop)
    if (tooDear !== undefined) return ended(change, context, attempt, { made: tooDear })
    const reserved = await reserve(db, {
      change: change.id,
      key: moneyKey,
      repo: context.repo.key,
      loop: loop.name,
      run: change.run,
      ...price,
      ceilings: ceilingsOf(loop),
    })
    if (reserved.is === "denied") return ended(change, context, attempt, { made: overBudget(reserved) })

    await append(
      db,
      change.id,
      `make.started/${change.length}/${start}`,
      {
        type: "make.started",
        attempt,
        agent: agent.name,
        use: agent.use,
        ...(agent.model === undefined ? {} : { model: agent.model }),
        reserveUsd: reserved.usd,
      },
      // Charged in the moment in which the fold charges it.
      { dead: `make/${change.length}/${start - 1}` },
    )
    const workspace = await freshWorkspace(command, change, context, start, signal)
    const result = await runMaker(command, change, context, agent, reserved.usd, workspace, signal).catch(
      async (thrown: unknown) => {
        const spent = spentUntil(thrown)
        if (spent === undefined) throw thrown
        const spend = chargedFor(spent, agent, reserved.usd, loop)
        const parked = { type: "make.parked" as const, attempt, spend }
        const settled = { key: moneyKey, usd: spend.usd, tokens: tokensOf(spend), basis: spend.basis }
        await append(db, change.id, `make.parked/${change.length}/${start}`, parked, settled)
        throw thrown
      },
    )
    signal.throwIfAborted()
    const captured = await context.workspaces.capture(workspace, `Attempt ${attempt} at ${change.id}`, signal)
    const spend = chargedFor(result.spend, agent, reserved.usd, loop)
    await ended(change, context, attempt, { made: madeOf(result, captured), result, spend, moneyKey })
  })
}

/** The maker that the loop names, first rung of its ladder. */
export function makerSpec(loop: Loop): AgentSpec {
  const spec = loop.agents[loop.steps.act?.agent ?? "implementer"]
  if (spec === undefined)
    throw new Failure("NO_MAKER", `Loop ${loop.name} names no maker.`, { hint: "Give it an `act` step." })
  return spec
}

/** What a session that we ended ourselves had cost by then; undefined for every other error. */
function spentUntil(thrown: unknown): Spend | undefined {
  const { code, facts } = asFailure(thrown)
  if (code !== "ABORTED" && code !== "HALTED") return undefined
  const spend = Spend.safeParse(facts.spend)
  return spend.success ? spend.data : undefined
}

/** Which start of this step comes now: one more than died with their process or were parked. Past a number of deaths it waits for a person. */
export async function nextStart(step: "make" | "verify", change: Change, { db }: Context): Promise<number> {
  const known = new Set((await readEvents(db, change.id, change.length)).map((event) => event.key))
  const key = (what: "started" | "parked", start: number) => `${step}.${what}/${change.length}/${start}`
  let deaths = 0
  for (let start = 1; deaths < MAX_STARTS; start++) {
    if (!known.has(key("started", start))) return start
    if (!known.has(key("parked", start))) deaths++
  }
  throw new Failure("ATTEMPT_KEEPS_DYING", `The attempt's process died ${MAX_STARTS} times in the same place.`, {
    hint: `Look at its log with \`flyball logs ${change.id}\`, then say what it should know: \`flyball inbox answer ${change.id} "…"\`.`,
    retry: "person",
  })
}

/** A dead start may have left half an edit: the folder is made anew, and what was in it kept under a rescue ref. */
async function freshWorkspace(
  command: Make,
  change: Change,
  context: Context,
  start: number,
  signal: AbortSignal,
): Promise<Workspace> {
  const current = change.attempts.find((each) => each.n === command.attempt)
  const base = current?.base
  if (base === undefined) throw new Failure("NOT_ISOLATED", `Attempt ${command.attempt} of ${change.id} has no base.`)
  const before = change.attempts.findLast((each) => each.n < command.attempt && each.made?.is === "commit")
  const head = before?.made?.is === "commit" ? before.made.head : undefined
  if (start > 1)
    context.progress({
      verb: "make",
      change: change.id,
      text: `attempt ${command.attempt} begins again: it was interrupted`,
    })
  return context.workspaces.open(change.id, base, head, context.loop.hooks, signal)
}

async function runMaker(
  command: Make,
  change: Change,
  context: Context,
  agent: AgentSpec,
  usd: number,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<AgentResult> {
  const { loop } = context
  const { attempt, feedback } = command
  const { finding } = change
  const told = feedback === undefined ? {} : { feedback }
  context.progress({
    verb: "make",
    change: change.id,
    text: `attempt ${attempt}: ${agent.name} (${agent.use}${agent.model === undefined ? "" : ` ${agent.model}`})`,
  })
  return context.agents.run(
    {
      role: "maker",
      agent,
      cwd: workspace.path,
      around: workspace,
      prompt: await context.makerPrompt({ agent, change, attempt, base: workspace.base, ...told }),
      finding,
      attempt,
      ...told,
      limits: {
        timeoutMs: loop.guardrails.timeoutMs,
        silenceMs: loop.guardrails.silenceMs,
        outputBytes: limitsOf(loop.guardrails).outputBytes,
        ...(usd > 0 ? { usd } : {}),
      },
      artifactDir: context.artifactDir(change.id, attempt),
      change: change.id,
    },
    signal,
  )
}

function madeOf({ ended }: AgentResult, captured: Captured): Made {
  if (ended.is === "stop") return { is: "stop", stop: ended.stop, reason: ended.reason }
  if (ended.is === "failed") return { is: "failed", code: ended.code, why: ended.why }
  return captured.is === "nothing" ? { is: "nothing" } : captured
}

function overBudget(denied: Extract<Reserved, { is: "denied" }>): Made {
  return { is: "failed", code: "budget", why: deniedWhy(denied) }
}

/** Why money was not to be had, in a sentence or two. */
export function deniedWhy({ ceiling, limitUsd, usedUsd, askedUsd }: Extract<Reserved, { is: "denied" }>): string {
  const left = Math.max(0, limitUsd - usedUsd)
  const short = left === 0 ? "" : ` ${dollarsOf(left)} is left, and ${dollarsOf(askedUsd)} was needed.`
  const later = ceiling === "run" ? "The loop's next run has money of its own" : "Tomorrow has money of its own"
  return `The ${ceiling}'s ceiling of ${dollarsOf(limitUsd)} is reached: ${dollarsOf(usedUsd)} spent or reserved.${short} ${later}: answer it, and the next run goes on.`
}

/** A declared cost above `$…/attempt` could never be paid. */
function overOwnCeiling(usd: number, loop: Loop): Made | undefined {
  const { usdPerAttempt } = loop.guardrails.budget
  if (usdPerAttempt === undefined || usd <= usdPerAttempt) return undefined
  const why = `An attempt costs ${dollarsOf(usd)}, and its ceiling is ${dollarsOf(usdPerAttempt)}.`
  return { is: "failed", code: "budget", why }
}

type Ended = { made: Made; result?: AgentResult; spend?: Spend; moneyKey?: string }

async function ended(
  change: Change,
  context: Context,
  attempt: number,
  { made, result, spend = NOTHING_SPENT, moneyKey }: Ended,
): Promise<void> {
  await append(
    context.db,
    change.id,
    `make.ended/${change.length}`,
    {
      type: "make.ended",
      attempt,
      made,
      spend,
      ...(result?.model === undefined ? {} : { model: result.model }),
      ...(result === undefined ? {} : { log: result.log, output: result.output, said: result.said.slice(-4_000) }),
      sandboxed: result?.sandboxed ?? false,
      ms: result?.ms ?? 0,
    },
    moneyKey === undefined ? undefined : { key: moneyKey, usd: spend.usd, tokens: tokensOf(spend), basis: spend.basis },
  )
}
