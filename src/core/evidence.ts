import { z } from "zod"

/** One test as its runner reported it. `id` is stable over runs: `file > suite > name`. */
export const TestResult = z.object({
  id: z.string(),
  file: z.string().optional(),
  name: z.string(),
  status: z.enum(["passed", "failed", "skipped", "todo"]),
  message: z.string().optional(),
  /**
   * How a red test failed: by its own `assertion`, by something `thrown` in the source that it tests, or by an `error` that
   * says nothing of it: an import, a missing export, a time-out, a port that is taken, a crash. Unset: it can't be told.
   */
  failure: z.enum(["assertion", "thrown", "error"]).optional(),
  ms: z.number().optional(),
})
export type TestResult = z.infer<typeof TestResult>

/** One lint or type problem. `fingerprint` holds rule + file + message, never the line. */
export const Issue = z.object({
  fingerprint: z.string(),
  rule: z.string(),
  file: z.string(),
  line: z.number().int().optional(),
  message: z.string(),
  severity: z.enum(["error", "warning"]),
})
export type Issue = z.infer<typeof Issue>

/** What was measured of one thing (a benchmark, a metric), once or several times in one run. */
export const NumberSeries = z.object({
  /** Stable over runs: `file > suite > name`. */
  id: z.string(),
  unit: z.string().optional(),
  better: z.enum(["lower", "higher"]),
  samples: z.array(z.number()).min(1),
})
export type NumberSeries = z.infer<typeof NumberSeries>

/** What a check's machine-readable output said. `exit` only for checks whose format nothing reads. */
export const Report = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tests"), tests: z.array(TestResult) }),
  z.object({ kind: z.literal("issues"), issues: z.array(Issue) }),
  z.object({ kind: z.literal("numbers"), numbers: z.array(NumberSeries) }),
  z.object({ kind: z.literal("exit"), exitCode: z.number() }),
])
export type Report = z.infer<typeof Report>

/**
 * One check run on one tree, judged against nothing yet. `error` means it could not be read, did not finish,
 * ran nothing, timed out, or its tool is missing; `why` says which and `code` is one of the listed words.
 */
export const Measurement = z.object({
  check: z.string(),
  tree: z.string(),
  command: z.string(),
  result: z.discriminatedUnion("is", [
    z.object({ is: z.literal("report"), report: Report }),
    z.object({
      is: z.literal("error"),
      code: z.enum([
        "unreadable",
        "unfinished",
        "ran_nothing",
        "timeout",
        "over_limit",
        "missing_tool",
        "missing_check",
        "crashed",
        "stopped",
      ]),
      why: z.string(),
    }),
  ]),
  exitCode: z.number().nullable(),
  ms: z.number(),
  /** Path of the stored output, size-limited. */
  artifact: z.string().optional(),
  sandboxed: z.boolean(),
  /** "base", or "frozen" when the base does not hold the check's definition yet. */
  definition: z.enum(["base", "frozen", "builtin"]),
  cached: z.boolean(),
  /** Of one that was remembered, and whose `ms` is 0 therefore: what it took when it was run. */
  tookMs: z.number().optional(),
  /** Where only certain tests were asked for: whether they ran alone, or the runner could not pick them and all ran. */
  alone: z.boolean().optional(),
  /** Files of the tree that were written to while it was measured; unset where none was. */
  touched: z.array(z.string()).optional(),
})
export type Measurement = z.infer<typeof Measurement>

/** What one check said of one exact commit. */
export const Evidence = z.object({
  check: z.string(),
  /** The commit it speaks of. */
  head: z.string(),
  /** The tree that was really run: head merged onto `base`. */
  tree: z.string(),
  base: z.string(),
  outcome: z.enum(["pass", "fail", "error", "skipped"]),
  /** Who has to act when it is not a pass: the maker, a person, or nobody until the infrastructure is mended. */
  blame: z.enum(["maker", "infrastructure", "person"]).optional(),
  /**
   * What kind of failure it is: the change's own, a test that is red and green on one tree, the machine's or its tools', or
   * one that the base has too. Only `code` wakes a maker. Unset: nothing failed, or the check knows no classes.
   */
  class: z.enum(["code", "flaky", "infrastructure", "pre-existing"]).optional(),
  /** How many tests or rules really ran. */
  ran: z.number().int(),
  summary: z.string(),
  /** For the maker's next attempt: what failed, in words and ids, size-limited. */
  feedback: z.string().optional(),
  /** The ids that are red on this head and were not on the base; sorted. The no-progress guard compares them. */
  failing: z.array(z.string()),
  /** Red on base and head alike: reported, blocks nothing. */
  preexisting: z.array(z.string()),
  /** Seen red and green on one and the same tree: the ids, and in `caveats` what was seen. */
  flaky: z.array(z.string()).optional(),
  command: z.string().optional(),
  artifact: z.string().optional(),
  /** Stored outputs of further runs: of the base, of repetitions, of broken copies. */
  artifacts: z.array(z.string()).optional(),
  ms: z.number(),
  /** When it was taken, as ISO 8601; evidence of older versions has none. */
  at: z.string().optional(),
  sandboxed: z.boolean(),
  definition: z.enum(["base", "frozen", "builtin"]),
  /** What this evidence cannot show. */
  caveats: z.array(z.string()),
})
export type Evidence = z.infer<typeof Evidence>

/** Derived from evidence, never set by an agent. */
export const Verdict = z.discriminatedUnion("is", [
  z.object({ is: z.literal("accept"), head: z.string() }),
  z.object({ is: z.literal("retry"), feedback: z.string() }),
  z.object({ is: z.literal("ask"), reason: z.string() }),
  z.object({ is: z.literal("reject"), reason: z.string() }),
])
export type Verdict = z.infer<typeof Verdict>
