import type { Attempt, Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Made } from "../../core/event.ts"
import { Failure } from "../../core/failure.ts"
import { agentForRound, climbsAfter } from "../../core/ladder.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import { outsideOf } from "../../core/plan.ts"
import type { AgentResult, AgentTask, Captured, Workspace } from "../../core/ports.ts"
import { chosenOf, firstOf, roundNumber, startOf } from "../../core/round.ts"
import { NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import { append, readEvents } from "../../record/ledger.ts"
import type { Settlement } from "../../record/money.ts"
import { changeFacts } from "../change-facts.ts"
import type { Context } from "../context.ts"
import { priceOfAttempt } from "../money.ts"
import { type Purse, paidSession } from "../paid-session.ts"
import { deniedWhy, overOwnCeiling, type SessionLimits, setAside } from "../set-aside.ts"
import { foldersOf } from "../skills/own.ts"
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
    const round = roundNumber(change.attempts, attempt)
    const agent = agentForRound(makerSpec(loop), round)
    const start = await nextStart("make", change, context)
    const moneyKey = `make/${change.length}/${start}`
    const price = priceOfAttempt(context, agent)
    const tooDear = overOwnCeiling(price, loop.guardrails.budget.usdPerAttempt)
    if (tooDear !== undefined) return ended(change, context, attempt, { made: overBudget(tooDear) })
    const money = await setAside(context, { change: change.id, key: moneyKey, run: change.run, price, attempt })
    if (money.is === "denied" && money.byPriority && !isSpare(change, attempt))
      return waitForTurn(change, context, deniedWhy(money))
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
      start === 1 ? undefined : { dead: `make/${change.length}/${start - 1}` },
    )
    const parked: Purse["parked"] = (spend, settlement) =>
      append(
        db,
        change.id,
        `make.parked/${change.length}/${start}`,
        { type: "make.parked", attempt, spend },
        settlement,
      )
    const { result, spend, settlement } = await paidSession(
      context,
      agent,
      { key: moneyKey, money, parked },
      async (begins) => {
        const workspace = await freshWorkspace(command, change, context, start, signal)
        const session = async (spent: Spend) => {
          const task = await taskOf(command, change, context, agent, money.limitsAfter(spent), workspace)
          begins()
          return context.agents.run(task, signal)
        }
        const falls = climbsAfter(makerSpec(loop), round)
        const ran = await (falls
          ? session(NOTHING_SPENT)
          : untilServed(session, { change: change.id, context, signal }))
        return { ...ran, workspace }
      },
    )
    signal.throwIfAborted()
    const captured = await context.workspaces.capture(result.workspace, `Attempt ${attempt} at ${change.id}`, signal)
    const made = orForOthers(madeOf(result, captured), money.keptBack())
    const diff = await diffOf(made, change, attempt, context, signal)
    await ended(change, context, attempt, { made, result, spend, settlement, ...(diff === undefined ? {} : { diff }) })
  })
}

/** A sibling of one that was accepted: without money for it, or for its review, that one counts. */
export function isSpare(change: Change, attempt: number): boolean {
  const own = change.attempts.find((each) => each.n === attempt)
  const best = chosenOf(change)
  if (own === undefined || best === undefined || best.n === attempt || change.answer?.is === "approve") return false
  return best.verdict?.is === "accept" && firstOf(best) === firstOf(own)
}

/** What siblings are compared by, and where a maker left the plan's scope; asked of git only where somebody wants to know. */
async function diffOf(
  made: Made,
  change: Change,
  attempt: number,
  { repo }: Context,
  signal: AbortSignal,
): Promise<Attempt["diff"]> {
  const own = change.attempts.find((each) => each.n === attempt)
  const came = change.planned?.came
  if (made.is !== "commit" || own?.base === undefined || (own.round === undefined && came?.is !== "plan"))
    return undefined
  const { paths, lines } = await changeFacts(repo, change, { base: own.base, head: made.head }, signal)
  const outside = came?.is === "plan" ? outsideOf(came.plan, paths) : []
  return { files: paths.length, lines, outside: outside.slice(0, MOST_OUTSIDE) }
}

const MOST_OUTSIDE = 50

/** What is left is for loops above this one: the change waits, and the next run looks again. */
export async function waitForTurn(change: Change, { db, progress }: Context, question: string): Promise<void> {
  progress({ verb: "record", change: change.id, text: `waits (priority): ${question}` })
  await append(db, change.id, `asked/${change.length}`, { type: "asked", reason: "priority", question })
}

/** A session that was cut although there was more is nobody's fault: it has its turn later. */
function orForOthers(made: Made, why: string | undefined): Made {
  if (why === undefined || made.is !== "failed" || made.code !== "budget") return made
  return { ...made, why, forOthers: true }
}

/** The maker that the loop names, first rung of its ladder. */
export function makerSpec(loop: Loop): AgentSpec {
  const spec = loop.agents[loop.steps.act?.agent ?? "implementer"]
  if (spec === undefined)
    throw new Failure("NO_MAKER", `Loop ${loop.name} names no maker.`, { hint: "Give it an `act` step." })
  return spec
}

/** Which start of this step comes now: one more than died with their process or were parked. Past a number of deaths it waits for a person. */
export async function nextStart(step: "plan" | "make" | "verify", change: Change, context: Context): Promise<number> {
  const { db } = context
  const own = (db.appended ?? []).map(({ event }) => event)
  const events =
    context.known === undefined ? await readEvents(db, change.id, change.length) : [...context.known, ...own]
  const known = new Set(events.map((event) => event.key))
  const key = (what: "started" | "parked", start: number) => `${step}.${what}/${change.length}/${start}`
  let deaths = 0
  for (let start = 1; deaths < MAX_STARTS; start++) {
    if (!known.has(key("started", start))) return start
    if (!known.has(key("parked", start))) deaths++
  }
  const then = step === "verify" ? "have it checked once more" : "say what it should know"
  throw new Failure("ATTEMPT_KEEPS_DYING", `The attempt's process died ${MAX_STARTS} times in the same place.`, {
    hint: `Look at its log with \`flyball logs ${change.id}\`, then ${then}: \`flyball inbox answer ${change.id} "…"\`.`,
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
  const head = startOf(change.attempts, command.attempt)
  if (start > 1)
    context.progress({
      verb: "make",
      change: change.id,
      text: `attempt ${command.attempt} begins again: it was interrupted`,
    })
  return context.workspaces.open(change.id, base, head, context.loop.hooks, signal)
}

async function taskOf(
  command: Make,
  change: Change,
  context: Context,
  agent: AgentSpec,
  paid: SessionLimits,
  workspace: Workspace,
): Promise<AgentTask> {
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
  return {
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
  }
}

function madeOf({ ended }: AgentResult, captured: Captured): Made {
  if (ended.is === "stop") return { is: "stop", stop: ended.stop, reason: ended.reason }
  if (ended.is === "failed") return ended
  return captured.is === "nothing" ? { is: "nothing" } : captured
}

function overBudget(why: string): Made {
  return { is: "failed", code: "budget", why }
}

type Ended = { made: Made; result?: AgentResult; spend?: Spend; settlement?: Settlement; diff?: Attempt["diff"] }

async function ended(
  change: Change,
  context: Context,
  attempt: number,
  { made, result, spend = NOTHING_SPENT, settlement, diff }: Ended,
): Promise<void> {
  await append(
    context.db,
    change.id,
    `make.ended/${change.length}`,
    {
      type: "make.ended",
      attempt,
      made,
      ...(diff === undefined ? {} : { diff }),
      spend,
      ...(result?.model === undefined ? {} : { model: result.model }),
      ...(result === undefined ? {} : { log: result.log, output: result.output, said: result.said.slice(-4_000) }),
      sandboxed: result?.sandboxed ?? false,
      ms: result?.ms ?? 0,
    },
    settlement,
  )
}
