import { associations } from "../core/trust.ts"
import { listed } from "./guardrails.ts"
import { Misread, reading } from "./misread.ts"
import { nearest } from "./nearest.ts"
import type { RawConfig } from "./shape.ts"
import type { SourceFile } from "./source-file.ts"

/** `trust: { authors: […] }` of `.flyball/config.yaml`; undefined where it says nothing. */
export function readTrust(source: SourceFile, raw: RawConfig["trust"]): string[] | undefined {
  if (raw?.authors === undefined) return undefined
  const path = ["trust", "authors"]
  const read = listed(raw.authors, path).map((item) => reading(source, item.path, "BAD_AUTHOR", item.text, readAuthor))
  return [...new Set(read.filter((entry) => entry !== undefined))]
}

function readAuthor(text: string): string {
  const entry = text.trim()
  if (NAME.test(entry) || ADDRESS.test(entry)) return entry
  const word = entry.toUpperCase().replace(/[ -]/g, "_")
  const known = associations.find((each) => each === word)
  if (known !== undefined) return known
  const close = nearest(word, associations)
  throw new Misread(`\`${entry.slice(0, 60)}\` is neither an association, a name, nor an address.`, {
    hint: `Names begin with an @ (\`"@${entry.replace(/[^\w-]+/g, "").slice(0, 39) || "alice"}"\`); associations are ${associations.join(", ")}.`,
    suggestion: close,
  })
}

const NAME = /^@[\w.-]{1,100}(?:\[bot\])?$/
const ADDRESS = /^[^\s@]+@[^\s@]+$/
