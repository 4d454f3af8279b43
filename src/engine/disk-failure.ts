import { Failure } from "../core/failure.ts"
import { codeOf } from "./postgres/errors.ts"

/** What a disk refuses, in words and with what mends it; everything else as it is. */
export function ofTheDisk(thrown: unknown): unknown {
  if (thrown instanceof Failure) return thrown
  const where =
    thrown instanceof Error && "path" in thrown && typeof thrown.path === "string" ? ` (${thrown.path})` : ""
  switch (codeOf(thrown)) {
    case "ENOSPC":
    case "EDQUOT":
      return new Failure("DISK_FULL", `The disk is full${where}.`, {
        hint: "`flyball gc` shows what it can free, and frees it. Nothing is lost: the next run goes on.",
        retry: "later",
        cause: thrown,
        facts: { exitCode: 3 },
      })
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new Failure("HOME_NOT_WRITABLE", `Flyball may not write${where}: ${codeOf(thrown)}.`, {
        hint: "Make FLYBALL_HOME writable, or set it to another folder. Nothing is lost: the next run goes on.",
        retry: "later",
        cause: thrown,
        facts: { exitCode: 3 },
      })
    default:
      return thrown
  }
}
