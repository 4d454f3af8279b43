import type { Json } from "../json.ts"

/*
 * Some servers take "8" for 8 and 1 for true. What is set aside for a request must be what any server makes of it: so the
 * fields on which its price hangs have the type that the wire says, or the request is not served.
 */

/** Names the first field that is no whole number, or no yes or no, though it must be; undefined where all are. */
export function inexact(
  fields: Json,
  { counts = [], flags = [] }: { counts?: readonly string[]; flags?: readonly string[] },
): string | undefined {
  for (const name of counts) {
    const value = fields[name]
    if (value != null && !Number.isSafeInteger(value)) return `\`${name}\` is no whole number`
  }
  for (const name of flags) {
    const value = fields[name]
    if (value != null && typeof value !== "boolean") return `\`${name}\` is neither true nor false`
  }
  return undefined
}
