import { Failure } from "../../core/failure.ts"

/** A folder of the cluster that can't be made or written, with what to do about it. */
export function notWritable(path: string, cause: unknown): Failure {
  const code = codeOf(cause)
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Failure("DATABASE_DISK_FULL", `The disk that holds ${path} is full.`, {
      hint: "Free some space, or set FLYBALL_HOME to a folder on another disk.",
      retry: "person",
      cause,
    })
  }
  const why = code ?? (cause instanceof Error ? cause.message : String(cause))
  return new Failure("DATABASE_NOT_WRITABLE", `The data folder ${path} can't be written: ${why}.`, {
    hint: "Set FLYBALL_HOME to a folder that you can write.",
    retry: "person",
    cause,
  })
}

/** What PostgreSQL itself said, as a Failure: the causes that people can mend by their own codes. */
export function startFailure(said: string, log: string): Failure {
  const last = said.trim().split("\n").slice(-6).join("\n")
  if (/no space left|disk quota exceeded/i.test(said))
    return notWritable(log, Object.assign(new Error(last), { code: "ENOSPC" }))
  if (/read-only file system|permission denied/i.test(said)) return notWritable(log, new Error(last))
  if (/could not look up effective user/i.test(said)) {
    return new Failure(
      "DATABASE_NO_ACCOUNT",
      "The embedded PostgreSQL needs an account that this system knows, and this user id has none.",
      {
        hint: "Add the user to /etc/passwd, run as another user, or set DATABASE_URL to a PostgreSQL of your own.",
        retry: "person",
      },
    )
  }
  return new Failure("DATABASE_START_FAILED", `The embedded PostgreSQL did not start: ${last || "it said nothing"}`, {
    hint: `See ${log}, or set DATABASE_URL to a PostgreSQL of your own.`,
    retry: "person",
  })
}

/** The code of a system error or of PostgreSQL (SQLSTATE), if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}
