import type { Change } from "../../core/change.ts"
import { asFailure } from "../../core/failure.ts"
import { append } from "../../record/ledger.ts"
import type { Context } from "../context.ts"

/**
 * Runs an effect; what the world refuses becomes a question with the reason `infrastructure`, which the next run
 * takes up again by itself. An abort passes through: a parked change is not a failed one.
 */
export async function orAsk(
  change: Change,
  context: Context,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act()
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, message, hint, cause } = asFailure(thrown)
    // A defect of ours is not the world's: it must be seen as one, with its stack in the log.
    if (code === "INTERNAL")
      context.progress({ verb: "record", change: change.id, text: `internal error: ${stackOf(cause) ?? message}` })
    const question = hint === undefined ? `${code}: ${message}` : `${code}: ${message}\n${hint}`
    context.progress({ verb: "record", change: change.id, text: `waits (infrastructure): ${message}` })
    await append(context.db, change.id, `asked/${change.length}`, {
      type: "asked",
      reason: "infrastructure",
      question,
    })
  }
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined
}
