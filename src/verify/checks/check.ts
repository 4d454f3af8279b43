import type { Finding } from "../../core/finding.ts"
import type { Judgement } from "../../core/judge-measured.ts"
import type { Guardrails } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import type { ChangedLines, Entry } from "../diff.ts"
import type { GateFile } from "../gate-scripts/named.ts"

/** What the built-in checks look at: the difference between the base and the head merged onto it. */
export type ChangeFacts = {
  repo: Repo
  /** The base's commit, and the tree that would land. */
  base: string
  tree: string
  entries: readonly Entry[]
  lines: ChangedLines
  finding: Finding | undefined
  guardrails: Guardrails
  /** The folder that the loop works in, and outside of which nothing may change; unset: the whole repository. */
  within?: string
  /** Test files that the base has, beyond those that conventions know; from the base's own report. */
  isTest: (path: string) => boolean
  /** Source that holds tests as well (doc tests, `#[cfg(test)]`), by the base's own report: it is a test, and source too. */
  isMixed?: (path: string) => boolean
  /** Harness files that differ: what the overlay put back from the base. */
  harnessChanged: readonly string[]
  /** What the checks' commands run, are set up by, or compare with; as the base has it. */
  gateFiles: readonly GateFile[]
  signal: AbortSignal
}

/** A check without a command: it judges the change by reading it. */
export type ChangeCheck = (facts: ChangeFacts) => Promise<Judgement> | Judgement

/** A pass, with what was looked at. */
export function passes(summary: string, ran: number, caveats: string[] = []): Judgement {
  return { outcome: "pass", ran, summary, failing: [], preexisting: [], caveats }
}

/** The maker's to mend. `failing` are permanent words with paths, so that repetition can be seen. */
export function fails(
  summary: string,
  feedback: string,
  failing: string[],
  ran: number,
  caveats: string[] = [],
): Judgement {
  return { outcome: "fail", blame: "maker", ran, summary, feedback, failing: failing.sort(), preexisting: [], caveats }
}

/** What only a person can say. */
export function asks(summary: string, failing: string[], ran: number): Judgement {
  return { outcome: "fail", blame: "person", ran, summary, failing: failing.sort(), preexisting: [], caveats: [] }
}

const MAX_LISTED = 30

/** A list for people, cut where nobody reads on. */
export function bullets(items: readonly string[]): string {
  const more = items.length > MAX_LISTED ? [`… and ${items.length - MAX_LISTED} more`] : []
  return [...items.slice(0, MAX_LISTED), ...more].map((item) => `- ${item}`).join("\n")
}

export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}
