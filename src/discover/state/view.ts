import type { Finding, Severity } from "../../core/finding.ts"

/** The sections of a state file, in their order. */
export const sections = ["open", "in_progress", "awaiting_review", "needs_a_person", "blocked", "done"] as const
export type Section = (typeof sections)[number]

/** How a section is headed. */
export const headings: Readonly<Record<Section, string>> = {
  open: "Open",
  in_progress: "In progress",
  awaiting_review: "Awaiting review",
  needs_a_person: "Needs a person",
  blocked: "Blocked",
  done: "Done (recent)",
}

/** One finding as the state file shows it. All texts but `fingerprint` are outside text: they are made inert when rendered. */
export type StateRow = {
  fingerprint: string
  section: Section
  title: string
  severity: Severity
  source: string
  module?: string | undefined
  /** As its source or the triager guesses. */
  size?: Finding["size"]
  confidence?: number | undefined
  /** The commit on which it was seen, or that came of it. */
  commit?: string | undefined
  /** Where a person looks next: a branch, a proposal, a URL. */
  where?: string | undefined
  suggested?: string | undefined
  /** One line an attempt: what was tried. */
  tried?: readonly string[] | undefined
  /** Checks that passed on the last head. */
  passed?: readonly string[] | undefined
  /** Why it is blocked, escalated, left to a person, or done. */
  why?: string | undefined
  /** What people said and Flyball read: "ticked, read 2026-11-21". */
  read?: readonly string[] | undefined
}

/** What the ledger says the file should show. Rows of a section come in their order; those of `done` newest first. */
export type StateView = {
  loop: string
  /** The day of the write, ISO 8601; shown beside what was read. */
  at: string
  rows: readonly StateRow[]
}

/**
 * What a person did to the file. `key` tells edits of one reading apart, and is the same when the same text is read
 * again; taking an edit twice must do no more than taking it once. Texts are a person's: inert, size-limited.
 */
export type StateEdit = { key: string } & (
  | { is: "ticked"; fingerprint: string }
  | { is: "unticked"; fingerprint: string }
  | { is: "moved"; fingerprint: string; to: Section }
  | { is: "noted"; fingerprint: string; text: string; lines: readonly string[] }
  | { is: "added"; fingerprint: string; section: Section; text: string; detail: string; lines: readonly string[] }
)

/** What was read of a state file: given back to the write, so that it knows which edits have been taken. */
export type ReadBack = {
  edits: readonly StateEdit[]
  /** SHA-256 of what was read; undefined: there was no file. */
  hash: string | undefined
}
