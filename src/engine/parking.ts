import { Failure } from "../core/failure.ts"

/** Holds changes still while the process ends: of what ends from then on, well or badly, nothing is recorded. */
export type Parking = {
  now(): boolean
  /** Rejects when parking begins: for those outside who wait for a change that goes no further. */
  readonly begun: Promise<never>
  /**
   * Runs a step. Once parking has begun, or `held` says so of this one, it never returns, so that its change stays where it
   * was: an act that was cut short may also look like one that ended.
   */
  step<T>(act: () => Promise<T>, held?: () => boolean): Promise<T>
  /** Begins, and gives acts under way `waitMs` to end, so that what they started is gone. */
  begin(waitMs: number): Promise<void>
}

/** Parking that begins with `begin`, or when `until` is aborted. */
export function openParking(until: AbortSignal): Parking {
  const acts = new Set<Promise<unknown>>()
  let parking = until.aborted
  let tell: (why: Failure) => void = () => {}
  const begun = new Promise<never>((_, reject) => {
    tell = reject
  })
  // Most often nobody waits for it.
  begun.catch(() => {})
  const stop = () => {
    parking = true
    // Somebody took over, or the database is out of reach: that is the news, rather than that it is parked.
    const why = until.reason instanceof Failure ? until.reason : undefined
    tell(why ?? new Failure("PARKED", "The work was parked; the next run goes on with it.", { retry: "later" }))
  }
  until.addEventListener("abort", stop, { once: true })
  return {
    now: () => parking,
    begun,
    async step(act, held = () => false) {
      if (parking || held()) return await never()
      const underWay = act().finally(() => acts.delete(settled))
      const settled = underWay.catch(() => {})
      acts.add(settled)
      try {
        return await underWay
      } finally {
        if (parking || held()) await never()
      }
    },
    async begin(waitMs) {
      until.removeEventListener("abort", stop)
      stop()
      const enough = new AbortController()
      const timer = setTimeout(() => enough.abort(), waitMs)
      const late = new Promise<void>((resolve) => enough.signal.addEventListener("abort", () => resolve()))
      await Promise.race([Promise.allSettled(acts), late])
      clearTimeout(timer)
    },
  }
}

/** For a change that goes no further in this process. */
export function never(): Promise<never> {
  return new Promise(() => {})
}
