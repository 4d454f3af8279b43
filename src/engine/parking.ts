import { Failure } from "../core/failure.ts"

/** Holds workflows still while the process ends: of what ends from then on, well or badly, nothing is recorded. */
export type Parking = {
  now(): boolean
  /** Rejects when parking begins: for those outside who wait for a workflow that goes no further. */
  readonly begun: Promise<never>
  /**
   * Runs a step, which `record` makes durable. Once parking has begun it never returns, so its workflow stays where it was:
   * an act that was cut short may also look like one that ended. An `act` is waited for when parking begins, a `wait` is not.
   */
  step<T>(
    kind: "act" | "wait",
    act: () => Promise<T>,
    record: (act: () => Promise<T>) => Promise<T>,
    /** Whether this workflow alone is parked. */
    held?: () => boolean,
  ): Promise<T>
  /** Begins, and gives acts under way `waitMs` to end, so that what they started is gone. */
  begin(waitMs: number): Promise<void>
}

/** Parking that begins with `begin`, or when `until` is aborted. */
export function openParking(until: AbortSignal): Parking {
  const acts = new Set<Promise<void>>()
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
    async step(kind, act, record, held = () => false) {
      if (parking || held()) return await never()
      let ended = () => {}
      const underWay = new Promise<void>((resolve) => {
        ended = resolve
      })
      if (kind === "act") acts.add(underWay)
      try {
        return await record(async () => {
          try {
            return await act()
          } finally {
            if (parking || held()) {
              ended()
              await never()
            }
          }
        })
      } finally {
        ended()
        acts.delete(underWay)
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

/** For a workflow that goes no further in this process. */
export function never(): Promise<never> {
  return new Promise(() => {})
}
