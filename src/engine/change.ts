import { type Change, fold, foldChange } from "../core/change.ts"
import { type Command, decide, type Outcome } from "../core/decide.ts"
import { atLastEnd, type Event } from "../core/event.ts"
import type { Loop } from "../core/loop.ts"

/** What a change's way needs of the engine. Both are steps: a process may die before, in and after each. */
export type Steps = {
  load(): Promise<{ events: readonly Event[]; loop: Loop }>
  /** Carries out a command, and returns the events it came to. `begun`: what a process that died in this very step left in the ledger. */
  perform(command: Command, change: Change, begun: readonly Event[]): Promise<Event[]>
}

/**
 * A change's way: observe, decide, act, until the evidence equals the goal or a guard says stop. It can be begun anew at
 * any moment, by any process: what was done is in the ledger, and nothing here reads a clock, a disk or a random number.
 */
export async function reconcile({ load, perform }: Steps): Promise<Outcome> {
  const { events, loop } = await load()
  const { settled, begun } = atLastEnd(events)
  let change = foldChange(settled)
  let known = begun
  for (;;) {
    const command = decide(change, loop)
    if (command.do === "finish" && change.finished !== undefined) return command.outcome
    change = (await perform(command, change, known)).reduce(fold, change)
    known = []
  }
}
