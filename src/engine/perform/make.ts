import { dirname, isAbsolute } from "node:path"
import type { Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Made } from "../../core/event.ts"
import { Failure } from "../../core/failure.ts"
import { agentForAttempt, climbsAfter } from "../../core/ladder.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import type { AgentResult, Captured, Workspace } from "../../core/ports.ts"
import { NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import type { FoundSkill } from "../../make/skills.ts"
import { append, readEvents } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { chargedFor, priceOfAttempt, spentUntil, tokensOf } from "../money.ts"
import { deniedWhy, overOwnCeiling, type SessionLimits, setAside } from "../set-aside.ts"
import { orAsk } from "./or-ask.ts"
import { untilServed } from "./until-served.ts"

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
    const price = priceOfAttempt(context, agent)
    const tooDear = overOwnCeiling(price, loop.guardrails.budget.usdPerAttempt)
    if (tooDear !== undefined) return ended(change, context, attempt, { made: overBudget(tooDear) })
    const money = await setAside(context, { change: change.id, key: moneyKey, run: change.run, price })
    if (money.is === "denied") return ended(change, context, attempt, { made: overBudget(deniedWhy(money)) })

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
        reserveUsd: money.usd(),
      },
      // Charged in the moment in which the fold charges it.
      { dead: `make/${change.length}/${start - 1}` },
    )
    const workspace = await freshWorkspace(command, change, context, start, signal)
    const session = (spent: Spend) =>
      runMaker(command, change, context, agent, money.limitsAfter(spent), workspace, signal)
    const falls = climbsAfter(makerSpec(loop), attempt)
    const result = await (falls
      ? session(NOTHING_SPENT)
      : untilServed(session, { change: change.id, context, signal })
    ).catch(async (thrown: unknown) => {
      const spent = spentUntil(thrown)
      if (spent === undefined) throw thrown
      const spend = chargedFor(spent, agent, money.usd(), context)
      const parked = { type: "make.parked" as const, attempt, spend }
      const settled = { key: moneyKey, usd: spend.usd, tokens: tokensOf(spend), basis: spend.basis }
      await append(db, change.id, `make.parked/${change.length}/${start}`, parked, settled)
      throw thrown
    })
    signal.throwIfAborted()
    const captured = await context.workspaces.capture(workspace, `Attempt ${attempt} at ${change.id}`, signal)
    const spend = chargedFor(result.spend, agent, money.usd(), context)
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
  paid: SessionLimits,
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
  const { hosts, env } = await context.reach(agent)
  const skills = await context.skills(agent)
  return context.agents.run(
    {
      role: "maker",
      agent,
      cwd: workspace.path,
      ...(loop.path === undefined ? {} : { path: loop.path }),
      around: {
        ...workspace,
        env: { ...workspace.env, ...env },
        readable: [...(workspace.readable ?? []), ...foldersOf(skills)],
      },
      hosts,
      prompt: await context.makerPrompt({ agent, change, attempt, base: workspace.base, skills, ...told }),
      skills,
      finding,
      attempt,
      ...told,
      limits: {
        timeoutMs: loop.guardrails.timeoutMs,
        silenceMs: loop.guardrails.silenceMs,
        outputBytes: limitsOf(loop.guardrails).outputBytes,
        ...paid,
      },
      artifactDir: context.artifactDir(change.id, attempt),
      change: change.id,
    },
    signal,
  )
}

/** Skills from outside of the repository lie where the sandbox shows nothing. */
function foldersOf(skills: readonly FoundSkill[]): string[] {
  return skills.filter(({ path }) => isAbsolute(path)).map(({ path }) => dirname(path))
}

function madeOf({ ended }: AgentResult, captured: Captured): Made {
  if (ended.is === "stop") return { is: "stop", stop: ended.stop, reason: ended.reason }
  if (ended.is === "failed") return ended
  return captured.is === "nothing" ? { is: "nothing" } : captured
}

function overBudget(why: string): Made {
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
