import type { Base, Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"

const MAX_FILE_BYTES = 256 * 1024

/** What of a source a repository's base has to be read: never the checkout, which may be dirty. */
export type BaseContext = { repo: Repo; base: Base; signal: AbortSignal }

export type BaseFile = { path: string; bytes: number; blob: string }

/** The regular files directly in `folder` on the base; none when there is no such folder. */
export async function listBase({ repo, base, signal }: BaseContext, folder: string): Promise<BaseFile[]> {
  const listing = await git(["ls-tree", "-z", "-l", "--full-tree", base.sha, "--", `${folder}/`], {
    cwd: repo.root,
    signal,
  })
  return listing.split("\u0000").flatMap((row) => {
    const match = /^100(?:644|755) blob ([\da-f]+) +(\d+)\t([\s\S]+)$/.exec(row)
    return match?.[1] === undefined || match[3] === undefined
      ? []
      : [{ blob: match[1], bytes: Number(match[2]), path: match[3] }]
  })
}

/** One file of the base by its path; undefined when the base does not hold it as a regular file. */
export async function findBase(context: BaseContext, path: string): Promise<BaseFile | undefined> {
  const { repo, base, signal } = context
  const listing = await git(["ls-tree", "-z", "-l", "--full-tree", base.sha, "--", path], { cwd: repo.root, signal })
  const match = /^100(?:644|755) blob ([\da-f]+) +(\d+)\t([\s\S]+?)\u0000$/.exec(listing)
  return match?.[1] === undefined || match[3] === undefined
    ? undefined
    : { blob: match[1], bytes: Number(match[2]), path: match[3] }
}

const MAX_WHOLE_BYTES = 32 * 1024 * 1024

/** The text of a file that is read by a program, not by people: lock files are long. Undefined where it is too long even so. */
export async function readBaseWhole({ repo, signal }: BaseContext, file: BaseFile): Promise<string | undefined> {
  if (file.bytes > MAX_WHOLE_BYTES) return undefined
  return await git(["cat-file", "blob", file.blob], { cwd: repo.root, signal })
}

/** The text of a file of the base, or why it can't be had. */
export async function readBase(
  { repo, signal }: BaseContext,
  file: BaseFile,
): Promise<{ text: string } | { why: string }> {
  if (file.bytes > MAX_FILE_BYTES) return { why: `larger than ${MAX_FILE_BYTES / 1024} KiB` }
  const text = await git(["cat-file", "blob", file.blob], { cwd: repo.root, signal })
  return text.includes("\u0000") ? { why: "not a text file" } : { text }
}
