import { randomUUID } from "node:crypto"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Repo } from "../../core/ports.ts"
import { git } from "../../lib/git.ts"

/** New texts by path. A path that the tree does not hold comes as an ordinary file. */
export type Texts = ReadonlyMap<string, string>

/** A tree with other texts in some files, in the object store of `repo`: no folder is checked out, and no ref moves. */
export async function editTree(repo: Repo, treeish: string, texts: Texts, signal: AbortSignal): Promise<string> {
  const folder = join(repo.gitDir, `edit-${randomUUID()}`)
  await mkdir(folder, { mode: 0o700 })
  try {
    const options = { cwd: repo.gitDir, env: { GIT_DIR: repo.gitDir, GIT_INDEX_FILE: join(folder, "index") }, signal }
    const paths = [...texts.keys()]
    const files = paths.map((_, index) => join(folder, String(index)))
    for (const [index, path] of paths.entries()) await writeFile(files[index] ?? "", texts.get(path) ?? "")
    await git(["read-tree", treeish], options)
    const hashed = await git(["hash-object", "-w", "--no-filters", "--stdin-paths"], {
      ...options,
      stdin: files.map((file) => `${file}\n`).join(""),
    })
    const listed = await git(["ls-files", "--stage", "-z"], options)
    const modes = new Map(
      listed.split("\0").flatMap((entry): [string, string][] => {
        const [facts = "", path = ""] = entry.split("\t", 2)
        return path === "" ? [] : [[path, facts.slice(0, 6)]]
      }),
    )
    const ids = hashed.split("\n")
    const rows = paths.map((path, index) => `${modes.get(path) ?? "100644"} ${ids[index]}\t${path}\0`)
    await git(["update-index", "-z", "--index-info"], { ...options, stdin: rows.join("") })
    return (await git(["write-tree"], options)).trim()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The regular files of a commit, with their sizes. */
export async function filesIn(
  repo: Repo,
  commit: string,
  signal: AbortSignal,
): Promise<{ path: string; bytes: number }[]> {
  const listed = await git(["ls-tree", "-r", "-l", "-z", commit], { cwd: repo.gitDir, signal })
  return listed.split("\0").flatMap((entry) => {
    const match = /^100(?:644|755) blob [\da-f]+ +(\d+)\t([\s\S]+)$/.exec(entry)
    return match?.[2] === undefined ? [] : [{ path: match[2], bytes: Number(match[1]) }]
  })
}
