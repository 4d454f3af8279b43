import { Failure } from "../core/failure.ts"
import { codeOf } from "./postgres/errors.ts"

/** DBOS gives back recorded errors as plain ones; ours get their code and hint again. */
export function revive(error: unknown): never {
  throw error instanceof Error && error.name === "Failure" ? toFailure(error) : error
}

/** Whatever a workflow threw, now or in an earlier life, as a Failure. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const { code, message, hint, retry, facts } = Object(error)
  const known = retry === "now" || retry === "later" || retry === "person" ? retry : "never"
  return new Failure(typeof code === "string" ? code : "INTERNAL", String(message ?? error), {
    retry: known,
    ...(typeof hint === "string" ? { hint } : {}),
    ...(typeof facts === "object" && facts !== null ? { facts } : {}),
    cause: error,
  })
}

/** Why this process must stop: others took over, or the database (`why`) is out of reach. */
export function lostTo(why: unknown): Failure {
  if (why === undefined) {
    return new Failure("EXECUTOR_LOST", "Another process took over this one's work.", { retry: "later" })
  }
  const reason = why instanceof Error ? why.message : String(why)
  return new Failure("DATABASE_LOST", `The database could not be reached for 20 s: ${reason}.`, {
    hint: "What ran here is parked; run again once the database is back.",
    retry: "later",
    cause: why,
  })
}

/** A database user without the right to set up, in words; every other error as it is. */
export function mayNotSetUp(error: unknown): unknown {
  if (codeOf(error) !== "42501") return error
  return new Failure("DATABASE_REFUSED", "The database user may not create the schemas `flyball` and `dbos`.", {
    hint: "Grant it CREATE on the database in DATABASE_URL.",
    retry: "person",
    cause: error,
  })
}
