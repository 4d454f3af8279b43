import { z } from "zod"

/** Which loops go first where several share a ceiling; unset is `normal`. */
export const Priority = z.enum(["high", "normal", "low"])
export type Priority = z.infer<typeof Priority>

/**
 * Of a ceiling that loops share, low ones stop at four fifths, normal ones at nine tenths where a high one is known, and
 * high ones at its end: what is left then is for those above.
 */
export function shareOf(priority: Priority, highIsKnown: boolean): number {
  if (priority === "low") return 0.8
  return priority === "normal" && highIsKnown ? 0.9 : 1
}

/** What a loop of each priority may still take of a ceiling. */
export function leftFor(
  { limit, used }: { limit: number; used: number },
  highIsKnown: boolean,
): Record<Priority, number> {
  const left = (priority: Priority) => Math.max(0, limit * shareOf(priority, highIsKnown) - used)
  return { high: left("high"), normal: left("normal"), low: left("low") }
}

/** Whether a loop of one priority goes before one of another. */
export function goesBefore(one: Priority, other: Priority): boolean {
  return Priority.options.indexOf(one) < Priority.options.indexOf(other)
}
