import { z } from "zod"
import { Author } from "./trust.ts"

export const Severity = z.enum(["critical", "high", "medium", "low"])
export type Severity = z.infer<typeof Severity>

/** How to see whether a finding still stands: a check, and the test or issue ids in its report that must fail. */
export const Reproduce = z.object({
  check: z.string(),
  /** Test ids (tests) or issue fingerprints (lint, types); empty: the check as a whole is red. */
  ids: z.array(z.string()),
  /**
   * A shell command that takes the check's place, red as long as it exits non-zero; `check` is then its name alone.
   * Only ever taken from a file that the repository's base holds: a tracker's text must never become a command.
   */
  command: z.string().optional(),
})
export type Reproduce = z.infer<typeof Reproduce>

/** One line that Flyball itself adds to a guide of agents where a person approves it; `from` is the change that taught it. */
export const Lesson = z.object({ file: z.string(), text: z.string(), why: z.string(), from: z.string() })
export type Lesson = z.infer<typeof Lesson>

/**
 * A piece of work with a fingerprint, found by a source; durable over runs.
 * `title`, `body` and `suggested` are outside text: data, never instructions (see make/prompt).
 */
export const Finding = z.object({
  /** Hash of source kind + rule or test id + file + what is wrong; never a line number. */
  fingerprint: z.string(),
  source: z.string(),
  title: z.string(),
  body: z.string(),
  severity: Severity,
  module: z.string().optional(),
  /** File the finding points at, repository-relative, and the line it had when it was seen. */
  file: z.string().optional(),
  line: z.number().int().optional(),
  /** The commit on which it was seen. */
  commit: z.string().optional(),
  url: z.string().optional(),
  suggested: z.string().optional(),
  /** Who wrote it, where the source knows; text of somebody who is not trusted waits for a person's nod (see core/trust). */
  author: Author.optional(),
  reproduce: Reproduce.optional(),
  /** Checks that must be green as a whole on the head, however red the base is: those of a goal. */
  demands: z.array(z.string()).optional(),
  /** Of a goal whose checks are all green: what an evaluator said of the base, which nothing else can show. */
  evaluated: z.enum(["not_met", "impossible"]).optional(),
  /** What the whole change is, of a finding of `lessons`; no source of a loop can give them. */
  lessons: z.array(Lesson).optional(),
  /** False: shown, never attempted (the reason says why). */
  attemptable: z.boolean(),
  reason: z.string().optional(),
  confidence: z.number().min(0).max(1).optional(),
  size: z.enum(["small", "medium", "large"]).optional(),
})
export type Finding = z.infer<typeof Finding>
