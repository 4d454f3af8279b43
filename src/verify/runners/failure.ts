import type { TestResult } from "../../core/evidence.ts"
import { isTestPath } from "../paths.ts"
import { repoPath, withoutColour } from "./ids.ts"

export type FailureKind = NonNullable<TestResult["failure"]>

/** What the machine refuses, and what comes too late: never a word about the source. */
const world =
  /\b(EADDRINUSE|EADDRNOTAVAIL|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EMFILE|ENFILE|ENOMEM|ENOSPC|EROFS)\b|address already in use|connection refused|no such host|temporary failure in name resolution|too many open files|no space left on device|cannot allocate memory/i
const tooLate = /\btimed? ?out\b|\bexceeded timeout\b|\btimeout of \d+ ?ms exceeded\b|\bdeadlock!/i

const loading =
  /Cannot find (module|package)|ERR_MODULE_NOT_FOUND|does not provide an export|Named export .* not found|Failed to (resolve|load)|Transform failed|ERR_UNKNOWN_FILE_EXTENSION/
const assertion =
  /^(?:Uncaught |Error: )?(?:\w*Assertion(?:Error)?\b|expect\(|assert(?:\.\w+)?\(|TestingLibraryElementError\b|Snapshot\b)|\[ERR_ASSERTION\]/

/**
 * How a JavaScript test failed, by the error that its runner reports. Thrown by the source is one thing; thrown by the test
 * itself ("x is not a function") may only mean that what it tests is not there.
 */
export function javascriptFailure(message: string | undefined, file: string | undefined, root: string): FailureKind {
  const text = withoutColour(message ?? "").trim()
  const [first = ""] = text.split("\n")
  const head = text.split(/\n\s+at /)[0] ?? ""
  if (world.test(head) || tooLate.test(first) || loading.test(head)) return "error"
  if (assertion.test(first)) return "assertion"
  if (/^SyntaxError/.test(first) && !/JSON/.test(first)) return "error"
  const frame = text
    .split("\n")
    .map(frameOf)
    .find((path) => path !== undefined)
  if (frame === undefined) return "error"
  const path = repoPath(root, frame)
  return path === file || isTestPath(path) ? "error" : "thrown"
}

/** The file of a line of a stack, where it is one of the project's. */
function frameOf(line: string): string | undefined {
  const path = /^\s*(?:at|❯)\s.*?((?:file:\/\/)?(?:[A-Za-z]:)?[^\s():]+\.[cm]?[jt]sx?)(?:\?[^\s:]*)?:\d+/.exec(
    line,
  )?.[1]
  if (path === undefined || path.includes("/node_modules/") || path.startsWith("node:")) return undefined
  return path
}

export type PythonError = { types: readonly string[]; where: string | null; message: string }

/** How a Python test failed: by the type of what was raised, and the project's last frame. */
export function pythonFailure(error: PythonError | undefined, file: string, root: string): FailureKind {
  if (error === undefined) return "error"
  const is = (...names: string[]) => error.types.some((type) => names.includes(type))
  if (world.test(error.message) || tooLate.test(error.message)) return "error"
  if (is("ImportError", "SyntaxError", "ConnectionError", "TimeoutError", "MemoryError", "SystemExit")) return "error"
  const where = error.where === null ? undefined : repoPath(root, error.where)
  const inTest = where === undefined || where === file || isTestPath(where) || where.endsWith("conftest.py")
  if (is("AssertionError", "Failed")) return inTest ? "assertion" : "thrown"
  return inTest ? "error" : "thrown"
}

/** How a Go test failed: `t.Error` and its like, or a panic of what it calls. */
export function goFailure(output: string): FailureKind {
  if (world.test(output) || tooLate.test(output) || /^fatal error: |^signal: |DATA RACE/m.test(output)) return "error"
  if (/^panic: /m.test(output)) return "thrown"
  return /--- FAIL: /.test(output) ? "assertion" : "error"
}

/** How a Rust test failed, by what its panic says. */
export function rustFailure(message: string | undefined): FailureKind {
  const text = message ?? ""
  if (text === "" || world.test(text) || tooLate.test(text)) return "error"
  if (/assertion (?:`[^`]+` |failed)|assertion failed/.test(text)) return "assertion"
  const where = /panicked at (?:'.*', )?([\w./-]+\.rs):\d+/.exec(text)?.[1]
  if (where === undefined) return "error"
  return isTestPath(where) ? "assertion" : "thrown"
}
