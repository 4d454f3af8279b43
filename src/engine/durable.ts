import { randomUUID } from "node:crypto"
import type { Pool } from "pg"
import { Failure } from "../core/failure.ts"
import { enlist } from "./executors.ts"
import { releaseLease, takeLease, takeOverDead, waitForLease } from "./leases.ts"
import { never, openParking } from "./parking.ts"

/**
 * Durable execution: a change is carried on by one process at a time, and by another when that one died. What was done is
 * the ledger's to say: a body that is begun anew reads there how far it came.
 */
export type Durable<T> = {
  readonly executor: string
  /** Aborted when others may have taken this process's work: kill what runs, and end. */
  readonly lost: AbortSignal
  /** Carries a change on: once this returns it is on record as driven, here or by another living process, whose end is waited for. */
  drive(change: string, run: string): Promise<Driven<T>>
  /** Takes over, in this process, the changes of `mine` whose process died, and carries them on in the runs they belong to. */
  recover(mine: (change: string) => boolean): Promise<Driven<T>[]>
  /**
   * Inside a body: one effect. Once this process ends, or `held` says so, it is waited for but never returns: what was cut
   * short may look like what ended, and the change stays where it was.
   */
  step<S>(act: () => Promise<S>, held?: () => boolean): Promise<S>
  /** Ends durable execution in this process. Steps under way have `waitMs` to end; another process may go on at once. */
  shutdown(options?: { waitMs?: number }): Promise<void>
}

/** A change that this process carries on, or waits for. `outcome` rejects with what its body threw, and with PARKED when this process ends. */
export type Driven<T> = { change: string; outcome: Promise<T> }

export type DurableOptions<T> = {
  /** Its opener's to end, after `shutdown`. */
  pool: Pool
  /** Carries a change on from what the ledger holds, to its end; everything that touches the world is a `step`. */
  body: (change: string, run: string) => Promise<T>
  /** Unique to this process's life; default: made up. */
  executor?: string
  /** From its abort on, a step that ends is taken as interrupted, as in `shutdown`, which must follow. */
  signal?: AbortSignal
}

/** Enters this process among the living, and opens durable execution in it. */
export async function openDurable<T>({
  pool,
  body,
  executor = randomUUID(),
  signal,
}: DurableOptions<T>): Promise<Durable<T>> {
  const lost = new AbortController()
  const ended = new AbortController()
  const entry = await enlist(pool, executor, (why) => lost.abort(lostTo(why)))
  const until = signal === undefined ? lost.signal : AbortSignal.any([lost.signal, signal])
  const parked = openParking(until)
  const waiting = AbortSignal.any([until, ended.signal])
  const here = new Map<string, Promise<T>>()

  /** The body under a lease that is held. One that threw keeps it until this process ends: whoever takes it over goes on where it stopped. */
  const carry = async (change: string, run: string) => {
    const outcome = await body(change, run)
    await releaseLease(pool, { change, executor })
    return outcome
  }
  const begin = (change: string, act: () => Promise<T>): Driven<T> => {
    const outcome = act().finally(() => here.delete(change))
    // Nobody may come to ask: the run can be interrupted before it does.
    outcome.catch(() => {})
    here.set(change, outcome)
    return driven(change, outcome)
  }
  const driven = (change: string, outcome: Promise<T>): Driven<T> => {
    const raced = Promise.race([outcome, parked.begun])
    raced.catch(() => {})
    return { change, outcome: raced }
  }

  return {
    executor,
    lost: lost.signal,
    async drive(change, run) {
      if (parked.now()) return await never()
      const lease = { change, run, executor }
      const mine = await takeLease(pool, lease)
      const known = here.get(change)
      if (known !== undefined) return driven(change, known)
      return begin(change, async () => {
        if (!mine) await waitForLease(pool, lease, waiting)
        return await carry(change, run)
      })
    },
    async recover(mine) {
      const taken = await takeOverDead(pool, executor, mine)
      return taken.map(({ change, run }) => begin(change, () => carry(change, run)))
    },
    step: (act, held) => parked.step(act, held),
    async shutdown({ waitMs = 5_000 } = {}) {
      ended.abort(new Error("durable execution ends"))
      await parked.begin(waitMs)
      await entry.leave()
    },
  }
}

/** Why this process must stop: others took over, or the database (`why`) is out of reach. */
function lostTo(why: unknown): Failure {
  if (why === undefined) {
    return new Failure("EXECUTOR_LOST", "Another process took over this one's work.", {
      hint: "This one gave no sign of life for 20 s: it was stopped, asleep or cut off. Nothing is done twice; `flyball status` shows what goes on.",
      retry: "later",
      facts: { exitCode: 3 },
    })
  }
  const reason = why instanceof Error ? why.message : String(why)
  return new Failure("DATABASE_LOST", `The database could not be reached for 20 s: ${reason}.`, {
    hint: "What ran here is parked; run again once the database is back.",
    retry: "later",
    cause: why,
  })
}
