import type { z } from "zod"
import { answerSchema } from "../core/answer-schema.ts"
import type { Finding } from "../core/finding.ts"
import { limitsOf } from "../core/limits.ts"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentRole, AgentTask, Said } from "../core/ports.ts"
import { NOTHING_SPENT, type Spend } from "../core/spend.ts"
import type { FoundSkill } from "../make/skills.ts"
import { settleReserve } from "../record/money.ts"
import type { Context } from "./context.ts"
import { chargedFor, priceOfAttempt, spentUntil, tokensOf } from "./money.ts"
import { deniedWhy, setAside } from "./set-aside.ts"
import { foldersOf } from "./skills/own.ts"

/** What an agent is asked that reads and answers, and changes nothing. */
export type Question = {
  role: Exclude<AgentRole, "maker" | "reviewer">
  agent: AgentSpec
  run: string
  /** Under what name it is paid: a change, or what `workOfRun` says where it belongs to none. */
  work: string
  /** Names this session among those of `work`: the same key is the same money. */
  key: string
  /** The commit whose checkout it looks at. */
  commit: string
  prompt: string
  /** The shape of its last line. */
  answer: z.ZodType
  finding: Finding
  /** Guides that its prompt offers. */
  skills?: readonly FoundSkill[]
  /** Files beside the checkout that it may read: what checks printed. */
  readable?: readonly string[]
  artifactDir: string
}

/**
 * Asks an agent something, on a checkout of its own that nobody else sees. Its money is reserved before it starts and settled
 * when it ends; a process that dies in between leaves the reserve, which counts in full.
 */
export async function consult(context: Context, question: Question, signal: AbortSignal): Promise<Said> {
  const { db } = context
  const { agent, run, work, key } = question
  const money = await setAside(context, { change: work, key, run, price: priceOfAttempt(context, agent) })
  if (money.is === "denied") return { is: "nothing", why: deniedWhy(money) }
  const settled = async (spent: Spend) => {
    const spend = chargedFor(spent, agent, money.usd(), context)
    await settleReserve(db, work, { key, usd: spend.usd, tokens: tokensOf(spend), basis: spend.basis })
    return spend
  }
  let started = false
  const starts = () => {
    started = true
  }
  const result = await ask(context, question, money.limitsAfter(NOTHING_SPENT), signal, starts).catch(
    async (thrown: unknown) => {
      const spent = spentUntil(thrown)
      // What went wrong before it was asked cost nothing.
      if (!started) await settleReserve(db, work, { key, usd: 0, tokens: 0, basis: "reported" })
      else if (spent !== undefined) await settled(spent)
      throw thrown
    },
  )
  const spend = await settled(result.spend)
  signal.throwIfAborted()
  const { ended } = result
  if (ended.is === "failed") return { is: "nothing", why: `${ended.code}: ${ended.why}` }
  return {
    is: "said",
    said: result.said,
    usd: spend.usd,
    ...(result.model === undefined ? {} : { model: result.model }),
  }
}

/** Under what name a run pays for those who are asked before there is a change. */
export function workOfRun(run: string): string {
  return `run-${run}`
}

/** The session alone, for whoever keeps its money by itself. */
export async function ask(
  { workspaces, agents, loop }: Context,
  { role, agent, work, commit, prompt, answer, finding, readable = [], skills = [], artifactDir }: Question,
  paid: Partial<AgentTask["limits"]>,
  signal: AbortSignal,
  starts: () => void = () => {},
) {
  await using checkout = await workspaces.checkout(commit, `${role}-${agent.name}`, signal)
  starts()
  const { timeoutMs, silenceMs } = loop.guardrails
  return await agents.run(
    {
      role,
      agent,
      cwd: checkout.path,
      ...(loop.path === undefined ? {} : { path: loop.path }),
      around: { ...checkout, readable: [...(checkout.readable ?? []), ...readable, ...foldersOf(skills)] },
      // It reads, and tells: nothing of what it reads may go elsewhere.
      hosts: [],
      prompt,
      skills,
      answer: answerSchema(answer),
      finding,
      attempt: 1,
      limits: { timeoutMs, silenceMs, outputBytes: limitsOf(loop.guardrails).outputBytes, ...paid },
      artifactDir,
      change: work,
    },
    signal,
  )
}
