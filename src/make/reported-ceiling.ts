import type { AgentTask } from "../core/ports.ts"
import type { Spend } from "../core/spend.ts"
import { newSession, type Session } from "./adapter.ts"
import { type Prices, spendOf } from "./price.ts"

/** Told of a session after each of its lines. */
export type ReportedCeiling = { told(session: Session): void }

type Ceilings = Pick<AgentTask["limits"], "usd" | "tokens">

/**
 * Holds a session that no gateway meters to its ceilings, by its own account of itself. An account comes after the money
 * was spent: so a session is also ended when it is certain to ask once more (it called tools), and what it would have to
 * read again for that no longer fits. `reach` is called once.
 */
export function openReportedCeiling(
  { usd, tokens }: Ceilings,
  prices: Prices | undefined,
  reach: (why: string) => void,
): ReportedCeiling {
  let reached = false
  let seen: Session["usage"] = {}
  const end = (why: string) => {
    if (reached) return
    reached = true
    reach(why)
  }
  const dollars = async (session: Session, most: number) => {
    const [used, next] = await Promise.all([usdOf(session.usage, prices), usdOf(nextOf(session), prices)])
    if (used === undefined || next === undefined || used + next <= most) return
    end(`${reachedAt(`$${most.toFixed(4)}`)}: $${used.toFixed(4)} spent${asksOn(next > 0)}`)
  }
  return {
    told(session) {
      if (reached || session.usage === seen || session.end !== undefined) return
      seen = session.usage
      const [used, next] = [tokensIn(session.usage), tokensIn(nextOf(session))]
      if (tokens !== undefined && used + next > tokens)
        end(`${reachedAt(`${tokens} tokens`)}: ${used} used${asksOn(next > 0)}`)
      // What can't be priced is no ceiling's business here: it is charged as unknown.
      if (usd !== undefined) dollars(session, usd).catch(() => undefined)
    },
  }
}

/** What the next request reads at least, where there is certain to be one: all that the last one did. */
function nextOf({ usage, goesOn }: Session): Session["usage"] {
  const last = Object.values(usage).at(-1)
  if (goesOn !== true || last === undefined) return {}
  const { in: read, cacheRead, cacheWrite } = last.tokens
  const tokens = { in: 0, out: 0, cacheRead: read + cacheRead + cacheWrite, cacheWrite: 0 }
  return { next: { ...(last.model === undefined ? {} : { model: last.model }), tokens } }
}

function tokensIn(usage: Session["usage"]): number {
  return Object.values(usage).reduce((sum, { tokens }) => sum + sumOf(tokens), 0)
}

function sumOf(tokens: Spend["tokens"]): number {
  return tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite
}

/** Undefined for what nobody knows the price of. */
async function usdOf(usage: Session["usage"], prices: Prices | undefined): Promise<number | undefined> {
  if (Object.keys(usage).length === 0) return 0
  const spend = await spendOf({ ...newSession, begun: true, complete: true, usage }, prices)
  return spend.basis === "unknown" ? undefined : spend.usd
}

function reachedAt(ceiling: string): string {
  return `the ceiling of ${ceiling} for this attempt is reached, by its own account`
}

function asksOn(is: boolean): string {
  return is ? ", and the next request does not fit" : ""
}
