import { join } from "node:path"
import type { Finding } from "../../core/finding.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Base, Exploration } from "../../core/ports.ts"
import { NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import { explorerPrompt } from "../../make/explorer-prompt.ts"
import { settleReserve } from "../../record/money.ts"
import type { Context } from "../context.ts"
import { chargedFor, priceOfAttempt, spentUntil, tokensOf } from "../money.ts"
import { deniedWhy, type SessionLimits, setAside } from "../set-aside.ts"

/**
 * Has an agent of the loop look around the base. Its money is reserved in the run's name before it starts and settled when
 * it ends; a process that dies in between leaves the reserve, which counts in full.
 */
export async function explore(
  context: Context,
  { name, run, base, ordinal }: { name: string; run: string; base: Base; ordinal: number },
  signal: AbortSignal,
): Promise<Exploration> {
  const { db, loop } = context
  const agent = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
  if (agent === undefined) return { is: "nothing", why: `the loop has no agent \`${name}\`` }
  const work = explorationsOf(run)
  const key = `explore/${name}/${ordinal}`
  const money = await setAside(context, { change: work, key, run, price: priceOfAttempt(context, agent) })
  if (money.is === "denied") return { is: "nothing", why: deniedWhy(money) }
  const settled = async (spent: Spend) => {
    const spend = chargedFor(spent, agent, money.usd(), context)
    await settleReserve(db, work, { key, usd: spend.usd, tokens: tokensOf(spend), basis: spend.basis })
    return spend
  }
  const result = await look(
    context,
    agent,
    { work, base, ordinal, paid: money.limitsAfter(NOTHING_SPENT) },
    signal,
  ).catch(async (thrown: unknown) => {
    const spent = spentUntil(thrown)
    if (spent !== undefined) await settled(spent)
    throw thrown
  })
  const spend = await settled(result.spend)
  signal.throwIfAborted()
  const { ended } = result
  if (ended.is === "failed") return { is: "nothing", why: `${ended.code}: ${ended.why}` }
  return { is: "said", said: result.said, usd: spend.usd }
}

/** Under what name a run's explorations are paid: they belong to no change. */
export function explorationsOf(run: string): string {
  return `run-${run}`
}

async function look(
  { workspaces, agents, loop, repo, progress }: Context,
  agent: AgentSpec,
  { work, base, ordinal, paid }: { work: string; base: Base; ordinal: number; paid: SessionLimits },
  signal: AbortSignal,
) {
  await using checkout = await workspaces.checkout(base.sha, `explore-${agent.name}`, signal)
  progress({ verb: "discover", text: `${agent.name} (${agent.use}) looks around` })
  const { timeoutMs, silenceMs } = loop.guardrails
  return await agents.run(
    {
      role: "explorer",
      agent,
      cwd: checkout.path,
      ...(loop.path === undefined ? {} : { path: loop.path }),
      around: checkout,
      // It reads, and tells: nothing of what it reads may go elsewhere.
      hosts: [],
      prompt: explorerPrompt({ agent, goal: loop.description ?? loop.goal?.doneWhen, path: loop.path }),
      finding: nothingYet(base),
      attempt: 1,
      limits: { timeoutMs, silenceMs, outputBytes: limitsOf(loop.guardrails).outputBytes, ...paid },
      artifactDir: join(repo.dataDir, "explorations", work, String(ordinal)),
      change: work,
    },
    signal,
  )
}

/** An explorer works on no finding: it looks for some. */
function nothingYet({ sha }: Base): Finding {
  return {
    fingerprint: "0".repeat(16),
    source: "agent",
    title: "Look for work",
    body: "",
    severity: "low",
    commit: sha,
    attemptable: false,
  }
}
