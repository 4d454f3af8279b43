import type { Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import { Failure } from "../../core/failure.ts"
import { append } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { orAsk } from "./or-ask.ts"

type Isolate = Extract<Command, { do: "isolate" }>

/** Looks whether the finding still stands on the current base, and if so makes the attempt's workspace there. */
export function isolate(command: Isolate, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  return orAsk(change, context, signal, async () => {
    const { attempt, round } = command
    const { db, workspaces, progress } = context
    await append(db, change.id, `isolate.started/${change.length}`, {
      type: "isolate.started",
      attempt,
      ...(round === undefined ? {} : { round }),
    })
    const base = await workspaces.base(signal)
    const standing = await context.standing(change.finding, base.sha, signal)
    if (standing.is === "gone")
      progress({ verb: "isolate", change: change.id, text: `already fixed on ${base.branch}: ${standing.why}` })
    else await refuseHopeless(base.sha, context, signal)
    // A sibling starts where the first of its round did, also where the base moved in between.
    const from = command.base ?? base.sha
    const workspace =
      standing.is === "gone"
        ? undefined
        : await workspaces.open(change.id, from, command.head, context.loop.hooks, signal)
    await append(db, change.id, `isolate.ended/${change.length}`, {
      type: "isolate.ended",
      attempt,
      base: standing.is === "gone" ? base.sha : from,
      branch: base.branch,
      workspace: workspace?.path ?? "",
      standing: standing.is,
      detail: standing.why,
    })
  })
}

/** No maker is woken where no change could pass (catalogue T12). */
async function refuseHopeless(base: string, { baseTrouble }: Context, signal: AbortSignal): Promise<void> {
  const trouble = await baseTrouble(base, signal)
  if (trouble === undefined) return
  throw new Failure("BASE_NOT_MEASURED", trouble, {
    hint: "Mend that on this machine, or take the check out of the loop; the next run goes on by itself.",
    retry: "later",
  })
}
