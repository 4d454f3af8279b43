/** When the same call may succeed: at once, after a while, never, or once a person has acted. */
export type Retry = "now" | "later" | "never" | "person"

export type FailureFacts = { hint?: string; retry?: Retry; cause?: unknown; facts?: Record<string, unknown> }

/**
 * The one error class. `code` is permanent and upper-snake; branch on it, never on `message`.
 * `message` says what and why; `hint` says what to do next.
 */
export class Failure extends Error {
  override readonly name = "Failure"
  readonly code: string
  readonly hint: string | undefined
  readonly retry: Retry
  readonly facts: Record<string, unknown>

  constructor(code: string, message: string, { hint, retry = "never", cause, facts = {} }: FailureFacts = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
    this.retry = retry
    this.facts = facts
  }
}

/** Whatever was thrown, as a Failure: an unknown error keeps its text under the code `INTERNAL`. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  return new Failure("INTERNAL", error.message, { cause: error })
}
