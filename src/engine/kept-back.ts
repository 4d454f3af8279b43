import { goesBefore, leftFor, Priority } from "../core/priority.ts"
import type { RankedLoop } from "../record/loops.ts"
import type { Kept, Standing } from "../record/money.ts"
import { aheadWhy, amountOf, ceilingNames } from "./money.ts"

/** Why a loop gets nothing of a shared ceiling that has some left: who goes first, what is left for whom, and until when. */
export function keptBackWhy(standing: Standing): string {
  const { ceiling, unit, limit, used, kept } = standing
  if (kept === undefined) return ""
  const above = Priority.options.filter((priority) => goesBefore(priority, kept.by))
  const left = leftFor({ limit, used }, kept.for.some(isHigh))
  const shares = above.map((priority) => `${amountOf(unit, left[priority])} for \`${priority}\` ones`)
  const parts = [
    `This loop's priority is \`${kept.by}\`, and the last ${amountOf(unit, kept.amount)} of ${amountOf(unit, limit)} for ${ceilingNames[ceiling]} are for loops above it${named(kept)}.`,
    `${amountOf(unit, used)} is spent or reserved${aheadWhy(standing)}; left: ${shares.join(", ")}.`,
    `It goes on by itself once there is room${frees(standing)}.`,
  ]
  return parts.join(" ")
}

/** The day on which a ceiling begins anew, as its ledger's calendar has it. */
function frees({ ceiling, endsAt }: Standing): string {
  if (endsAt === undefined) return ""
  return ceiling === "month"
    ? `, at the latest next month (${day(endsAt)})`
    : `, at the latest tomorrow (${day(endsAt)})`
}

function day(at: Date): string {
  return at.toLocaleDateString("sv-SE")
}

const NAMED = 3

function named({ for: above }: Kept): string {
  if (above.length === 0) return ""
  const more = above.length > NAMED ? ` and ${above.length - NAMED} more` : ""
  const names = above.slice(0, NAMED).map(({ loop, priority }) => `${loop} (${priority})`)
  return `: ${names.join(", ")}${more}`
}

function isHigh({ priority }: RankedLoop): boolean {
  return priority === "high"
}
