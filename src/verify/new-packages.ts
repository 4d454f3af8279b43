import { posix } from "node:path"
import type { Repo } from "../core/ports.ts"
import { tryGit } from "../lib/git.ts"
import { canonicalPath } from "./paths.ts"

type Where = { repo: Repo; base: string; signal: AbortSignal }

/** Folders below the root that are new with a change, and have a manifest: packages of which the base tests nothing. */
export async function newPackages({ repo, base, signal }: Where, added: readonly string[]): Promise<string[]> {
  const folders = added
    .filter((path) => /(^|\/)(package\.json|pyproject\.toml|Cargo\.toml|go\.mod)$/.test(path))
    .map((path) => posix.dirname(path))
    .filter((folder) => folder !== "." && !/(^|\/)(node_modules|tests?|__tests__)(\/|$)/.test(folder))
  if (folders.length === 0) return []
  const given = { cwd: repo.gitDir, env: { GIT_DIR: repo.gitDir }, signal }
  const listed = await tryGit(["ls-tree", "-d", "-r", "-z", "--full-tree", "--name-only", base], given)
  const known = new Set(listed.stdout.split("\0").map(canonicalPath))
  return listed.exitCode === 0 ? folders.filter((folder) => !known.has(canonicalPath(folder))) : []
}

/** Whether a path lies in one of them. */
export function isInPackage(path: string, packages: readonly string[]): boolean {
  return packages.some((folder) => path.startsWith(`${folder}/`))
}

/** Settings without code, for the files of their own folder alone. */
export function isPlainSettings(path: string): boolean {
  return /^((tsconfig|jsconfig)([.-][\w.-]+)?\.json|pyrightconfig\.json|\.editorconfig|\.prettierrc(\.json)?|\.(prettier|eslint)ignore|\.?rustfmt\.toml)$/.test(
    posix.basename(path),
  )
}

/** Settings that a tool may run as code, or that a runner of the whole repository may find. */
export function isToolSettings(path: string): boolean {
  return /^((vitest|vite|jest|ava)\.config(\.\w+)?\.[cm]?[jt]s|jest\.config\.json|\.mocharc(\.\w+)?|eslint\.config\.\w+|\.eslintrc(\.\w+)?|\.?biome\.jsonc?|prettier\.config\.\w+|\.?ruff\.toml|\.?mypy\.ini)$/.test(
    posix.basename(path),
  )
}
