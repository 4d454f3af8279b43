import type { Trigger } from "../core/loop.ts"
import { readCalls, writeCall } from "./calls.ts"
import { isTimeZone } from "./hours.ts"
import { Misread } from "./misread.ts"
import { nearest } from "./nearest.ts"
import { readDuration, writeDuration } from "./quantity.ts"

const forms: Record<string, string> = {
  cron: 'cron("0 9 * * MON-FRI")',
  every: "every(15m)",
  on: "on(github.check_run.failed)",
  webhook: "webhook(sentry)",
  after: "after(other-loop)",
  file: 'file("src/**")',
  manual: "manual",
}

const nicknames: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
}

/** Reads one trigger: `cron("0 9 * * MON-FRI", "Europe/Berlin")`, `every(15m)`, `manual`, … */
export async function readTrigger(text: string): Promise<Trigger> {
  if (/^[\d*]\S*(\s+\S+){4,5}$/.test(text.trim()))
    throw new Misread('A cron pattern stands inside cron("…").', {
      hint: `Write cron("${text.trim()}").`,
      suggestion: `cron("${text.trim()}")`,
    })
  const [first, second] = readCalls(text)
  if (first === undefined || second !== undefined)
    throw new Misread("One trigger was expected here.", {
      offset: second?.offset ?? 0,
      hint: "Several triggers are a list: [ every(15m), manual ]",
    })
  const { name, args, named } = first.call
  const form = forms[name]
  if (form === undefined) {
    const close = nearest(name, Object.keys(forms))
    throw new Misread(`There is no trigger \`${name}\`.`, {
      offset: first.offset,
      length: name.length,
      hint:
        close === undefined ? `Triggers are ${Object.values(forms).join(", ")}.` : `Did you mean \`${forms[close]}\`?`,
      suggestion: close,
    })
  }
  const timeZone = name === "cron" ? (args[1] ?? named.tz ?? named.timezone) : undefined
  const surplus = Object.keys(named).find((key) => !(name === "cron" && (key === "tz" || key === "timezone")))
  const wanted = name === "manual" ? 0 : 1
  if (
    surplus !== undefined ||
    args.length > (name === "cron" ? 2 : wanted) ||
    (args.length < wanted && !/^cron/.test(name)) ||
    (name === "cron" && args.length === 0)
  )
    throw new Misread(
      name === "manual" ? "`manual` takes nothing in parentheses." : `\`${name}\` is written ${form}.`,
      {
        offset: first.offset,
        hint: name === "cron" && args.length > 2 ? "The pattern needs quotes around it." : undefined,
      },
    )
  const value = String(args[0] ?? "").trim()
  const place = { offset: Math.max(0, text.indexOf(value)), length: Math.max(1, value.length) }
  if (name === "cron") return readCron(value, timeZone === undefined ? undefined : String(timeZone), text, place)
  if (name === "every") return { on: "every", everyMs: readEvery(value, place) }
  if (name === "on")
    return {
      on: "signal",
      signal: matching(value, /^[a-z][\w-]*(\.[\w*-]+)*$/i, "a signal such as github.check_run.failed", place),
    }
  if (name === "webhook")
    return { on: "webhook", connector: matching(value, /^[a-z][\w-]*$/i, "a connector such as sentry", place) }
  if (name === "after") return { on: "after", loop: matching(value, /^[a-z0-9][\w.-]*$/i, "the name of a loop", place) }
  if (name === "file")
    return {
      on: "file",
      glob: matching(value, /^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, "a glob inside the repository, such as src/**", place),
    }
  return { on: "manual" }
}

/** Writes a trigger so that `readTrigger` reads the same again. */
export function writeTrigger(trigger: Trigger): string {
  const call = (name: string, ...args: string[]) => writeCall({ name, args, named: {} })
  switch (trigger.on) {
    case "cron":
      return trigger.timeZone === undefined
        ? call("cron", trigger.expression)
        : call("cron", trigger.expression, trigger.timeZone)
    case "every":
      return `every(${writeDuration(trigger.everyMs)})`
    case "after":
      return `after(${trigger.loop})`
    case "file":
      return call("file", trigger.glob)
    case "signal":
      return `on(${trigger.signal})`
    case "webhook":
      return `webhook(${trigger.connector})`
    case "manual":
      return "manual"
  }
}

type Place = { offset: number; length: number }

async function readCron(written: string, timeZone: string | undefined, text: string, place: Place): Promise<Trigger> {
  const expression = nicknames[written.toLowerCase()] ?? written.replace(/\s+/g, " ")
  const count = expression.split(" ").length
  if (expression.startsWith("@"))
    throw new Misread(`There is no \`${written}\`.`, {
      ...place,
      hint: `Known are ${Object.keys(nicknames).join(", ")}.`,
    })
  if (count !== 5)
    throw new Misread(`A cron pattern has five fields (minute hour day month weekday); this has ${count}.`, {
      ...place,
      hint:
        count === 6
          ? "Seconds aren't supported: leave the first field out, or use every(30s)."
          : 'cron("0 9 * * MON-FRI")',
    })
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new Misread(`\`${timeZone}\` is not a time zone.`, {
      offset: Math.max(0, text.lastIndexOf(timeZone)),
      length: timeZone.length,
      hint: "Names are those of the IANA database: Europe/Berlin, America/New_York, UTC.",
    })
  const { Cron } = await import("croner")
  let next: Date | null
  try {
    // Any fixed day does: a pattern that fires at all fires within croner's horizon of it.
    next = new Cron(expression, { paused: true, mode: "5-part", timezone: "UTC" }).nextRun(
      new Date("2024-01-01T00:00:00Z"),
    )
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error)
    throw new Misread(`This cron pattern can't be read: ${why}.`, {
      ...place,
      hint: "minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-7 or SUN-SAT",
    })
  }
  if (next === null) throw new Misread("This cron pattern never fires: there is no such day.", place)
  return { on: "cron", expression, ...(timeZone === undefined ? {} : { timeZone }) }
}

function readEvery(value: string, place: Place): number {
  try {
    const ms = readDuration(value)
    if (ms < 1000) throw new Misread("A loop can't start more often than once a second.")
    return ms
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    throw new Misread(error.message, {
      ...place,
      hint: error.hint,
      suggestion: error.suggestion,
    })
  }
}

function matching(value: string, pattern: RegExp, expected: string, place: Place): string {
  if (!pattern.test(value)) throw new Misread(`\`${value}\` is not ${expected}.`, place)
  return value
}
