import type { Attempt, Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Evidence, Verdict } from "../../core/evidence.ts"
import { asFailure } from "../../core/failure.ts"
import { agentForRound } from "../../core/ladder.ts"
import type { Base } from "../../core/ports.ts"
import { beforeRound, roundNumber, twinOf } from "../../core/round.ts"
import { NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import { append } from "../../record/ledger.ts"
import type { Context, GateMatter, Paid } from "../context.ts"
import { chargeable, NOTHING_TO_PAY, type Price, priceOfReview, settlementOf } from "../money.ts"
import { openTally } from "../paid-session.ts"
import { type Denied, deniedWhy, type SetAside, setAside } from "../set-aside.ts"
import { isSpare, makerSpec, nextStart, waitForTurn } from "./make.ts"
import { orAsk } from "./or-ask.ts"

type Verify = Extract<Command, { do: "verify" }>

/** Puts the attempt's commit, merged onto the current base, before the gate. */
export function verify(command: Verify, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  return orAsk(change, context, signal, async () => {
    const { attempt: n, head } = command
    const attempt = change.attempts.find((each) => each.n === n)
    const base = await context.workspaces.base(signal)
    const known = knownOf(change, attempt, { head, base: base.sha })
    if (known === undefined && change.answer?.is === "approve" && (await overtaken(change, base, n, context, signal)))
      return
    const judging: Judging = { command, change, context, attempt, known, base }
    // A person's approval is looked at anew, by everybody.
    const asksAll = known !== undefined || change.answer?.is === "approve"
    const heard = asksAll ? [] : await context.heard(matterOf(judging))
    try {
      await review(judging, heard, signal)
    } catch (thrown) {
      if (asFailure(thrown).code !== "OPINION_GONE") throw thrown
      await review(judging, [], signal)
    }
  })
}

/** One start of it: what those who are asked may cost is set aside first, and settled however it ends. */
async function review(judging: Judging, heard: readonly string[], signal: AbortSignal): Promise<void> {
  const { command, change, context, attempt, known, base } = judging
  const { db, progress } = context
  const { attempt: n, head } = command
  // A review that died is paid for, and so is the one that takes its place.
  const start = await nextStart("verify", change, context)
  const moneyKey = `verify/${change.length}/${start}`
  const price = known === undefined ? priceOfReview(context, attempt?.spend.usd ?? 0, heard) : NOTHING_TO_PAY
  const paid = await setAside(context, { change: change.id, key: moneyKey, run: change.run, price, attempt: n })
  if (paid.is === "denied") return unpaid(judging, paid)
  await append(
    db,
    change.id,
    `verify.started/${change.length}/${start}`,
    { type: "verify.started", attempt: n, head, reserveUsd: paid.usd() },
    start === 1 ? undefined : { dead: `verify/${change.length}/${start - 1}` },
  )

  const text = known === undefined ? `${head.slice(0, 10)} on ${base.branch} ${base.sha.slice(0, 10)}` : known.why
  progress({ verb: "verify", change: change.id, text })
  const tally = openTally()
  const shared: Paid = { ...sharedOut(paid, price), counted: tally.of, heard }
  const settlement = (spend: Spend) => (price.nobody === true ? undefined : settlementOf(moneyKey, spend, paid.tokens))
  const result = await judged(judging, shared, signal).catch(async (thrown: unknown) => {
    // It did not die: what it cost is known, and it is begun again as it was.
    const spend = chargeable(await tally.total(), paid.usd(), context)
    const parked = { type: "verify.parked" as const, attempt: n, spend }
    await append(db, change.id, `verify.parked/${change.length}/${start}`, parked, settlement(spend))
    throw thrown
  })
  const { evidence, verdict } = result
  const spend = chargeable(result.spend, paid.usd(), context)
  progress({ verb: "verify", change: change.id, text: told(verdict, evidence) })
  await append(
    db,
    change.id,
    `verify.ended/${change.length}`,
    { type: "verify.ended", attempt: n, head, base: base.sha, evidence, verdict, spend },
    settlement(spend),
  )
}

/** No money for it: a sibling of one that was accepted needs none, another waits for its turn, and else the change stops. */
async function unpaid({ command, change, context, base }: Judging, denied: Denied): Promise<void> {
  const { db, progress } = context
  const { attempt: n, head } = command
  const detail = `There is no money left for its review. ${deniedWhy(denied)}`
  if (isSpare(change, n)) {
    const verdict = { is: "ask" as const, reason: detail }
    progress({ verb: "verify", change: change.id, text: `${detail} What was accepted before it counts.` })
    const unread = { attempt: n, head, base: base.sha, evidence: [], verdict, spend: NOTHING_SPENT }
    await append(db, change.id, `verify.ended/${change.length}`, { type: "verify.ended", ...unread })
    return
  }
  if (denied.byPriority) return waitForTurn(change, context, deniedWhy(denied))
  await append(db, change.id, `stopped/${change.length}`, { type: "stopped", reason: "budget", detail })
}

/** An approved change whose finding is gone from a base that moved has nothing left to land. */
async function overtaken(
  change: Change,
  base: Base,
  attempt: number,
  context: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const standing = await context.standing(change.finding, base.sha, signal)
  if (standing.is !== "gone") return false
  context.progress({ verb: "verify", change: change.id, text: `already fixed on ${base.branch}: ${standing.why}` })
  await append(context.db, change.id, `isolate.ended/${change.length}`, {
    type: "isolate.ended",
    attempt,
    base: base.sha,
    workspace: "",
    standing: "gone",
    detail: standing.why,
  })
  return true
}

/** One ceiling for all who judge: what is left of it is shared out evenly among those who are asked at once. */
function sharedOut(paid: SetAside, price: Price): Omit<Paid, "counted" | "heard"> {
  return {
    whole: paid.usd() >= price.usd,
    share: (spent, among) => {
      const { usd, tokens, ...rest } = paid.limitsAfter(spent)
      return {
        ...rest,
        ...(usd === undefined ? {} : { usd: usd / among }),
        ...(tokens === undefined ? {} : { tokens: Math.floor(tokens / among) }),
      }
    },
  }
}

type Judging = {
  command: Verify
  change: Change
  context: Context
  attempt: Attempt | undefined
  known: Known | undefined
  base: Base
}
type Judged = { evidence: Evidence[]; verdict: Verdict; spend: Spend }

type Known = { evidence: Evidence[]; verdict: Verdict; why: string }

/** What was said of this head on this base already, or of a sibling that left the very same files. */
function knownOf(
  { attempts, answer }: Change,
  attempt: Attempt | undefined,
  { head, base }: { head: string; base: string },
): Known | undefined {
  if (attempt === undefined) return undefined
  const { evidence, verdict, verifiedBase } = attempt
  if (verdict?.is === "accept" && verifiedBase === base)
    return { evidence, verdict, why: "the base did not move: its evidence stands" }
  // A person's approval is looked at anew, as every approval is.
  const twin = answer?.is === "approve" ? undefined : twinOf(attempts, attempt.n, base)
  if (twin?.verdict === undefined) return undefined
  const why = `it left the files that attempt ${twin.n} left: what was said of those stands`
  return {
    evidence: twin.evidence.map((each) => ({
      ...each,
      head,
      caveats: [...each.caveats, `Taken on attempt ${twin.n}.`],
    })),
    verdict: twin.verdict.is === "accept" ? { is: "accept", head } : twin.verdict,
    why,
  }
}

/** Of which commit and base, and whose work. */
function matterOf({ command, change, context, attempt, base }: Judging): Omit<GateMatter, "paid" | "earlier"> {
  const { head, attempt: n } = command
  const spec = agentForRound(makerSpec(context.loop), roundNumber(change.attempts, n))
  const maker = { spec, ...(attempt?.model === undefined ? {} : { ranModel: attempt.model }) }
  return { base: base.sha, head, change, attempt: n, maker }
}

/** The gate's word, or the evidence that it gave already for this head on this very base. */
async function judged(judging: Judging, paid: Paid, signal: AbortSignal): Promise<Judged> {
  const { command, change, context, known } = judging
  if (known !== undefined) return { evidence: known.evidence, verdict: known.verdict, spend: NOTHING_SPENT }
  const { answer } = change
  const approval =
    answer?.is === "approve" ? { approval: { by: change.answeredBy ?? "a person", head: answer.head } } : {}
  // What siblings were told nobody told this one.
  const earlier = beforeRound(change.attempts, command.attempt).flatMap((each) => each.evidence)
  const result = await context.gate({ ...matterOf(judging), earlier, ...approval, paid }, signal)
  signal.throwIfAborted()
  return result
}

function told(verdict: Verdict, evidence: readonly Evidence[]): string {
  const said = evidence.map((each) => `${each.check} ${each.outcome}`).join(", ")
  return `${verdict.is === "accept" ? "accepted" : verdict.is}: ${said}`
}
