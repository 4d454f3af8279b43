import { setTimeout as sleep } from "node:timers/promises"
import type { AgentResult } from "../../core/ports.ts"
import { addSpend } from "../../core/spend.ts"
import type { Context } from "../context.ts"

/**
 * Runs a session, and again in the same place when a provider that serves no more for now said so: after as long as it
 * asked for, or twice as long each time. Past a quarter of an hour in all it is left to the loop's next run.
 */
export async function untilServed(
  session: () => Promise<AgentResult>,
  { change, context, signal }: { change: string; context: Context; signal: AbortSignal },
): Promise<AgentResult> {
  let result = await session()
  let [waitedMs, pauseMs] = [0, FIRST_PAUSE_MS]
  for (;;) {
    const { ended } = result
    if (ended.is !== "failed" || ended.code !== "quota") return result
    const asked = ended.until === undefined ? 0 : Date.parse(ended.until) - Date.now()
    const waitMs = Math.max(pauseMs, Number.isFinite(asked) ? asked : 0)
    if (waitedMs + waitMs > LONGEST_WAIT_MS) return result
    const seconds = Math.ceil(waitMs / 1000)
    context.progress({ verb: "make", change, text: `waits ${seconds} s: ${ended.why}` })
    await sleep(waitMs, undefined, { signal })
    waitedMs += waitMs
    pauseMs *= 2
    const next = await session()
    result = { ...next, spend: addSpend(result.spend, next.spend) }
  }
}

const FIRST_PAUSE_MS = 5_000
const LONGEST_WAIT_MS = 15 * 60_000
