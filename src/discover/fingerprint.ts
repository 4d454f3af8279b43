import { createHash } from "node:crypto"
import { withoutVolatile } from "./volatile.ts"

/** What kind of thing is wrong; two sources that see the same thing name the same kind. */
export type Kind =
  | "test"
  | "lint"
  | "type"
  | "exit"
  | "issue"
  | "checklist"
  | "command"
  | "state"
  | "dependency"
  | "advisory"
  | "todo"
  | "agent"
  | "goal"
  | "skill"

/** What makes a finding this finding and no other. Never a line number. */
export type Identity = {
  kind: Kind
  /** Rule or test id; a name the source guarantees to be stable. */
  rule?: string | undefined
  file?: string | undefined
  /** What is wrong, in words; what changes from run to run is taken out. */
  wrong: string
}

const LENGTH = 16

/** The finding's fingerprint: 16 hex digits, the same as long as the same thing is wrong in the same file. */
export function fingerprint({ kind, rule = "", file = "", wrong }: Identity): string {
  const parts = [kind, rule, file.replaceAll("\\", "/").replace(/^\.\//, ""), withoutVolatile(wrong)]
  return createHash("sha256").update(parts.join("\u0000")).digest("hex").slice(0, LENGTH)
}

/** Words alone, lower case: for texts that people rewrap and re-punctuate. */
export function wordsOf(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
}
