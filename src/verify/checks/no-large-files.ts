import { type Entry, readSizes } from "../diff.ts"
import { isLockFile } from "../paths.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"

/** What stands against a change: permanent words, and a sentence. */
export type Objection = { id: string; text: string }

const MAX_FILE_BYTES = 1024 * 1024
const MAX_CHANGE_BYTES = 5 * 1024 * 1024

/** No file too large to be read by a person, and none that can't be read at all. */
export const noLargeFiles: ChangeCheck = async (facts) => {
  const objections = [...facts.entries.flatMap(binaryObjections), ...(await sizeObjections(facts))]
  if (objections.length === 0) return passes("no large file, no binary", facts.entries.length)
  const [first] = objections
  return fails(
    `${first?.text}${objections.length > 1 ? ` (and ${objections.length - 1} more)` : ""}`,
    `Leave these out: a repository keeps them for good, and nobody can review them:\n${bullets(objections.map(({ text }) => text))}`,
    objections.map(({ id }) => id),
    facts.entries.length,
  )
}

/** A file that is no text. */
export function binaryObjections({ path, status, binary }: Entry): Objection[] {
  if (!binary || status === "deleted") return []
  return [{ id: `binary ${path}`, text: `${path} is a binary file, which nobody can review` }]
}

/** Files over the limit, and all of them together; what a package manager writes is not counted. */
export async function sizeObjections({ repo, entries, signal }: ChangeFacts): Promise<Objection[]> {
  const files = entries.filter((entry) => entry.status !== "deleted" && !isLockFile(entry.path))
  const sizes = await readSizes(
    repo,
    files.map((entry) => entry.newId),
    signal,
  )
  const huge = files.flatMap(({ path, newId }): Objection[] => {
    const bytes = sizes.get(newId) ?? 0
    if (bytes <= MAX_FILE_BYTES) return []
    return [{ id: `huge ${path}`, text: `${path} is ${kib(bytes)} KiB; the limit is ${kib(MAX_FILE_BYTES)}` }]
  })
  const added = files.filter((entry) => entry.status === "added")
  const total = added.reduce((sum, { newId }) => sum + (sizes.get(newId) ?? 0), 0)
  if (total <= MAX_CHANGE_BYTES || huge.length > 0) return huge
  const text = `${plural(added.length, "new file")} of ${kib(total)} KiB together; the limit is ${kib(MAX_CHANGE_BYTES)}`
  return [{ id: "huge in all", text }]
}

function kib(bytes: number): number {
  return Math.round(bytes / 1024)
}
