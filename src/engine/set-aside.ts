import type { AgentTask } from "../core/ports.ts"
import type { Spend } from "../core/spend.ts"
import { appendExtension } from "../record/ledger.ts"
import { type Reserved, type ReserveRequest, reserve, type Standing } from "../record/money.ts"
import type { Context } from "./context.ts"
import { keptBackWhy } from "./kept-back.ts"
import { aheadWhy, amountOf, ceilingNames, ceilingsOf, dollarsOf, isCapped, type Price, tokensOf } from "./money.ts"

/** The money of one session: what it may spend at first, how it may get more, and what it holds by now. */
export type SetAside = {
  is: "granted"
  usd(): number
  tokens: number
  /** What the next session of the same attempt may spend, after what earlier ones did. */
  limitsAfter(spent: Spend): SessionLimits
  /** Why the session got no more although more was there: it is kept for loops that go first. */
  keptBack(): string | undefined
}
export type SessionLimits = Pick<AgentTask["limits"], "usd" | "tokens" | "extend">
export type Denied = Extract<Reserved, { is: "denied" }>

/** What a session needs; with `attempt`, what it takes later is written into the change's own story as well. */
export type Wanted = { change: string; key: string; run: string; price: Price; attempt?: number }

/** Sets money aside for a session under every ceiling that holds, before it begins; says so where one is near. */
export async function setAside(
  { db, loop, repo, fleet, progress }: Pick<Context, "db" | "loop" | "repo" | "fleet" | "progress">,
  { change, key, run, price, attempt }: Wanted,
): Promise<SetAside | Denied> {
  const ceilings = ceilingsOf({ loop, fleet })
  const request: ReserveRequest = { change, key, repo: repo.key, loop: loop.name, run, ...price, ceilings }
  const reserved: Reserved =
    price.nobody === true ? { is: "granted", near: [], usd: 0, tokens: 0 } : await reserve(db, request)
  if (reserved.is === "denied") return reserved
  for (const { ceiling, unit, limit, used } of reserved.near) {
    const share = Math.floor((100 * (used + reserved[unit])) / limit)
    const text = `${share} % of the ceiling of ${amountOf(unit, limit)} for ${ceilingNames[ceiling]} is spent or set aside`
    progress({ verb: "record", change, text })
  }
  let held = reserved.usd
  let kept: Standing | undefined
  const extend = async (usd: number) => {
    const extended = await appendExtension(db, { ...request, usd }, attempt)
    held += extended.usd
    kept = extended.kept
    return extended.usd
  }
  return {
    is: "granted",
    usd: () => held,
    tokens: reserved.tokens,
    keptBack: () => (kept === undefined ? undefined : keptBackWhy(kept)),
    limitsAfter: (spent) => ({
      // Nothing left is a ceiling of nothing, not none.
      ...(isCapped({ loop, fleet }) ? { usd: Math.max(0, held - spent.usd) } : {}),
      ...(reserved.tokens > 0 ? { tokens: Math.max(0, reserved.tokens - tokensOf(spent)) } : {}),
      // A ceiling of its own is the attempt's whole share: more of the run's is not its to take.
      ...(price.whole || loop.guardrails.budget.usdPerAttempt !== undefined ? {} : { extend }),
    }),
  }
}

/** Why money was not to be had, in a sentence or two. */
export function deniedWhy(denied: Denied): string {
  if (denied.byPriority) return keptBackWhy(denied)
  const { ceiling, unit, limit, used, asked } = denied
  const left = Math.max(0, limit - used)
  const short = left === 0 ? "" : ` ${amountOf(unit, left)} is left, and ${amountOf(unit, asked)} was needed.`
  return `The ceiling of ${amountOf(unit, limit)} for ${ceilingNames[ceiling]} is reached: ${amountOf(unit, used)} spent or reserved${aheadWhy(denied)}.${short} ${whatNext[ceiling]}`
}

const whatNext: Record<Denied["ceiling"], string> = {
  change: "More of it would be another ceiling: raise $…/change, or close it.",
  run: "The loop's next run has money of its own: answer it, and the next run goes on.",
  day: "Tomorrow has money of its own: answer it, and the next run goes on.",
  month: "Next month has money of its own: answer it, and the next run goes on.",
  fleet: "Tomorrow has money of its own: answer it, and the next run goes on.",
}

/** A declared cost above `$…/attempt` could never be paid. */
export function overOwnCeiling({ usd }: Price, usdPerAttempt: number | undefined): string | undefined {
  if (usdPerAttempt === undefined || usd <= usdPerAttempt) return undefined
  return `An attempt costs ${dollarsOf(usd)}, and its ceiling is ${dollarsOf(usdPerAttempt)}.`
}
