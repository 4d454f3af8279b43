import { createHash } from "node:crypto"
import { type Dirent, lstatSync } from "node:fs"
import { readdir, readFile, readlink } from "node:fs/promises"
import { join } from "node:path"
import { Failure } from "../../core/failure.ts"
import type { Edit, Edits } from "./corpus-shape.ts"

/** One file as git knows it; a link's content is where it points. */
export type File = { mode: "100644" | "100755" | "120000"; content: Buffer }
/** By repository-relative path. */
export type Files = ReadonlyMap<string, File>
/** What a commit changes: `null` takes a file away, an object's id takes it from there. */
export type Changes = ReadonlyMap<string, File | { mode: string; blob: string } | null>

/** A plain text file. */
export const textFile = (text: string): File => ({ mode: "100644", content: Buffer.from(text) })

const MAX_FILES = 5_000

/** Every file below a folder, links as links; folders of installed dependencies and git's own are left out. */
export async function readFolder(folder: string): Promise<Map<string, File>> {
  const found = new Map<string, File>()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => !each.isDirectory())) {
    const full = join(entry.parentPath, entry.name)
    const path = full.slice(folder.length + 1)
    if (/(^|\/)(node_modules|\.git|__pycache__)\//.test(`${path}/`)) continue
    if (found.size >= MAX_FILES) {
      throw new Failure("CORPUS_TOO_LARGE", `${folder} holds more than ${MAX_FILES} files.`)
    }
    found.set(path, await readOne(full, entry))
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function readOne(path: string, entry: Dirent): Promise<File> {
  if (entry.isSymbolicLink()) return { mode: "120000", content: Buffer.from(await readlink(path)) }
  const executable = (lstatSync(path).mode & 0o100) !== 0
  return { mode: executable ? "100755" : "100644", content: await readFile(path) }
}

/** An edit that does not fit the files it is meant for: the case says nothing. */
export class EditMisfit extends Error {
  override readonly name = "EditMisfit"
}

/** The files after the edits. Throws EditMisfit. */
export function applyEdits(files: Files, edits: Edits): Map<string, File> {
  const next = new Map(files)
  for (const [path, edit] of Object.entries(edits)) {
    const after = applyEdit(path, next.get(path), edit)
    if (after === null) next.delete(path)
    else next.set(path, after)
  }
  return next
}

/** What turns the one set of files into the other. */
export function changesBetween(before: Files, after: Files): Map<string, File | null> {
  const changes = new Map<string, File | null>()
  for (const path of before.keys()) if (!after.has(path)) changes.set(path, null)
  for (const [path, file] of after) {
    const old = before.get(path)
    if (old === undefined || old.mode !== file.mode || !old.content.equals(file.content)) changes.set(path, file)
  }
  return changes
}

function applyEdit(path: string, before: File | undefined, edit: Edit): File | null {
  const mode = before?.mode === "100755" ? "100755" : "100644"
  const file = (content: string | Buffer): File => ({ mode, content: Buffer.from(content) })
  if (typeof edit === "string") return file(edit)
  if ("append" in edit) return file(`${before?.content.toString() ?? ""}${edit.append}`)
  if ("symlink" in edit) return { mode: "120000", content: Buffer.from(edit.symlink) }
  if ("base64" in edit) return file(Buffer.from(edit.base64, "base64"))
  if ("executable" in edit) return { mode: "100755", content: Buffer.from(edit.executable) }
  if ("lines" in edit) return file(Array.from({ length: edit.lines }, (_, n) => `line ${n + 1}\n`).join(""))
  if ("bytes" in edit) return file(noise(edit.bytes, path))
  if (before === undefined) throw new EditMisfit(`${path} is not there to be edited`)
  if ("delete" in edit) return null
  let text = before.content.toString()
  for (const { find, with: put } of edit.replace) {
    if (!text.includes(find)) throw new EditMisfit(`${path} does not hold ${JSON.stringify(find.slice(0, 80))}`)
    text = text.replace(find, () => put)
  }
  return file(text)
}

/** Bytes without a pattern, the same every time. */
function noise(length: number, seed: string): Buffer {
  const blocks: Buffer[] = []
  for (let n = 0; n * 32 < length; n++) blocks.push(createHash("sha256").update(`${seed} ${n}`).digest())
  return Buffer.concat(blocks).subarray(0, length)
}
