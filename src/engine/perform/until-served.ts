import { setTimeout as sleep } from "node:timers/promises"
import { asFailure, Failure } from "../../core/failure.ts"
import type { AgentResult } from "../../core/ports.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import type { Context } from "../context.ts"
import { spentUntil } from "../money.ts"

/**
 * Runs a session, and again in the same place when a provider that serves no more for now said so: after as long as it
 * asked for, or twice as long each time. Past a quarter of an hour in all it is left to the loop's next run.
 */
export async function untilServed(
  session: (spent: Spend) => Promise<AgentResult>,
  { change, context, signal }: { change: string; context: Context; signal: AbortSignal },
): Promise<AgentResult> {
  let result = await session(NOTHING_SPENT)
  let [waitedMs, pauseMs] = [0, FIRST_PAUSE_MS]
  for (;;) {
    const { ended } = result
    if (ended.is !== "failed" || ended.code !== "quota") return result
    // What it took nobody knows: another one might take as much again, of the same share.
    if (result.spend.more) return result
    const asked = ended.until === undefined ? 0 : Date.parse(ended.until) - Date.now()
    const waitMs = Math.max(pauseMs, Number.isFinite(asked) ? asked : 0)
    if (waitedMs + waitMs > LONGEST_WAIT_MS) return result
    const seconds = Math.ceil(waitMs / 1000)
    context.progress({ verb: "make", change, text: `waits ${seconds} s: ${ended.why}` })
    const { spend } = result
    const next = await sleep(waitMs, undefined, { signal })
      .then(() => session(spend))
      .catch((thrown: unknown) => {
        throw withEarlier(thrown, spend, signal)
      })
    waitedMs += waitMs
    pauseMs *= 2
    result = { ...next, spend: addSpend(spend, next.spend) }
  }
}

/** Who ends the attempt now must settle what its earlier sessions cost, too. */
function withEarlier(thrown: unknown, earlier: Spend, signal: AbortSignal): unknown {
  const spent = spentUntil(thrown)
  if (spent === undefined && !signal.aborted) return thrown
  const { code, message, hint = "", facts } = asFailure(spent === undefined ? signal.reason : thrown)
  const more = { hint, facts: { ...facts, spend: addSpend(earlier, spent ?? NOTHING_SPENT) } }
  return code === "HALTED" ? new Failure("HALTED", message, more) : new Failure("ABORTED", message, more)
}

const FIRST_PAUSE_MS = 5_000
const LONGEST_WAIT_MS = 15 * 60_000
