import type { Loop } from "../../core/loop.ts"
import { countProposed } from "../../record/ledger.ts"
import { ceilingsNow } from "../../record/money.ts"
import { aheadWhy, amountOf, ceilingNames, ceilingsOf, dollarsOf, type Fleet, priceOfAttempt } from "../money.ts"
import { makerSpec } from "../perform/make.ts"
import type { Session } from "../session.ts"
import type { Hold } from "../work.ts"

/**
 * Whether a new change may be begun now. Over `review_wip` unreviewed proposals a loop stops producing, and what is
 * under way may become one (catalogue P3); with too little money left, nothing more is opened only to be stopped: what
 * is under way may still take the price of an attempt each.
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
  for (const { ceiling, unit, limit, used, ahead } of await ceilingsNow(session.db, {
    ...where,
    run,
    ceilings: ceilingsOf({ loop, fleet }),
  })) {
    if (price[unit] === 0 || ceiling === "change") continue
    const left = limit - used - underWay * price[unit]
    if (left > TOO_LITTLE_USD && (!price.whole || left + TOO_LITTLE_USD >= price[unit])) continue
    const needs = price.whole ? `, and an attempt costs ${dollarsOf(price.usd)}` : ""
    return {
      reason: "budget",
      detail: `${amountOf(unit, used)} of ${amountOf(unit, limit)} for ${ceilingNames[ceiling]} is spent or reserved${needs}${aheadWhy({ ahead })}`,
    }
  }
  return undefined
}

const TOO_LITTLE_USD = 0.000_1
