import { createHash } from "node:crypto"
import type { z } from "zod"
import { answerSchema } from "../core/answer-schema.ts"
import type { Finding } from "../core/finding.ts"
import { limitsOf } from "../core/limits.ts"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentResult, AgentRole, Said } from "../core/ports.ts"
import { NOTHING_SPENT } from "../core/spend.ts"
import type { FoundSkill } from "../make/skills.ts"
import { settleReserve } from "../record/money.ts"
import type { Context } from "./context.ts"
import { priceOfAttempt } from "./money.ts"
import { type PaidSession, type Purse, paidSession } from "./paid-session.ts"
import { notAskedNow, remembering } from "./patience.ts"
import { deniedWhy, setAside } from "./set-aside.ts"
import { foldersOf } from "./skills/own.ts"

/** What an agent is asked that reads and answers, and changes nothing. */
export type Question = Asked & {
  run: string
  /** Names this session among those of `work`: the same key is the same money. */
  key: string
}

type Asked = {
  role: Exclude<AgentRole, "maker" | "reviewer">
  agent: AgentSpec
  /** Under what name it is paid: a change, or what `workOfRun` says where it belongs to none. */
  work: string
  /** The commit whose checkout it looks at. */
  commit: string
  prompt: string
  /** The shape of its last line. */
  answer: z.ZodType
  finding: Finding
  /** Of a change; unset: the first. */
  attempt?: number
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
  const waits = await notAskedNow(context, question)
  if (waits !== undefined) return { is: "nothing", why: waits }
  const money = await setAside(context, { change: work, key, run, price: priceOfAttempt(context, agent) })
  if (money.is === "denied") return { is: "nothing", why: deniedWhy(money) }
  const purse: Purse = { key, money, parked: (_, settlement) => settleReserve(db, work, settlement) }
  const session = () => ask(context, question, purse, signal)
  const { result, spend, settlement } = await remembering(context, question, signal, session)
  await settleReserve(db, work, settlement)
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

/**
 * What stands for a finding where somebody is asked before there is one. It is named after what is asked, so that two questions
 * are not taken for one; what looks back on findings, or sorts them, names none.
 */
export function noFinding(
  { source, title, commit, body = "" }: Pick<Finding, "source" | "title"> & { commit: string; body?: string },
  ...asked: readonly (string | undefined)[]
): Finding {
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([source, ...asked]))
    .digest("hex")
    .slice(0, 16)
  return { fingerprint, source, title, body, severity: "low", commit, attemptable: false }
}

/** Under what name a run pays for those who are asked before there is a change. */
export function workOfRun(run: string): string {
  return `run-${run}`
}

/** The session alone, for whoever writes its money down beside what it did. */
export function ask(
  context: Context,
  { role, agent, work, commit, prompt, answer, finding, attempt = 1, readable = [], skills = [], artifactDir }: Asked,
  purse: Purse,
  signal: AbortSignal,
): Promise<PaidSession<AgentResult>> {
  const { workspaces, agents, loop } = context
  const { timeoutMs, silenceMs } = loop.guardrails
  return paidSession(context, agent, purse, async (begins) => {
    await using checkout = await workspaces.checkout(commit, `${role}-${agent.name}`, signal)
    begins()
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
        attempt,
        limits: {
          timeoutMs,
          silenceMs,
          outputBytes: limitsOf(loop.guardrails).outputBytes,
          ...purse.money.limitsAfter(NOTHING_SPENT),
        },
        artifactDir,
        change: work,
      },
      signal,
    )
  })
}
