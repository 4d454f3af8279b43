import type { Loop } from "../../core/loop.ts"
import { countProposed } from "../../record/ledger.ts"
import { ceilingsNow, freeOf, type Standing } from "../../record/money.ts"
import { keptBackWhy } from "../kept-back.ts"
import { aheadWhy, amountOf, ceilingNames, ceilingsOf, dollarsOf, type Fleet, priceOfAttempt } from "../money.ts"
import { makerSpec } from "../perform/make.ts"
import type { Session } from "../session.ts"
import type { Hold } from "../work.ts"

/**
 * Whether a new change may be begun now. Over `review_wip` unreviewed proposals a loop stops producing, and what is
 * under way may become one (catalogue P3); with too little money left, or what is left being for loops above this one,
 * nothing more is opened only to be stopped: what is under way may still take the price of an attempt each.
 */
export async function holdNew(
  session: Session,
  { loop, fleet }: { loop: Loop; fleet: Fleet },
  run: string,
  underWay: number,
): Promise<Hold | undefined> {
  const { reviewWip } = loop.guardrails
  const where = { repo: session.repo.key, loop: loop.name }
  const waiting = loop.steps.ship === undefined ? 0 : await countProposed(session.db, where)
  if (loop.steps.ship !== undefined && waiting + underWay >= reviewWip) {
    return {
      reason: "review_wip",
      detail: `${waiting} of its proposals wait for review, and review_wip is ${reviewWip}: see \`flyball inbox\``,
    }
  }
  if (loop.steps.act === undefined) return undefined
  const price = priceOfAttempt({ loop, fleet }, makerSpec(loop))
  const standings = await ceilingsNow(session.db, { ...where, run, ceilings: ceilingsOf({ loop, fleet }) })
  const claimed = standings.filter(({ ceiling, unit }) => price[unit] > 0 && ceiling !== "change")
  const isShort = (free: number, { unit }: Standing) => {
    const left = free - underWay * price[unit]
    return left <= TOO_LITTLE_USD || (price.whole && left + TOO_LITTLE_USD < price[unit])
  }
  const reached = claimed.find((each) => isShort(each.limit - each.used, each))
  if (reached !== undefined) {
    const { ceiling, unit, limit, used, ahead } = reached
    const needs = price.whole ? `, and an attempt costs ${dollarsOf(price.usd)}` : ""
    return {
      reason: "budget",
      detail: `${amountOf(unit, used)} of ${amountOf(unit, limit)} for ${ceilingNames[ceiling]} is spent or reserved${needs}${aheadWhy({ ahead })}`,
    }
  }
  const kept = claimed.find((each) => isShort(freeOf(each), each))
  return kept === undefined ? undefined : { reason: "priority", detail: keptBackWhy(kept) }
}

const TOO_LITTLE_USD = 0.000_1
