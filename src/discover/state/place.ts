import { type FileHandle, lstat, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises"
import { basename, dirname, join, normalize, sep } from "node:path"
import { Failure } from "../../core/failure.ts"

/** People write and read this file; parsing takes a second or so for each 100 KiB on a busy machine. */
const MOST_BYTES = 256 * 1024

/** A state file: the checkout's absolute path, the file's path in it, and a folder outside for what Flyball keeps. */
export type StatePlace = { root: string; path: string; lockDir: string }

/** What stands at the place. `text` has no BOM; `bytes` is what the file holds. */
export type OnDisk =
  | { is: "missing" }
  | { is: "file"; bytes: Buffer; text: string; bom: boolean; mode: number; owner: Owner }
type Owner = { uid: number; gid: number }

/** Reads the state file as it is, or says why it must be left alone. */
export async function readPlace(place: StatePlace): Promise<OnDisk> {
  const file = await safePath(place)
  const there = await statOf(file)
  if (there === undefined) return { is: "missing" }
  if (!there.isFile())
    throw refuse(
      place,
      there.isSymbolicLink() ? "is a symbolic link" : "is no regular file",
      "Remove it, or name another file in `write_to`.",
    )
  const bytes = await readWhole(file, place)
  return {
    is: "file",
    bytes,
    ...decode(bytes, place),
    mode: there.mode & 0o777,
    owner: { uid: there.uid, gid: there.gid },
  }
}

/** Puts the file in its place in one step: after a crash it is the old one or the new one. Mode and owner stay. */
export async function replacePlace(place: StatePlace, text: string, before: OnDisk): Promise<void> {
  const file = await safePath(place)
  await mkdir(dirname(file), { recursive: true })
  // Again: what was missing before may be a link by now.
  await safePath(place)
  const temporary = join(
    dirname(file),
    `.${basename(file)}.${process.pid}.${performance.now().toString(36).replace(".", "")}.tmp`,
  )
  try {
    const handle = await open(temporary, "wx", before.is === "file" ? before.mode : 0o644)
    try {
      await handle.writeFile(text)
      if (before.is === "file") await handle.chmod(before.mode)
      // As root in somebody's checkout, the file must stay theirs.
      if (process.getuid?.() === 0) {
        const { uid, gid } = before.is === "file" ? before.owner : await stat(place.root)
        await handle.chown(uid, gid)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw new Failure(
      "STATE_FILE_UNWRITABLE",
      `${place.path} could not be written: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: "Look at the permissions of its folder, and at the space left on the disk.",
        retry: "person",
        cause: error,
      },
    )
  }
  await syncFolder(dirname(file))
}

/** The file's absolute path, when no part of it leads out of the repository. */
async function safePath(place: StatePlace): Promise<string> {
  const parts = normalize(place.path)
    .split(sep)
    .filter((part) => part !== "" && part !== ".")
  if (place.path.startsWith("/") || parts.length === 0 || parts.includes("..") || parts[0] === ".git") {
    throw refuse(place, "lies outside the repository", "Name a file under `.flyball/` in `write_to`.")
  }
  const root = await realpath(place.root)
  let folder = root
  for (const part of parts.slice(0, -1)) {
    folder = join(folder, part)
    const there = await statOf(folder)
    if (there === undefined) break
    if (there.isSymbolicLink())
      throw refuse(place, `has a symbolic link on its way (${part})`, "Name a file in a real folder in `write_to`.")
    if (!there.isDirectory()) throw refuse(place, `has a file on its way (${part})`, "Name another file in `write_to`.")
  }
  return join(root, ...parts)
}

async function statOf(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function readWhole(file: string, place: StatePlace): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, "r")
    const { size } = await handle.stat()
    if (size > MOST_BYTES)
      throw refuse(
        place,
        `is larger than ${MOST_BYTES / 1024} KiB`,
        "Move what people wrote to another file, or name a fresh one in `write_to`.",
      )
    return await handle.readFile()
  } finally {
    await handle?.close()
  }
}

function decode(bytes: Buffer, place: StatePlace): { text: string; bom: boolean } {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw refuse(place, "is not UTF-8", "Save it as UTF-8.")
  }
  if (text.includes("\u0000")) throw refuse(place, "is not a text file", "Name another file in `write_to`.")
  if (/^(?:<{7}|>{7}|\|{7}) /m.test(text))
    throw refuse(place, "holds the marks of a merge conflict", "Resolve the conflict.")
  const bom = text.startsWith("\uFEFF")
  return { text: bom ? text.slice(1) : text, bom }
}

function refuse(place: StatePlace, why: string, hint: string): Failure {
  return new Failure("STATE_FILE_REFUSED", `The state file ${place.path} ${why}, so it was left as it is.`, {
    hint,
    retry: "person",
  })
}

async function syncFolder(folder: string): Promise<void> {
  // Some file systems can't sync a folder; the rename is atomic without it.
  const handle = await open(folder, "r").catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
}
