import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { type GitOptions, tryGit } from "../lib/git.ts"
import { readLoose } from "../lib/loose.ts"
import type { Ran } from "../lib/process.ts"

/** One path that differs between two trees. Renames are a deletion and an addition; modes are git's, `000000` for none. */
export type Entry = {
  path: string
  status: "added" | "deleted" | "modified"
  oldMode: string
  newMode: string
  oldId: string
  newId: string
  /** Lines; both 0 for a binary file. */
  added: number
  deleted: number
  binary: boolean
}

/** Lines that a change takes away and adds, per path, in order. */
export type ChangedLines = ReadonlyMap<string, { added: Line[]; deleted: Line[] }>
export type Line = { n: number; text: string }

const MAX_ENTRIES = 20_000
const MAX_PATCH_BYTES = 64 * 1024 * 1024

/** Attributes, text conversion and external diff programs are left out: a tree must not hide its own changes. */
const plain = ["-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"]

/** What differs from one tree to another, read by object id in the repository's object store, in one process. */
export async function readDiff(
  repo: Repo,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<{ entries: Entry[]; lines: ChangedLines }> {
  const text = await read(
    repo,
    ["diff-tree", "--raw", "--numstat", "-p", "-z", "--no-abbrev", "-U0", ...plain, from, to],
    signal,
  )
  const end = text.indexOf("\0\0")
  const fields = (end === -1 ? text : text.slice(0, end)).split("\0")
  const entries = readEntries(fields)
  const binary = entries.some((entry) => entry.binary)
  // A NUL byte must not hide what a file says: binaries are read once more, as text.
  const patch = binary
    ? await read(repo, ["diff-tree", "-p", "--text", "-U0", ...plain, from, to], signal)
    : text.slice(end + 2)
  return { entries, lines: parsePatch(patch) }
}

/** Raw records (two fields each) come first, and then numstat's (one field each). */
function readEntries(fields: readonly string[]): Entry[] {
  const entries: Entry[] = []
  let at = 0
  for (; fields[at]?.startsWith(":") && entries.length <= MAX_ENTRIES; at += 2) {
    const [oldMode = "", newMode = "", oldId = "", newId = "", letter = ""] = (fields[at] ?? "").slice(1).split(" ")
    const status = letter === "A" ? "added" : letter === "D" ? "deleted" : "modified"
    entries.push({
      path: fields[at + 1] ?? "",
      status,
      oldMode,
      newMode,
      oldId,
      newId,
      added: 0,
      deleted: 0,
      binary: false,
    })
  }
  if (entries.length > MAX_ENTRIES) throw tooLarge(`more than ${MAX_ENTRIES} paths differ`)
  const counts = new Map(
    fields
      .slice(at)
      .map((record) => [record.slice(record.indexOf("\t", record.indexOf("\t") + 1) + 1), record.split("\t", 2)]),
  )
  return entries.map((entry) => {
    const [added = "0", deleted = "0"] = counts.get(entry.path) ?? []
    return added === "-" ? { ...entry, binary: true } : { ...entry, added: Number(added), deleted: Number(deleted) }
  })
}

/** The patch as people and reviewers read it; whoever shows it cuts it to their size. */
export async function readPatch(repo: Repo, from: string, to: string, signal: AbortSignal): Promise<string> {
  return (await diffTree(repo, ["diff-tree", "-p", "-U3", "--stat", ...plain, from, to], signal)).stdout
}

/** A blob's text; undefined where the tree has no such file. */
export async function readFileAt(
  repo: Repo,
  tree: string,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ran = await tryGit(["cat-file", "blob", `${tree}:${path}`], at(repo, signal))
  return ran.exitCode === 0 && ran.droppedBytes === 0 ? ran.stdout : undefined
}

/** Sizes in bytes of blobs, by id; what is no blob here (a submodule's commit) is left out. */
export async function readSizes(repo: Repo, ids: readonly string[], signal: AbortSignal): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  const rest = ids.filter((id) => {
    const loose = readLoose(repo.gitDir, id)
    if (loose?.type === "blob") sizes.set(id, loose.content.length)
    return loose === undefined
  })
  if (rest.length === 0) return sizes
  const options = { ...at(repo, signal), stdin: `${rest.join("\n")}\n` }
  const ran = await tryGit(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], options)
  for (const line of ran.stdout.split("\n")) {
    const [id = "", type, size] = line.split(" ")
    if (type === "blob") sizes.set(id, Number(size))
  }
  return sizes
}

/** Reads a `-U0` patch by its hunk headers' counts, so that no line of a file can pass for a header. */
function parsePatch(patch: string): ChangedLines {
  const files = new Map<string, { added: Line[]; deleted: Line[] }>()
  let oldPath = ""
  let path = ""
  let hunk = { deleted: 0, added: 0, oldLine: 0, newLine: 0 }
  for (const line of patch.split("\n")) {
    if (hunk.deleted > 0 && line.startsWith("-")) {
      fileOf(files, path).deleted.push({ n: hunk.oldLine, text: line.slice(1) })
      hunk = { ...hunk, deleted: hunk.deleted - 1, oldLine: hunk.oldLine + 1 }
    } else if (hunk.added > 0 && line.startsWith("+")) {
      fileOf(files, path).added.push({ n: hunk.newLine, text: line.slice(1) })
      hunk = { ...hunk, added: hunk.added - 1, newLine: hunk.newLine + 1 }
    } else if (line.startsWith("--- ")) {
      oldPath = headerPath(line)
    } else if (line.startsWith("+++ ")) {
      const name = headerPath(line)
      path = name === "/dev/null" ? oldPath : name
    } else {
      const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line)
      if (header === null) continue
      const [, oldLine, deleted = "1", newLine, added = "1"] = header
      hunk = { deleted: Number(deleted), added: Number(added), oldLine: Number(oldLine), newLine: Number(newLine) }
    }
  }
  return files
}

function fileOf(files: Map<string, { added: Line[]; deleted: Line[] }>, path: string) {
  const known = files.get(path)
  if (known !== undefined) return known
  const fresh = { added: [], deleted: [] }
  files.set(path, fresh)
  return fresh
}

/** `+++ b/path`, perhaps quoted as C does; git ends a path with spaces by a tab. */
function headerPath(line: string): string {
  const name = line.slice(4).replace(/\t$/, "")
  const bare = name.startsWith('"') ? unquote(name) : name
  return bare === "/dev/null" ? bare : bare.replace(/^[ab]\//, "")
}

const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 }

function unquote(quoted: string): string {
  const bytes: number[] = []
  const body = Buffer.from(quoted.slice(1, -1), "utf8").toString("latin1")
  for (let i = 0; i < body.length; i++) {
    const char = body.charAt(i)
    if (char !== "\\") {
      bytes.push(char.charCodeAt(0))
      continue
    }
    const octal = /^[0-7]{3}/.exec(body.slice(i + 1))?.[0]
    bytes.push(octal === undefined ? (escapes[body.charAt(i + 1)] ?? 63) : Number.parseInt(octal, 8))
    i += octal === undefined ? 1 : 3
  }
  return Buffer.from(bytes).toString("utf8")
}

async function read(repo: Repo, args: readonly string[], signal: AbortSignal): Promise<string> {
  const ran = await diffTree(repo, args, signal)
  if (ran.droppedBytes > 0 || ran.stdout.length > MAX_PATCH_BYTES)
    throw tooLarge(`its patch is over ${MAX_PATCH_BYTES} bytes`)
  return ran.stdout
}

async function diffTree(repo: Repo, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  const ran = await tryGit(
    ["-c", "core.quotePath=false", "-c", "core.attributesFile=/dev/null", ...args],
    at(repo, signal),
  )
  if (ran.exitCode !== 0) {
    throw new Failure(
      "DIFF_UNREADABLE",
      `The change could not be read: git ${args[0]}: ${ran.stderr.trim() || ran.ended}.`,
      {
        hint: "Run `git fsck` in the repository.",
        retry: ran.ended === "exit" ? "never" : "later",
      },
    )
  }
  return ran
}

function tooLarge(why: string): Failure {
  return new Failure("DIFF_TOO_LARGE", `The change is too large to be judged: ${why}.`, {
    hint: "Keep generated and vendored files out of the change.",
    retry: "never",
  })
}

/** In the git directory itself and without an index, so that no attributes of a checkout or an index are read. */
function at(repo: Repo, signal: AbortSignal): GitOptions {
  return {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir, GIT_INDEX_FILE: `${repo.gitDir}/flyball-has-no-index` },
    signal,
  }
}
