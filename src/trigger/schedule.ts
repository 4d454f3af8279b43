import { Cron } from "croner"
import { Failure } from "../core/failure.ts"
import type { Trigger } from "../core/loop.ts"

/** The triggers that a clock alone fires. */
type Timed = Extract<Trigger, { on: "cron" | "every" }>

export type Firing = { trigger: Timed; at: Date }

/** What is due now: one firing for all that were missed, however many; the time it was meant for is the last of them. */
export type Due = Firing & { missed: number }

/** Counting further back than this tells nobody anything. */
const MOST_MISSED = 1_000

/** Whether a trigger is one that a clock fires. */
function isTimed(trigger: Trigger): trigger is Timed {
  return trigger.on === "cron" || trigger.on === "every"
}

/** The next firing of each timed trigger after `after`, the soonest first; a pattern that never comes has none. */
export function nextFirings(triggers: readonly Trigger[], after: Date, timeZone?: string): Firing[] {
  return triggers
    .filter(isTimed)
    .flatMap((trigger) => {
      const at = firingAfter(trigger, after, timeZone)
      return at === undefined ? [] : [{ trigger, at }]
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime())
}

/**
 * What fell due in (since, now]: nothing, or one firing that stands for all of them. `missed` counts those before the
 * last, which nobody was awake for.
 */
export function dueFiring(triggers: readonly Trigger[], since: Date, now: Date, timeZone?: string): Due | undefined {
  let due: Due | undefined
  for (const trigger of triggers.filter(isTimed)) {
    const passed = passedFirings(trigger, since, now, timeZone)
    if (passed === undefined) continue
    const count = passed.count + (due === undefined ? 0 : due.missed + 1)
    const last = due !== undefined && due.at > passed.last ? due : { trigger, at: passed.last }
    due = { trigger: last.trigger, at: last.at, missed: count - 1 }
  }
  return due
}

/** How many firings lie in (since, now], and the last of them. */
function passedFirings(
  trigger: Timed,
  since: Date,
  now: Date,
  timeZone: string | undefined,
): { count: number; last: Date } | undefined {
  if (trigger.on === "every") {
    const last = Math.floor(now.getTime() / trigger.everyMs)
    const count = last - Math.floor(since.getTime() / trigger.everyMs)
    return count <= 0 ? undefined : { count, last: new Date(last * trigger.everyMs) }
  }
  const cron = patternOf(trigger, timeZone)
  let last: Date | undefined
  let count = 0
  for (let next = cron.nextRun(since); next !== null && next <= now; next = cron.nextRun(next)) {
    last = next
    count += 1
    if (count >= MOST_MISSED) break
  }
  return last === undefined ? undefined : { count, last }
}

/** `every` is anchored to the clock, not to a start: `every(15m)` is :00, :15, :30, :45, whoever restarted when. */
function firingAfter(trigger: Timed, after: Date, timeZone: string | undefined): Date | undefined {
  if (trigger.on === "every") return new Date((Math.floor(after.getTime() / trigger.everyMs) + 1) * trigger.everyMs)
  return patternOf(trigger, timeZone).nextRun(after) ?? undefined
}

/** A time that a clock change skips comes when the clock goes on (02:30 at 03:00); one that it repeats comes once. */
function patternOf({ expression, timeZone: own }: Extract<Timed, { on: "cron" }>, timeZone: string | undefined): Cron {
  const zone = own ?? timeZone
  try {
    // croner takes any zone, and fails when it first computes with it.
    if (zone !== undefined) new Intl.DateTimeFormat("en", { timeZone: zone })
    return new Cron(expression, { paused: true, mode: "5-part", ...(zone === undefined ? {} : { timezone: zone }) })
  } catch (error) {
    throw new Failure(
      "BAD_SCHEDULE",
      `cron("${expression}")${zone === undefined ? "" : ` in ${zone}`}: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: 'Five fields, as in cron("0 9 * * MON-FRI"), and a time zone such as Europe/Berlin.',
        cause: error,
      },
    )
  }
}
