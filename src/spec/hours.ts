import { Misread } from "./misread.ts"

/** Working hours: days 0 (Sunday) to 6, minutes after midnight; `to` before `from` goes past midnight. */
export type Hours = { days: number[]; fromMinute: number; toMinute: number; timeZone?: string }

const names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

/** Reads `MON-FRI 07:00-19:00 Europe/Berlin`; days and time zone may be left out. */
export function readHours(text: string): Hours {
  const match = /^(?:([A-Za-z,-]+)\s+)?(\S+?)\s*-\s*(\S+?)(?:\s+(\S+))?$/.exec(text.trim())
  if (match === null) throw new Misread(`\`${text}\` are not hours.`, { hint: "MON-FRI 07:00-19:00 Europe/Berlin" })
  const [, days, from = "", to = "", timeZone] = match
  const hours: Hours = { days: readDays(days, text), fromMinute: readTime(from, text), toMinute: readTime(to, text) }
  if (hours.fromMinute === hours.toMinute)
    throw new Misread("The hours begin when they end.", { offset: text.indexOf(from) })
  if (timeZone === undefined) return hours
  if (!isTimeZone(timeZone))
    throw new Misread(`\`${timeZone}\` is not a time zone.`, {
      offset: text.lastIndexOf(timeZone),
      length: timeZone.length,
      hint: "Names are those of the IANA database: Europe/Berlin, America/New_York, UTC.",
    })
  return { ...hours, timeZone }
}

/** Writes hours in the one canonical way. */
export function writeHours({ days, fromMinute, toMinute, timeZone }: Hours): string {
  const time = (minute: number) =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`
  const span = `${time(fromMinute)}-${time(toMinute)}`
  return [days.length === 7 ? "" : writeDays(days), span, timeZone ?? ""].filter(Boolean).join(" ")
}

/** Whether the runtime knows a time zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }))
  } catch {
    return false
  }
}

function readDays(written: string | undefined, text: string): number[] {
  if (written === undefined) return [0, 1, 2, 3, 4, 5, 6]
  const days = new Set<number>()
  for (const part of written.split(",")) {
    const ends = part.split("-").map((name) => names.indexOf(name.toUpperCase()))
    const [first = -1, last = first] = ends
    if (ends.length > 2 || first === -1 || last === -1)
      throw new Misread(`\`${part}\` is not a day or a span of days.`, {
        offset: text.indexOf(part),
        length: part.length,
        hint: "MON, TUE, WED, THU, FRI, SAT, SUN; MON-FRI; MON,WED",
      })
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

function writeDays(days: number[]): string {
  return days.join() === "1,2,3,4,5" ? "MON-FRI" : days.map((day) => names[day] ?? "").join(",")
}

function readTime(written: string, text: string): number {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(written) ?? []
  const total = Number(hour) * 60 + Number(minute)
  if (hour === undefined || Number(minute) > 59 || total > 24 * 60)
    throw new Misread(`\`${written}\` is not a time.`, {
      offset: text.indexOf(written),
      length: written.length,
      hint: "Times are written 07:00 to 24:00.",
    })
  return total
}
