import { posix } from "node:path"
import { readFileAt, readSizes } from "../diff.ts"
import { isLockFile } from "../paths.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { findSecrets } from "./secrets.ts"

const MAX_FILE_BYTES = 1024 * 1024

type Objection = { id: string; text: string }

/** A change a person can review: of a size, without binaries, links out of the tree, submodules, or secrets. */
export const diffReasonable: ChangeCheck = async (facts) => {
  const { entries, guardrails } = facts
  // What a package manager writes is nobody's reading; the rest of the gate still sees it.
  const counted = entries.filter((entry) => !isLockFile(entry.path))
  const lines = counted.reduce((sum, entry) => sum + entry.added + entry.deleted, 0)
  const objections = [
    ...tooLarge(counted.length, lines, guardrails.maxDiff),
    ...entries.flatMap(kindObjections),
    ...(await linkObjections(facts)),
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
  } else if (entry.binary && status !== "deleted") {
    objections.push({ id: `binary ${path}`, text: `${path} is a binary file, which nobody can review` })
  }
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

async function linkObjections({ repo, tree, entries, signal }: ChangeFacts): Promise<Objection[]> {
  const objections: Objection[] = []
  for (const { path } of entries.filter((entry) => entry.newMode === "120000")) {
    const target = (await readFileAt(repo, tree, path, signal)) ?? ""
    const lands = posix.normalize(posix.join(posix.dirname(path), target))
    const leaves = target.startsWith("/") || /^[a-z]:|\\/i.test(target) || lands === ".." || lands.startsWith("../")
    if (leaves)
      objections.push({ id: `symlink out ${path}`, text: `${path} is a symbolic link that leaves the repository` })
    else if (/(^|\/)\.git(\/|$)/i.test(lands))
      objections.push({ id: `symlink git ${path}`, text: `${path} is a symbolic link into .git` })
  }
  return objections
}

async function sizeObjections({ repo, entries, signal }: ChangeFacts): Promise<Objection[]> {
  const files = entries.filter((entry) => entry.status !== "deleted" && !isLockFile(entry.path))
  const sizes = await readSizes(
    repo,
    files.map((entry) => entry.newId),
    signal,
  )
  return files.flatMap(({ path, newId }) => {
    const bytes = sizes.get(newId) ?? 0
    return bytes > MAX_FILE_BYTES
      ? [
          {
            id: `huge ${path}`,
            text: `${path} is ${Math.round(bytes / 1024)} KiB; the limit is ${MAX_FILE_BYTES / 1024}`,
          },
        ]
      : []
  })
}
