import type { Change } from "../../core/change.ts"
import { Failure } from "../../core/failure.ts"
import type { Progress } from "../../core/ports.ts"
import { readChange } from "../../record/ledger.ts"
import { openEngine } from "../engine.ts"
import { openSession } from "../session.ts"

export type ContinueOptions = { cwd: string; change: string; signal: AbortSignal; progress: Progress }

/** Carries one change on after a person's word, in this process and under the run that it belongs to. */
export async function continueChange({ cwd, change: id, signal, progress }: ContinueOptions): Promise<Change> {
  await using session = await openSession({ cwd, signal })
  await using engine = await openEngine({ session, signal, progress })
  const change = await readChange(session.db, id)
  if (change === undefined) throw new Failure("NO_SUCH_CHANGE", `There is no change ${id} in the ledger.`)
  await engine.drive(change, change.run)
  return (await readChange(session.db, id)) ?? change
}
