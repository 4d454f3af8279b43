import { posix } from "node:path"
import type { CheckSpec } from "../core/loop.ts"
import { detectChecks, type ProjectFiles } from "./detect.ts"
import { foldersUpTo } from "./place.ts"

/**
 * The checks for one folder of a repository: its own, each run there, and what it has not got itself from the nearest folder
 * above that has it, run in that one. Without a folder, those of the root.
 */
export async function detectChecksIn(tree: ProjectFiles, path: string | undefined): Promise<CheckSpec[]> {
  if (path === undefined) return detectChecks(tree)
  const paths = await tree.list()
  const found: CheckSpec[] = []
  for (const folder of foldersUpTo(path)) {
    const own = await detectAt(tree, paths, folder)
    const known = found.map(({ name }) => name)
    // `tests_pass_go` is the second of its kind, which nobody asked for where the first is known already.
    found.push(...own.filter(({ name }) => !known.some((each) => name === each || name.startsWith(`${each}_`))))
  }
  return found
}

async function detectAt(tree: ProjectFiles, paths: readonly string[], folder: string): Promise<CheckSpec[]> {
  const checks = await detectChecks(folder === "" ? tree : viewOf(tree, paths, folder))
  if (folder === "") return checks
  const inherited = inheritedBy(folder, paths)
  return checks.map((check) => ({
    ...check,
    from: inherited.get(check.from) ?? posix.join(folder, check.from),
    path: folder,
  }))
}

/** The folder as if it were a repository, with what its tools look for in the folders above. */
function viewOf(tree: ProjectFiles, paths: readonly string[], folder: string): ProjectFiles {
  const inherited = inheritedBy(folder, paths)
  return {
    list: async () => [...namesBelow(folder, paths), ...inherited.keys()],
    read: (name) => tree.read(inherited.get(name) ?? posix.join(folder, name)),
  }
}

/** Files that speak for the folders below them too: what module, what package manager, what rules of Go's linter. */
const spoken = /^(go\.mod|\.golangci\.(ya?ml|toml|json))$/
const locks = /^(pnpm-lock\.yaml|yarn\.lock|bun\.lockb?)$/

/** Names that a folder has not got itself → where the nearest folder above has them. */
function inheritedBy(folder: string, paths: readonly string[]): Map<string, string> {
  const own = namesBelow(folder, paths)
  const wanted = [
    ...(own.some((name) => name.endsWith(".go")) && !own.includes("go.mod") ? [spoken] : []),
    ...(own.includes("package.json") ? [locks] : []),
  ]
  const found = new Map<string, string>()
  for (const above of wanted.length === 0 ? [] : foldersUpTo(folder).slice(1))
    for (const path of paths) {
      const [dir, name] = [posix.dirname(path), posix.basename(path)]
      if (dir !== (above === "" ? "." : above) || own.includes(name) || found.has(name)) continue
      if (wanted.some((pattern) => pattern.test(name))) found.set(name, path)
    }
  return found
}

function namesBelow(folder: string, paths: readonly string[]): string[] {
  return paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1))
}
