import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import { tryGit } from "../lib/git.ts"

/** Read-only sight of a repository's files, by paths relative to its root: a checkout, or the tree of a commit. */
export type ReadTree = {
  /** Undefined where there is no such file. */
  read: (path: string) => Promise<string | undefined>
  /** Names of the files in a folder, sorted; none where there is no such folder. */
  list: (folder: string) => Promise<string[]>
  /** Whether there is such a folder; absent where nobody can tell. */
  isFolder?: (path: string) => Promise<boolean>
}

const LIMIT_BYTES = 1024 * 1024

/** The files of a checkout as they are now. */
export function checkoutTree(root: string): ReadTree {
  return {
    read: async (path) => {
      const file = join(root, path)
      try {
        const facts = await stat(file)
        if (!facts.isFile()) return undefined
        if (facts.size > LIMIT_BYTES)
          throw new Failure("FILE_TOO_LARGE", `${path} is larger than ${LIMIT_BYTES / 1024} KB.`)
        return await readFile(file, "utf8")
      } catch (error) {
        if (isAbsence(error)) return undefined
        throw error
      }
    },
    list: async (folder) => {
      try {
        const entries = await readdir(join(root, folder), { withFileTypes: true })
        return entries
          .filter((entry) => entry.isFile() || entry.isSymbolicLink())
          .map((entry) => entry.name)
          .sort()
      } catch (error) {
        if (isAbsence(error)) return []
        throw error
      }
    },
    isFolder: async (path) => {
      try {
        return (await stat(join(root, path))).isDirectory()
      } catch (error) {
        if (isAbsence(error)) return false
        throw error
      }
    },
  }
}

/** The files of one commit, read through git; nothing is checked out. */
export function commitTree(repository: string, commit: string): ReadTree {
  return {
    read: async (path) => {
      const ran = await tryGit(["cat-file", "blob", `${commit}:${path}`], { cwd: repository })
      return ran.exitCode === 0 ? ran.stdout : undefined
    },
    list: async (folder) => {
      const ran = await tryGit(["ls-tree", "-z", commit, `${folder}/`], { cwd: repository })
      if (ran.exitCode !== 0) return []
      const entries = ran.stdout.split("\0").filter((entry) => /^\d+ blob /.test(entry))
      return entries
        .map(
          (entry) =>
            entry
              .slice(entry.indexOf("\t") + 1)
              .split("/")
              .at(-1) ?? "",
        )
        .sort()
    },
    isFolder: async (path) => {
      const ran = await tryGit(["cat-file", "-t", `${commit}:${path}`], { cwd: repository })
      return ran.exitCode === 0 && ran.stdout.trim() === "tree"
    },
  }
}

/** The loop files of a repository, as paths. */
export async function loopFiles(tree: ReadTree): Promise<string[]> {
  const names = await tree.list(".flyball/loops")
  return names.filter((name) => /\.ya?ml$/.test(name)).map((name) => `.flyball/loops/${name}`)
}

function isAbsence(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "ENOTDIR")
  )
}
