import { pool } from "./pool.ts"
import { type CaseName, type CaseResult, unmeasured } from "./result.ts"

/** Told whenever a case has come to its end. */
export type Told = (done: { n: number; of: number; result: CaseResult }) => void

export type WorkOptions = { parallel: number; signal: AbortSignal; told: Told }

/**
 * Judges cases side by side, in the order given. When the signal comes, what is under way is stopped and counted as not
 * reached, like all that had not begun.
 */
export async function judgeAll<T extends CaseName>(
  cases: readonly T[],
  judge: (each: T) => Promise<CaseResult>,
  { parallel, signal, told }: WorkOptions,
): Promise<CaseResult[]> {
  const limit = pool(parallel)
  let n = 0
  return Promise.all(
    cases.map((each) =>
      limit(async () => {
        if (signal.aborted) return unmeasured(each, "not_reached", "")
        const result = await judge(each).catch((thrown: unknown) => {
          if (signal.aborted) return unmeasured(each, "not_reached", "")
          return unmeasured(each, "broke", thrown instanceof Error ? thrown.message : String(thrown))
        })
        n++
        told({ n, of: cases.length, result })
        return result
      }),
    ),
  )
}
