import { join } from "node:path"
import type { Finding } from "../../core/finding.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Base, Exploration } from "../../core/ports.ts"
import { explorerPrompt } from "../../make/explorer-prompt.ts"
import { reserve, settleReserve } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { ceilingsOf, chargedFor, priceOfAttempt } from "../money.ts"
import { deniedWhy } from "../perform/make.ts"

/**
 * Has an agent of the loop look around the base. Its money is reserved in the run's name before it starts and settled when
 * it ends; a process that dies in between leaves the reserve, which counts in full.
 */
export async function explore(
  context: Context,
  { name, run, base, ordinal }: { name: string; run: string; base: Base; ordinal: number },
  signal: AbortSignal,
): Promise<Exploration> {
  const { db, repo, loop } = context
  const agent = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
  if (agent === undefined) return { is: "nothing", why: `the loop has no agent \`${name}\`` }
  const work = `run-${run}`
  const key = `explore/${name}/${ordinal}`
  const reserved = await reserve(db, {
    change: work,
    key,
    repo: repo.key,
    loop: loop.name,
    run,
    ...priceOfAttempt(loop, agent),
    ceilings: ceilingsOf(loop),
  })
  if (reserved.is === "denied") return { is: "nothing", why: deniedWhy(reserved) }
  const result = await look(context, agent, { work, base, ordinal, usd: reserved.usd }, signal)
  signal.throwIfAborted()
  const spend = chargedFor(result.spend, agent, reserved.usd, loop)
  const { in: input, out, cacheRead, cacheWrite } = spend.tokens
  await settleReserve(db, work, {
    key,
    usd: spend.usd,
    tokens: input + out + cacheRead + cacheWrite,
    basis: spend.basis,
  })
  const { ended } = result
  if (ended.is === "failed") return { is: "nothing", why: `${ended.code}: ${ended.why}` }
  return { is: "said", said: result.said, usd: spend.usd }
}

async function look(
  { workspaces, agents, loop, repo, progress }: Context,
  agent: AgentSpec,
  { work, base, ordinal, usd }: { work: string; base: Base; ordinal: number; usd: number },
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
      around: checkout,
      prompt: explorerPrompt({ agent, goal: loop.description ?? loop.goal?.doneWhen }),
      finding: nothingYet(base),
      attempt: 1,
      limits: { timeoutMs, silenceMs, outputBytes: limitsOf(loop.guardrails).outputBytes, ...(usd > 0 ? { usd } : {}) },
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
