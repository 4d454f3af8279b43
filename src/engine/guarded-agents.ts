import { Failure } from "../core/failure.ts"
import type { Agents } from "../core/ports.ts"
import type { Watch } from "../isolate/watchdog.ts"
import type { AgentsOptions } from "../make/run-agent.ts"
import type { Db } from "../record/database.ts"
import { holdsWork } from "../record/ledger.ts"
import type { Halting } from "./halting.ts"

/** What a context works on, as halts name it. */
export type Work = { repo: string; loop: string; run?: string }

type Tracked = ReturnType<Watch["track"]>
type Guarding = { watch: (work: Work) => Watch; work: Work; db: Db; halting: Halting }

/**
 * Has the watchdog look after every agent's process tree while it runs, and lets no result through that must not count:
 * of a session that a halt ended, or of a process that others have taken over from (catalogue D4).
 */
export function guardAgents(
  open: (watch: NonNullable<AgentsOptions["watch"]>) => Agents,
  { watch, work, db, halting }: Guarding,
): Agents {
  const tracked = new Map<number, Tracked>()
  const halted = new Set<string>()
  const agents = open({
    spawned: (pid, { limits, change }) => {
      tracked.set(pid, watch(work).track(pid, { deadlineMs: limits.timeoutMs, change, ...work }))
    },
    ended: (pid, { change }) => {
      const tree = tracked.get(pid)
      if (tree?.wasHalted()) halted.add(change)
      tree?.[Symbol.dispose]()
      tracked.delete(pid)
    },
  })
  return {
    async run(task, signal) {
      // Before anything is started: whoever finds us hanging must know what is ours.
      watch(work)
      const result = await agents.run(task, signal)
      if (halted.delete(task.change)) {
        const { message, hint = "", facts } = halting.halted({ ...work, change: task.change })
        throw new Failure("HALTED", message, { hint, retry: "person", facts: { ...facts, spend: result.spend } })
      }
      if (await holdsWork(db)) return result
      throw new Failure("EXECUTOR_LOST", "Another process took over this one's work while its agent ran.", {
        retry: "later",
      })
    },
  }
}
