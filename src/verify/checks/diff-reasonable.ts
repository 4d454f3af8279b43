import { isLockFile } from "../paths.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { binaryObjections, type Objection, sizeObjections } from "./no-large-files.ts"
import { findSecrets } from "./secrets.ts"
import { linkObjections } from "./tree-shapes.ts"

/** A change a person can review: of a size, without binaries, links out of the tree, submodules, or secrets. */
export const diffReasonable: ChangeCheck = async (facts) => {
  const { entries, guardrails } = facts
  // What a package manager writes is nobody's reading; the rest of the gate still sees it.
  const counted = entries.filter((entry) => !isLockFile(entry.path))
  const lines = counted.reduce((sum, entry) => sum + entry.added + entry.deleted, 0)
  const objections = [
    ...tooLarge(counted.length, lines, guardrails.maxDiff),
    ...entries.flatMap(kindObjections),
    ...(await linkObjections(facts)).map(({ id, path, text }) => ({ id, text: `${path} is ${text}` })),
    ...(await sizeObjections(facts)),
    ...findSecrets(facts.lines).map(({ rule, path, line }) => ({
      id: `secret: ${rule} in ${path}`,
      text: `${path}:${line} has the shape of a secret (${rule}); take it out, a test needs an obviously false value`,
    })),
  ]
  const size = `${plural(counted.length, "file")}, ${plural(lines, "line")}`
  const generated = entries.length - counted.length
  const caveats = generated === 0 ? [] : [`${plural(generated, "lock file")} not counted in its size.`]
  if (entries.length === 0)
    return fails("the change is empty on the current base", "Nothing differs from the base.", ["empty change"], 0)
  if (objections.length === 0) return passes(size, entries.length, caveats)
  return fails(
    `${size}; ${objections[0]?.text}${objections.length > 1 ? ` (and ${objections.length - 1} more)` : ""}`,
    `The change is not one that a person could review and land:\n${bullets(objections.map(({ text }) => text))}`,
    [...new Set(objections.map(({ id }) => id))],
    entries.length,
    caveats,
  )
}

function tooLarge(files: number, lines: number, max: { files: number; lines: number }): Objection[] {
  const over: Objection[] = []
  if (files > max.files)
    over.push({
      id: "too many files",
      text: `it touches ${files} files, and the limit is ${max.files}: do the one thing the finding asks`,
    })
  if (lines > max.lines)
    over.push({
      id: "too many lines",
      text: `it changes ${lines} lines, and the limit is ${max.lines}: do the one thing the finding asks`,
    })
  return over
}

/** What can be told from an entry alone. */
function kindObjections(entry: ChangeFacts["entries"][number]): Objection[] {
  const { path, status, oldMode, newMode } = entry
  const objections: Objection[] = []
  if (newMode === "160000" || oldMode === "160000") {
    objections.push({
      id: `submodule ${path}`,
      text: `${path} is a submodule (a commit of another repository); it may not come, go or move`,
    })
  } else objections.push(...binaryObjections(entry))
  if (status === "modified" && oldMode !== newMode && newMode !== "160000" && oldMode !== "160000") {
    objections.push({ id: `mode ${path}`, text: `${path} changes its mode from ${oldMode} to ${newMode}` })
  }
  if (/[\u0000-\u001f\u007f\ufffd]|\p{Bidi_Control}|\p{Default_Ignorable_Code_Point}/u.test(path)) {
    objections.push({
      id: "path with invisible characters",
      text: `${JSON.stringify(path)} has a name with control or invisible characters`,
    })
  }
  return objections
}
