/** When the day of a moment began in a time zone of the IANA database. */
export function startOfDay(at: Date, timeZone: string): Date {
  const { midnight, aheadMs } = localIn(at, timeZone)
  // A day on which the clocks are put forward or back began with another offset than it has now; where that is done at its
  // very beginning there are two midnights, of which the first counts, or none.
  const near = midnight - aheadMs
  const offsets = [near, near - DAY_MS / 2].map((moment) => localIn(new Date(moment), timeZone).aheadMs)
  const begins = [aheadMs, ...offsets]
    .map((offsetMs) => midnight - offsetMs)
    .filter((moment) => localIn(new Date(moment), timeZone).midnight === midnight)
  return new Date(Math.min(...(begins.length > 0 ? begins : [near])))
}

/** When the month of a moment began in a time zone. */
export function startOfMonth(at: Date, timeZone: string): Date {
  const { midnight } = localIn(at, timeZone)
  const days = new Date(midnight).getUTCDate() - 1
  // Noon of the first is that day in the zone, whatever its clocks did since.
  const { aheadMs } = localIn(at, timeZone)
  return startOfDay(new Date(midnight - days * DAY_MS + DAY_MS / 2 - aheadMs), timeZone)
}

/** When the next day begins. */
export function startOfNextDay(at: Date, timeZone: string): Date {
  // The longest day and the shortest after it hold this moment in the next one.
  return startOfDay(new Date(startOfDay(at, timeZone).getTime() + 1.5 * DAY_MS), timeZone)
}

/** When the next month begins. */
export function startOfNextMonth(at: Date, timeZone: string): Date {
  return startOfMonth(new Date(startOfMonth(at, timeZone).getTime() + 32 * DAY_MS), timeZone)
}

const DAY_MS = 24 * 60 * 60 * 1000

/** The time zone of this machine, or of the process, where its environment names one. */
export function ownTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** The day's midnight as if the zone were UTC, and how far the zone is ahead of UTC. */
function localIn(at: Date, timeZone: string): { midnight: number; aheadMs: number } {
  // Sweden writes dates as ISO 8601 does.
  const [date = "", time = ""] = at.toLocaleString("sv-SE", { timeZone }).split(" ")
  const aheadMs = Date.parse(`${date}T${time}Z`) - Math.floor(at.getTime() / 1000) * 1000
  return { midnight: Date.parse(`${date}T00:00:00Z`), aheadMs }
}
