import { asFailure } from "../core/failure.ts"
import type { Loop } from "../core/loop.ts"
import { dueFiring, nextFirings } from "./schedule.ts"
import { watchFiles } from "./watch-files.ts"

/** A clock may jump, a machine may sleep, and a timer notices neither: it is looked again at least this often. */
const RECHECK_MS = 60 * 60_000

/** Why a loop fires. */
export type Cause =
  | { by: "cron" | "every"; at: Date; missed: number }
  /** `chain`: the loops whose ends led here, the last of them this loop's `after`. */
  | { by: "after"; loop: string; chain: readonly string[] }
  | { by: "file"; paths: readonly string[] }

export type Triggers = {
  /** Tells that a run of a loop ended; fires the loops that come `after` it. `chain` is that of the run's own cause. */
  ended(loop: string, chain?: readonly string[]): void
  /** What is due next, the soonest first. */
  due(): { loop: string; at: Date }[]
  /** Settles when the signal is aborted and no run that was fired is left. */
  done: Promise<void>
}

export type TriggersOptions = {
  loops: readonly Loop[]
  /** When each loop last fired; one that never did starts with its next firing. */
  lastFired: ReadonlyMap<string, Date>
  /** Runs the loop; a run lasts until this settles. What it throws is said, and the loop goes on firing. */
  fire: (loop: Loop, cause: Cause) => Promise<void>
  /** Told what was skipped and why, what was caught up, and what failed. */
  say: (loop: string, text: string) => void
  signal: AbortSignal
  now?: () => Date
  /** For schedules that name no time zone; unset: the machine's. */
  timeZone?: string
  recheckMs?: number
}

type Clocked = { loop: Loop; since: Date; running: boolean }

/** Fires loops by the clock, after one another, and when files change, until the signal is aborted. */
export async function startTriggers(options: TriggersOptions): Promise<Triggers> {
  const { loops, lastFired, signal, say, now = () => new Date(), timeZone, recheckMs = RECHECK_MS } = options
  const started = now()
  const states = loops.map((loop): Clocked => ({ loop, since: lastFired.get(loop.name) ?? started, running: false }))
  const running = new Set<Promise<void>>()

  const fire = (state: Clocked, cause: Cause): void => {
    if (signal.aborted) return
    if (state.running) {
      say(state.loop.name, `skipped (${causeText(cause)}): its last run is still going on`)
      return
    }
    state.running = true
    const run = runOnce(state, cause, options)
    running.add(run)
    void run.finally(() => running.delete(run))
  }

  const soonest = () =>
    states
      .flatMap(({ loop, since }) =>
        nextFirings(loop.trigger, since, timeZone)
          .slice(0, 1)
          .map(({ at }) => ({ loop: loop.name, at })),
      )
      .sort((a, b) => a.at.getTime() - b.at.getTime())

  const look = () => {
    const at = now()
    for (const state of states) {
      // A clock that was set back far: wait for its new tomorrow, not for its old one.
      if (state.since.getTime() - at.getTime() > recheckMs) state.since = at
      const due = dueFiring(state.loop.trigger, state.since, at, timeZone)
      if (due === undefined) continue
      state.since = at
      if (due.missed > 0)
        say(state.loop.name, `${due.missed + 1} firings fell due since it last fired; they are caught up with one run`)
      fire(state, { by: due.trigger.on, at: due.at, missed: due.missed })
    }
    schedule()
  }

  let timer: NodeJS.Timeout | undefined
  const schedule = () => {
    if (signal.aborted) return
    const [next] = soonest()
    clearTimeout(timer)
    if (next !== undefined)
      timer = setTimeout(look, Math.max(1, Math.min(next.at.getTime() - now().getTime(), recheckMs)))
  }

  const done = new Promise<void>((resolve) => {
    const stop = () => {
      clearTimeout(timer)
      resolve(Promise.allSettled(running).then(() => undefined))
    }
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop, { once: true })
  })
  await Promise.all(states.map((state) => watchFor(state, states, options, fire)))
  look()
  return { ended: (loop, chain = []) => startAfter(loop, chain, states, say, fire), due: () => soonest(), done }
}

type Fire = (state: Clocked, cause: Cause) => void

/** Starts the loops that come after `loop`, but none that led to it: a ring would wake itself for ever. */
function startAfter(
  loop: string,
  chain: readonly string[],
  states: readonly Clocked[],
  say: TriggersOptions["say"],
  fire: Fire,
): void {
  const led = [...chain, loop]
  for (const state of states) {
    const { name, trigger } = state.loop
    if (!trigger.some((each) => each.on === "after" && each.loop === loop)) continue
    if (led.includes(name)) say(name, `not started after ${loop}: it is what led there (${[...led, name].join(" → ")})`)
    else fire(state, { by: "after", loop, chain: led })
  }
}

async function runOnce(state: Clocked, cause: Cause, { fire, say }: TriggersOptions): Promise<void> {
  try {
    await fire(state.loop, cause)
  } catch (thrown) {
    say(state.loop.name, `failed: ${asFailure(thrown).message}`)
  } finally {
    state.running = false
  }
}

async function watchFor(
  state: Clocked,
  all: readonly Clocked[],
  { signal, say }: TriggersOptions,
  fire: Fire,
): Promise<void> {
  const globs = state.loop.trigger.flatMap((trigger) => (trigger.on === "file" ? [trigger.glob] : []))
  if (globs.length === 0) return
  // M3: the state files are Flyball's own doing, whichever loop writes them.
  const own = all.flatMap(({ loop }) => loop.steps.discover.writeTo ?? [])
  await watchFiles({
    root: state.loop.source.repo,
    globs,
    own,
    signal,
    changed: (paths) => fire(state, { by: "file", paths }),
    say: (text) => say(state.loop.name, text),
  })
}

function causeText(cause: Cause): string {
  switch (cause.by) {
    case "after":
      return `after ${cause.loop}`
    case "file":
      return `${cause.paths.length} changed files`
    default:
      return `due ${cause.at.toISOString()}`
  }
}
