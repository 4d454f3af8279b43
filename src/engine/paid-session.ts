import type { AgentSpec } from "../core/loop.ts"
import type { Agents } from "../core/ports.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import type { Settlement } from "../record/money.ts"
import { chargedFor, type Payer, settlementOf, spentUntil } from "./money.ts"
import type { SetAside } from "./set-aside.ts"

/** What a session is paid from, and where it is written down that it did not come to its end. */
export type Purse = {
  /** Under which the money was set aside. */
  key: string
  money: SetAside
  parked(spend: Spend, settlement: Settlement): Promise<unknown>
}

/** A session that came to its end; whoever writes that down settles its money in the same transaction. */
export type PaidSession<R> = { result: R; spend: Spend; settlement: Settlement }

/**
 * Runs a session on the money set aside for it, which it `begins` to spend in the moment that it says so. One that we ended
 * ourselves is settled by what it told, and one that never began by nothing; of every other that throws, or dies with us,
 * nobody knows what it cost, and its reserve counts in full.
 */
export async function paidSession<R extends { spend: Spend }>(
  payer: Payer,
  agent: AgentSpec,
  { key, money, parked }: Purse,
  session: (begins: () => void) => Promise<R>,
): Promise<PaidSession<R>> {
  let begun = false
  try {
    const result = await session(() => {
      begun = true
    })
    const spend = chargedFor(result.spend, agent, money.usd(), payer)
    return { result, spend, settlement: settlementOf(key, spend, money.tokens) }
  } catch (thrown) {
    const spent = spentUntil(thrown)
    if (begun && spent === undefined) throw thrown
    const spend = begun && spent !== undefined ? chargedFor(spent, agent, money.usd(), payer) : NOTHING_SPENT
    await parked(spend, settlementOf(key, spend, money.tokens))
    throw thrown
  }
}

/** What all sessions of one piece of work cost together. */
export type Tally = {
  /** The same agents, counted. */
  of(agents: Agents): Agents
  /** Known once all of them are over; of one that does not say what it cost nobody knows. */
  total(): Promise<Spend>
}

/** Counts what sessions cost, those that we ended ourselves among them. */
export function openTally(): Tally {
  const sessions: Promise<Spend>[] = []
  return {
    of: (agents) => ({
      run(task, signal) {
        const running = agents.run(task, signal)
        sessions.push(
          running.then(
            ({ spend }) => spend,
            (thrown: unknown) => spentUntil(thrown) ?? { ...NOTHING_SPENT, basis: "unknown" },
          ),
        )
        return running
      },
    }),
    total: async () => (await Promise.all(sessions)).reduce(addSpend, NOTHING_SPENT),
  }
}
