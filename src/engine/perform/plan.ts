import { type Change, fold } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Planning } from "../../core/event.ts"
import { asFailure, Failure } from "../../core/failure.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import { PlanAnswer, parsePlan } from "../../core/plan.ts"
import type { AgentResult } from "../../core/ports.ts"
import { NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import { inertLine } from "../../core/untrusted.ts"
import { append, readEvents } from "../../record/ledger.ts"
import type { Settlement } from "../../record/money.ts"
import { ask } from "../consult.ts"
import type { Context } from "../context.ts"
import { priceOfAttempt } from "../money.ts"
import type { PaidSession, Purse } from "../paid-session.ts"
import { deniedWhy, setAside } from "../set-aside.ts"
import { ownSkillsOf } from "../skills/own.ts"
import { aroundHere } from "../skills/places.ts"
import { nextStart, waitForTurn } from "./make.ts"
import { orAsk } from "./or-ask.ts"

type PlanCommand = Extract<Command, { do: "plan" }>

/**
 * Asks the loop's planner how the finding should be resolved, or whether it should be tried at all. A plan that did not come
 * about stops nothing: that is said, and the maker starts without one.
 */
export function plan(command: PlanCommand, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  return orAsk(change, context, signal, async () => {
    const { db, loop } = context
    const { attempt } = command
    const agent = plannerSpec(loop)
    const start = await startOrGiveUp(change, context)
    if (start === undefined) return giveUp(command, change, context)
    const key = `plan/${change.length}/${start}`
    const price = priceOfAttempt(context, agent)
    const money = await setAside(context, { change: change.id, key, run: change.run, price, attempt })
    if (money.is === "denied" && money.byPriority) return waitForTurn(change, context, deniedWhy(money))
    if (money.is === "denied")
      return ended(command, change, context, { planning: none(`there is no money for it. ${deniedWhy(money)}`) })
    await append(
      db,
      change.id,
      `plan.started/${change.length}/${start}`,
      {
        type: "plan.started",
        attempt,
        agent: agent.name,
        use: agent.use,
        ...(agent.model === undefined ? {} : { model: agent.model }),
        reserveUsd: money.usd(),
      },
      // Charged in the moment in which the fold charges it.
      { dead: `plan/${change.length}/${start - 1}` },
    )
    const parked: Purse["parked"] = (spend, settlement) =>
      append(
        db,
        change.id,
        `plan.parked/${change.length}/${start}`,
        { type: "plan.parked", attempt, spend },
        settlement,
      )
    const { result, spend, settlement } = await session(command, change, context, agent, { key, money, parked }, signal)
    signal.throwIfAborted()
    await ended(command, change, context, { planning: planningOf(result), result, spend }, settlement)
  })
}

/** The planner that the loop names. */
function plannerSpec(loop: Loop): AgentSpec {
  const spec = loop.agents[loop.steps.plan?.agent ?? "planner"]
  if (spec === undefined)
    throw new Failure("NO_PLANNER", `Loop ${loop.name} names no planner.`, { hint: "Give it a `plan` step." })
  return spec
}

/** Which start comes now; undefined when its process died too often: what kills it may not keep the maker from trying. */
async function startOrGiveUp(change: Change, context: Context): Promise<number | undefined> {
  try {
    return await nextStart("plan", change, context)
  } catch (thrown) {
    if (asFailure(thrown).code === "ATTEMPT_KEEPS_DYING") return undefined
    throw thrown
  }
}

/** What the last of the dead had in reserve is charged with the end. */
async function giveUp(command: PlanCommand, change: Change, context: Context): Promise<void> {
  const planning = none("its process died time and again")
  const { planned } = (await readEvents(context.db, change.id, change.length)).reduce(fold, change)
  const spend: Spend = { ...NOTHING_SPENT, usd: planned?.reservedUsd ?? 0, basis: "unknown" }
  await ended(command, change, context, { planning, spend }, { dead: "all" })
}

async function session(
  { attempt, feedback }: PlanCommand,
  change: Change,
  context: Context,
  agent: AgentSpec,
  purse: Purse,
  signal: AbortSignal,
): Promise<PaidSession<AgentResult>> {
  const base = change.attempts.find((each) => each.n === attempt)?.base
  if (base === undefined) throw new Failure("NOT_ISOLATED", `Attempt ${attempt} of ${change.id} has no base.`)
  const model = agent.model === undefined ? "" : ` ${agent.model}`
  context.progress({ verb: "make", change: change.id, text: `${agent.name} (${agent.use}${model}) plans` })
  const told = feedback === undefined ? {} : { feedback }
  // Those that it names itself: the loop's are for whoever makes.
  const skills = await ownSkillsOf(agent, aroundHere(context.repo))
  const prompt = await context.plannerPrompt({ agent, change, attempt, base, skills, ...told })
  return ask(
    context,
    {
      role: "planner",
      agent,
      work: change.id,
      commit: base,
      prompt,
      skills,
      answer: PlanAnswer,
      finding: change.finding,
      attempt,
      artifactDir: context.artifactDir(change.id, attempt),
    },
    purse,
    signal,
  )
}

function planningOf({ ended, said }: AgentResult): Planning {
  if (ended.is === "failed") return none(inertLine(`${ended.code}: ${ended.why}`, 600))
  return parsePlan(said)
}

function none(why: string): Planning {
  return { is: "none", why }
}

type Ended = { planning: Planning; result?: AgentResult; spend?: Spend }

async function ended(
  { attempt }: PlanCommand,
  change: Change,
  { db, progress }: Context,
  { planning, result, spend = NOTHING_SPENT }: Ended,
  settlement?: Settlement,
): Promise<void> {
  progress({ verb: "make", change: change.id, text: told(planning) })
  await append(
    db,
    change.id,
    `plan.ended/${change.length}`,
    {
      type: "plan.ended",
      attempt,
      planning,
      spend,
      ...(result?.model === undefined ? {} : { model: result.model }),
      ms: result?.ms ?? 0,
    },
    settlement,
  )
}

function told(planning: Planning): string {
  switch (planning.is) {
    case "plan": {
      const { approach, scope, size } = planning.plan
      return `planned: ${size}, ${approach.length} ${approach.length === 1 ? "step" : "steps"}, ${scope.length} ${scope.length === 1 ? "path" : "paths"}`
    }
    case "stop":
      return `the planner says not to begin (${planning.stop}): ${inertLine(planning.reason, 200)}`
    case "none":
      return `no plan (${inertLine(planning.why, 300)}): the maker starts without one`
  }
}
