import { posix } from "node:path"
import { Misread } from "./misread.ts"

/** Files of Flyball's own that a state file must not overwrite. */
const reserved = /^\.flyball\/(loops|agents|skills)(\/|$)|^\.flyball\/(config|checks)\.ya?ml$/

/**
 * Where a `write_to` points, from the root of the repository: under `.flyball/`, or from the root with a leading `./`.
 * Never outside the repository, nor into `.git`.
 */
export function readStatePath(text: string): string {
  const written = text.trim()
  if (written === "") throw new Misread("A path was expected here.", { hint: "write_to: state/triage.md" })
  if (/[\\\u0000-\u001f]/.test(written))
    throw new Misread("Paths are written with `/`.", {
      suggestion: written.replaceAll("\\", "/"),
      hint: `Write \`${written.replaceAll("\\", "/")}\`.`,
    })
  if (posix.isAbsolute(written) || /^[A-Za-z]:\//.test(written) || written.startsWith("~"))
    throw new Misread("The state file must lie in the repository.", {
      hint: "A path is under `.flyball/`, or from the root with a leading `./`.",
    })
  if (/^\.flyball\//.test(written)) {
    const inner = written.slice(".flyball/".length)
    throw new Misread("A path here is under `.flyball/` already.", { hint: `Write \`${inner}\`.`, suggestion: inner })
  }
  const path = posix.normalize(written.startsWith("./") ? written : posix.join(".flyball", written))
  if (path === ".." || path.startsWith("../") || (!written.startsWith("./") && !path.startsWith(".flyball/")))
    throw new Misread("The path leads out of its folder.", {
      hint: "A path is under `.flyball/`, or from the root with a leading `./`.",
    })
  if (/(^|\/)\.git(\/|$)/i.test(path)) throw new Misread("Nothing is ever written into `.git`.")
  if (reserved.test(path))
    throw new Misread(`\`${path}\` holds definitions, which nothing may overwrite.`, {
      hint: "write_to: state/triage.md",
    })
  if (!/\.(md|markdown)$/i.test(path))
    throw new Misread("The state file is Markdown.", {
      hint: `Write \`${written.replace(/\/$/, "")}.md\`.`,
      suggestion: `${written.replace(/\/$/, "")}.md`,
    })
  return path
}

/** Writes a path so that `readStatePath` reads the same again. */
export function writeStatePath(path: string): string {
  return path.startsWith(".flyball/") ? path.slice(".flyball/".length) : `./${path}`
}
