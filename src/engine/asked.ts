import { Failure } from "../core/failure.ts"
import { Misread } from "../spec/misread.ts"
import { readCeiling, readDuration } from "../spec/quantity.ts"

/** A duration of the command line, in milliseconds. Throws Failure BAD_DURATION, which names the option. */
export function askedDuration(option: string, text: string): number {
  const read = reading(() => readDuration(text))
  if (!(read instanceof Misread)) return read
  throw new Failure("BAD_DURATION", `${option}: ${read.message}`, { hint: read.hint ?? `${option} 30m` })
}

/** Refuses money of the command line that no loop would take. Throws Failure BAD_BUDGET, which names the option. */
export function refuseBadBudget(option: string, text: string): void {
  const read = reading(() => readCeiling(text))
  if (!(read instanceof Misread)) return
  const more = `${option} '$5/run', in single quotes: shells take $5 for a variable.`
  const hint = read.hint === undefined ? more : `${read.hint.replace(/\.$/, "")}. ${more}`
  throw new Failure("BAD_BUDGET", `${option}: ${read.message}`, { hint })
}

function reading<T>(read: () => T): T | Misread {
  try {
    return read()
  } catch (error) {
    if (error instanceof Misread) return error
    throw error
  }
}
