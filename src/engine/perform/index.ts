import type { Change } from "../../core/change.ts"
import type { Command } from "../../core/decide.ts"
import type { Event } from "../../core/event.ts"
import { Failure } from "../../core/failure.ts"
import { limitsOf } from "../../core/limits.ts"
import { type Appended, heard } from "../../record/database.ts"
import { append, eventsBy, readEvents } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { isolate } from "./isolate.ts"
import { make } from "./make.ts"
import { orAsk } from "./or-ask.ts"
import { plan } from "./plan.ts"
import { ship } from "./ship.ts"
import { verify } from "./verify.ts"

/**
 * Carries out one command and returns the events it came to. `begun` is what a process that died in this step left; what
 * others appended meanwhile is read back, so that the next command knows of it.
 */
export async function perform(
  command: Command,
  change: Change,
  begun: readonly Event[],
  context: Context,
  signal: AbortSignal,
): Promise<Event[]> {
  const appended: Appended[] = []
  await act(command, change, { ...context, db: heard(context.db, appended), known: begun }, signal)
  return eventsBy(change, begun, appended) ?? (await readEvents(context.db, change.id, change.length))
}

/** Only this folder touches the world. Every effect looks before it creates, so that it can be run again. */
async function act(command: Command, change: Change, context: Context, signal: AbortSignal): Promise<void> {
  const { db, progress } = context
  switch (command.do) {
    case "isolate":
      return bounded(command.do, change, context, signal, (until) => isolate(command, change, context, until))
    case "plan":
      return plan(command, change, context, signal)
    case "make":
      // An attempt has limits of its own, and money that must be settled.
      return make(command, change, context, signal)
    case "verify":
      return bounded(command.do, change, context, signal, (until) => verify(command, change, context, until))
    case "ship":
      return bounded(command.do, change, context, signal, (until) => ship(command, change, context, until))
    case "ask": {
      const { reason, question, head } = command
      progress({ verb: "record", change: change.id, text: `needs a person (${reason}): ${firstLine(question)}` })
      const about = head === undefined ? {} : { head }
      await append(db, change.id, `asked/${change.length}`, { type: "asked", reason, question, ...about })
      return
    }
    case "stop": {
      const { reason, detail } = command
      progress({ verb: "record", change: change.id, text: `stopped (${reason}): ${firstLine(detail)}` })
      await append(db, change.id, `stopped/${change.length}`, { type: "stopped", reason, detail })
      return
    }
    case "finish":
      // The folder goes first: a change that is finished must not leave one behind if we die in between.
      await context.workspaces.remove(change.id, signal)
      // Whatever a dead process of this change had set aside and nobody came to settle is charged now.
      await append(
        db,
        change.id,
        `finished/${change.length}`,
        { type: "finished", outcome: command.outcome },
        { dead: "all" },
      )
  }
}

/** A step that goes on for too long is ended, and becomes a question that the next run takes up by itself. */
async function bounded(
  step: string,
  change: Change,
  context: Context,
  signal: AbortSignal,
  act: (until: AbortSignal) => Promise<void>,
): Promise<void> {
  const { stepMs } = limitsOf(context.loop.guardrails)
  const limit = AbortSignal.timeout(stepMs)
  try {
    await act(AbortSignal.any([signal, limit]))
  } catch (thrown) {
    signal.throwIfAborted()
    if (!limit.aborted) throw thrown
    const took = stepMs < 120_000 ? `${stepMs / 1000} s` : `${Math.round(stepMs / 60_000)} min`
    await orAsk(change, context, signal, () => {
      throw new Failure("STEP_TIMEOUT", `The step \`${step}\` did not end within ${took} (limits.step).`, {
        hint: "What it ran was ended. The next run tries it again; `guardrails.limits.step` gives it longer.",
        retry: "later",
      })
    })
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? ""
}
