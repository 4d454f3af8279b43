import { z } from "zod"
import { MakerStop } from "./event.ts"

/*
 * The last line of an agent's last message: the only part of it that Flyball reads as more than words.
 * It stands in core because make/ asks agents for it, and both make/ and verify/ read it.
 */

export const Review = z.strictObject({
  verdict: z.enum(["accept", "reject", "ask"]),
  reasons: z.array(z.string().max(4_000)).max(50),
})

const Stop = z.strictObject({ stop: MakerStop, reason: z.string().trim().min(1).max(8_000) })

/** What a reviewer answered. Anything but exactly the agreed object is an error, never an acceptance. */
export type ReviewAnswer =
  | { is: "review"; verdict: "accept" | "reject" | "ask"; reasons: string[] }
  | { is: "error"; why: string }

/** Reads a reviewer's verdict from the end of what it said: the last line, a closing code fence, or the whole message. */
export function parseReview(said: string): ReviewAnswer {
  const value = closingJson(said)
  if (value === undefined) return { is: "error", why: `the reviewer's last line is not its verdict: ${quoteEnd(said)}` }
  const parsed = Review.safeParse(value)
  if (!parsed.success) return { is: "error", why: `the reviewer's verdict is malformed: ${quoteEnd(said)}` }
  return { is: "review", ...parsed.data }
}

/** Reads a maker's stop from the end of what it said; anything malformed is not a stop. */
export function parseStop(said: string): { stop: MakerStop; reason: string } | undefined {
  const parsed = Stop.safeParse(closingJson(said))
  return parsed.success ? parsed.data : undefined
}

/** The JSON value with which a message ends; one code fence around it is tolerated, words after it are not. */
export function closingJson(said: string): unknown {
  const text = said.trim()
  const fenced = /(?:^|\n)(`{3,})(?:json)?[ \t]*\n([\s\S]*?)\n\1$/.exec(text)?.[2]
  const lastLine = text.slice(text.lastIndexOf("\n") + 1)
  for (const candidate of fenced === undefined ? [lastLine, text] : [fenced]) {
    try {
      return JSON.parse(candidate)
    } catch {
      // The next candidate, if there is one.
    }
  }
  return undefined
}

function quoteEnd(said: string): string {
  const text = said.trim()
  if (text === "") return "it said nothing"
  return JSON.stringify(text.length > 200 ? `…${text.slice(-200)}` : text)
}
