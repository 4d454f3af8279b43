import type { Change } from "../../core/change.ts"
import { asFailure } from "../../core/failure.ts"
import { append } from "../../record/ledger.ts"
import type { Context } from "../context.ts"
import { ofTheDisk } from "../disk-failure.ts"

/**
 * Runs an effect; what the world refuses becomes a question with the reason `infrastructure`, which the next run
 * takes up again by itself; only an attempt that dies time and again waits for a person. An abort passes through: a parked change is not a failed one.
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
    const { code, message, hint, cause } = asFailure(ofTheDisk(thrown))
    // Neither is the world's doing: the change is parked where it is, here or with whoever took it over.
    if (code === "HALTED" || code === "EXECUTOR_LOST") throw thrown
    // A defect of ours is not the world's: it must be seen as one, with its stack in the log.
    if (code === "INTERNAL")
      context.progress({ verb: "record", change: change.id, text: `internal error: ${stackOf(cause) ?? message}` })
    const question = hint === undefined ? `${code}: ${message}` : `${code}: ${message}\n${hint}`
    context.progress({ verb: "record", change: change.id, text: `waits (infrastructure): ${message}` })
    await append(context.db, change.id, `asked/${change.length}`, {
      type: "asked",
      reason: code === "ATTEMPT_KEEPS_DYING" ? "keeps_dying" : "infrastructure",
      question,
    })
  }
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined
}
