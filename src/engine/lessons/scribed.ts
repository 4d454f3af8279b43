import { z } from "zod"
import { closingJson } from "../../core/review.ts"

/** More of one run nobody reads with care. */
export const MOST_LESSONS = 3

/** What a scribe answers, in its last line. */
export const Scribed = z.strictObject({
  lessons: z
    .array(
      z.strictObject({
        /** `LESSONS.md`, or the name of a skill. */
        where: z.string().trim().min(1).max(200),
        text: z.string().trim().min(8).max(1_000),
        why: z.string().trim().max(2_000),
        /** The change that taught it. */
        from: z.string().trim().min(1).max(200),
      }),
    )
    .max(50),
})
export type Scribed = z.infer<typeof Scribed>

/** Reads the lessons at the end of what a scribe said; anything but exactly the agreed object is an error. */
export function parseScribed(
  said: string,
): { is: "scribed"; lessons: Scribed["lessons"] } | { is: "error"; why: string } {
  const value = closingJson(said)
  if (value === undefined) return { is: "error", why: "its last line is not the agreed JSON" }
  const parsed = Scribed.safeParse(value)
  if (!parsed.success)
    return { is: "error", why: `its answer is malformed: ${z.prettifyError(parsed.error).slice(0, 300)}` }
  return { is: "scribed", lessons: parsed.data.lessons }
}
