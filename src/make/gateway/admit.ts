import { ownPrice, type PricedTokens, type Prices, type Tariff } from "../price.ts"
import type { OpenPass } from "./pass.ts"
import type { Cost, Grant, Hold } from "./purse.ts"
import type { Ask } from "./wires/wire.ts"

/** What became of a request at the purse: `output` is what it may put out, per answer. */
export type Admitted =
  | { is: "admitted"; hold: Hold; output: number; lowered?: { from: number; to: number } }
  | { is: "refused"; why: string }
  | { is: "gone" }

/** Sets aside the most that a request may cost; lowers its output where no more fits. */
export async function admit(
  pass: OpenPass,
  ask: Ask,
  { tariff, prices }: { tariff: Tariff | undefined; prices: Prices },
  signal: AbortSignal,
): Promise<Admitted> {
  const most = ownPrice(ask.model, prices)?.maxOutput ?? Number.POSITIVE_INFINITY
  const output = ask.named ? ask.output : Math.min(ask.output, most)
  const cost = remembered((length) => worstCase(ask, length * ask.answers, tariff))
  const grant = await pass.purse.reserve({ cost, output, floor: ask.floor }, signal)
  if (grant.is === "gone") return grant
  if (grant.is === "refused") return { is: "refused", why: ceilingReached(pass, grant) }
  const { hold } = grant
  const lowered = grant.output < output ? { lowered: { from: output, to: grant.output } } : {}
  return { is: "admitted", hold, output: grant.output, ...lowered }
}

/** All input at the dearest that this request can make it: read anew, or written to the cache. */
function worstCase({ input, caches }: Ask, out: number, tariff: Tariff | undefined): Cost {
  const tokens = { in: input, out, cacheRead: 0, cacheWrite: 0 }
  const written: PricedTokens = {
    ...tokens,
    in: 0,
    cacheWrite: input,
    ...(caches === "long" ? { cacheWriteLong: input } : {}),
  }
  const ways = caches === "no" ? [tokens] : [tokens, written]
  return { usd: tariff === undefined ? 0 : Math.max(...ways.map(tariff)), tokens: input + out }
}

/** Pricing takes longer than all else here, and the same length is asked for twice. */
function remembered(cost: (length: number) => Cost): (length: number) => Cost {
  let last: { length: number; cost: Cost } | undefined
  return (length) => {
    if (last?.length !== length) last = { length, cost: cost(length) }
    return last.cost
  }
}

type Refused = Extract<Grant, { is: "refused" }>

function ceilingReached({ purse, options }: OpenPass, { by, needs, unanswered }: Refused): string {
  const { ceiling = 0, spent, held } = purse.state()
  const also = (set: string) => (held.usd > 0 || held.tokens > 0 ? `, ${set} set aside` : "")
  if (by === "usd")
    return `Flyball: the ceiling of ${usd(ceiling)} for this attempt is reached: ${usd(spent.usd)} spent${also(usd(held.usd))}, and the next request may cost ${usd(needs.usd)}.${unanswered ? NOBODY_ANSWERED : ""} Nothing more is served; stop here.`
  return `Flyball: the ceiling of ${options.tokens ?? 0} tokens for this attempt is reached: ${spent.tokens} used${also(`${held.tokens}`)}, and the next request may take ${needs.tokens}. Nothing more is served; stop here.`
}

const NOBODY_ANSWERED = " The ledger was asked for more, and did not answer in time."

/** Dollars as people write them, without hiding small ones. */
export function usd(amount: number): string {
  return `$${amount >= 1 || amount === 0 ? amount.toFixed(2) : amount.toFixed(4)}`
}
