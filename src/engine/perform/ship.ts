import type { Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import { Failure } from "../../core/failure.ts"
import type { Accept } from "../../core/judge.ts"
import { append } from "../../record/ledger.ts"
import { mergeApproved, propose } from "../../ship/ship.ts"
import { compileCondition } from "../../spec/condition.ts"
import { changeFacts } from "../change-facts.ts"
import type { Context } from "../context.ts"
import { orAsk } from "./or-ask.ts"

type Ship = Extract<Command, { do: "ship" }>

/** A base that keeps moving under an approval is somebody else's busy hour. */
const MAX_REVERIFICATIONS = 5

/** Proposes an accepted head, or lands an approved one. */
export function ship(command: Ship, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  return orAsk(change, context, signal, async () => {
    const { db, repo, loop, workspaces, progress } = context
    const { accept, effect } = command
    const held = effect === "propose" ? await heldBack(change, accept, context, signal) : undefined
    if (held !== undefined) {
      const { head } = accept
      await append(db, change.id, `asked/${change.length}`, { type: "asked", reason: "approval", question: held, head })
      return
    }
    await append(db, change.id, `ship.started/${change.length}`, { type: "ship.started", head: accept.head, effect })
    const base = await workspaces.base(signal)
    const shipping = { repo, base, loop, change, accept, signal }
    const shipped =
      effect === "propose" ? { is: "landed" as const, ...(await propose(shipping)) } : await mergeApproved(shipping)
    if (shipped.is === "base_moved") return verifyAgain(change, context)
    for (const each of shipped.effects)
      progress({ verb: "ship", change: change.id, text: `${each.action} ${each.outcome}: ${each.detail}` })
    const { commit, branch, effects } = shipped
    await append(db, change.id, `ship.ended/${change.length}`, {
      type: "ship.ended",
      head: accept.head,
      effect,
      commit,
      branch,
      effects,
    })
  })
}

/** Why `ship.if` keeps a verified change here; a condition that can't be decided holds it back too. */
async function heldBack(
  change: Change,
  accept: Accept,
  { loop, repo }: Context,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = loop.steps.ship?.if ?? "verified"
  if (text.trim() === "verified") return undefined
  const condition = await compileCondition(text, "if")
  const outcome = condition.evaluate({
    verified: true,
    finding: change.finding,
    change: await changeFacts(repo, change, accept, signal),
  })
  if (outcome.is === "unknown") return `It passed the gate, but \`ship.if: ${text}\` can't be decided: ${outcome.why}`
  return outcome.value ? undefined : `It passed the gate, but \`ship.if: ${text}\` does not hold.`
}

/** The approval stands; the evidence does not, for the base is another one now. */
async function verifyAgain(change: Change, context: Context): Promise<void> {
  const { answer } = change
  if (answer?.is !== "approve")
    throw new Failure("BASE_MOVED", "The default branch moved while it was being merged into.", { retry: "now" })
  const before = change.reverifications
  if (before >= MAX_REVERIFICATIONS) {
    throw new Failure(
      "BASE_KEEPS_MOVING",
      `The default branch moved ${before} times while this change was being merged.`,
      {
        hint: "Approve again when it is quieter.",
        retry: "later",
      },
    )
  }
  context.progress({
    verb: "ship",
    change: change.id,
    text: "the default branch moved: verifying again on what it is now",
  })
  await append(context.db, change.id, `answered/${change.length}`, {
    type: "answered",
    by: "flyball (base moved)",
    answer,
  })
}
