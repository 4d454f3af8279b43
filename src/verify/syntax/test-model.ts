import type { Language } from "./source.ts"

/** One expectation of a test, in canonical spelling. A table's row or a helper's call makes one each. */
export type Expectation = {
  line: number
  /** As the file has it, for people. */
  text: string
  /** What is looked at. */
  subject: string
  /** How: `toBe`, `equal`, `==`, `raises`. */
  matcher: string
  /** What it shall be. */
  expected: string
  negated: boolean
  /** What has to be so for it to count at all: conditions, swallowed errors, an earlier `return`. */
  guards: readonly string[]
}

/** What turns a test off or makes it ask for less as a whole. */
export type Mark = { kind: string; line: number; text: string }

export type TestCase = {
  /** Suites and the test, joined by ` > `. */
  name: string
  line: number
  marks: Mark[]
  expectations: Expectation[]
  /** The words of its body, for likeness. */
  body: string
  timeoutMs?: number
}

/** A test file: its tests, what stands outside of them, and what is said for the whole file. */
export type TestFile = {
  path: string
  /** All of it. */
  text: string
  language: Language
  cases: TestCase[]
  outside: Expectation[]
  marks: Mark[]
  /** Imported names, and where from. */
  imports: ReadonlyMap<string, string>
  /** Modules that it replaces by stand-ins. */
  mocks: string[]
  /** How long each of its tests may take, where it says so for all of them. */
  timeoutMs?: number
}

/** A file that makes more than this of its tables is compared by its lines. */
export const MAX_EXPECTATIONS = 5_000
