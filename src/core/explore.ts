import { z } from "zod"
import { Severity } from "./finding.ts"
import { closingJson } from "./review.ts"

/*
 * What an explorer answers: findings, as the last line of its last message. It stands in core because make/ asks agents
 * for it and discover/ reads it.
 */

/** More than so many are no exploration but a flood. */
export const MOST_EXPLORED = 20

export const Explored = z.strictObject({
  findings: z
    .array(
      z.strictObject({
        title: z.string().trim().min(1).max(300),
        body: z.string().max(8_000),
        severity: Severity,
        file: z.string().max(400).nullish(),
        line: z.number().int().positive().nullish(),
        suggested: z.string().max(2_000).nullish(),
        confidence: z.number().min(0).max(1).nullish(),
        size: z.enum(["small", "medium", "large"]).nullish(),
      }),
    )
    .max(200),
})
export type Explored = z.infer<typeof Explored>

/** Reads an explorer's findings from the end of what it said; anything but exactly the agreed object is an error. */
export function parseExplored(
  said: string,
): { is: "explored"; findings: Explored["findings"] } | { is: "error"; why: string } {
  const value = closingJson(said)
  if (value === undefined) return { is: "error", why: "its last line is not the agreed JSON" }
  const parsed = Explored.safeParse(value)
  if (!parsed.success)
    return { is: "error", why: `its answer is malformed: ${z.prettifyError(parsed.error).slice(0, 300)}` }
  return { is: "explored", findings: parsed.data.findings }
}
