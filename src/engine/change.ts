import { type Change, fold, foldChange } from "../core/change.ts"
import { type Command, decide, type Outcome } from "../core/decide.ts"
import type { Event } from "../core/event.ts"
import type { Loop } from "../core/loop.ts"

/** What the body needs of the engine: a durable step is run once and its answer is replayed ever after. */
export type Steps = {
  load(): Promise<{ events: Event[]; loop: Loop }>
  perform(command: Command, change: Change, loop: Loop): Promise<Event[]>
}

/**
 * The body of the durable workflow: observe, decide, act, until the evidence equals the goal or a guard says stop.
 * Nothing here reads a clock, a disk or a random number, so replaying it takes the same way.
 */
export async function reconcile({ load, perform }: Steps): Promise<Outcome> {
  const { events, loop } = await load()
  let change = foldChange(events)
  for (;;) {
    const command = decide(change, loop)
    if (command.do === "finish" && change.finished !== undefined) return command.outcome
    change = (await perform(command, change, loop)).reduce(fold, change)
  }
}
