import picomatch from "picomatch"
import type { TreeFiles } from "../runner.ts"

const MAX_FILES = 20_000
const MAX_DEPTH = 12

/** Every file below a folder of the tree, installed packages and what begins with a dot left out. */
export function filesBelow(tree: TreeFiles, folder: string): string[] {
  const found: string[] = []
  const visit = (path: string, depth: number) => {
    for (const name of tree.list(path)) {
      if (name.startsWith(".") || name === "node_modules" || found.length >= MAX_FILES) continue
      const at = path === "" ? name : `${path}/${name}`
      const isFolder =
        !/\.(m?[jt]sx?|cjs|cts|json|md|t|pl|pm|bats|sh|txt|ya?ml)$/.test(name) && tree.list(at).length > 0
      if (!isFolder) found.push(at)
      else if (depth < MAX_DEPTH) visit(at, depth + 1)
    }
  }
  visit(folder, 0)
  return found.sort()
}

/** The files that words of a command mean: paths and patterns, and folders as `inFolder` has it. */
export function filesMeant(
  words: readonly string[],
  tree: TreeFiles,
  inFolder: (folder: string) => string[] = () => [],
): string[] {
  const meant = words.flatMap((word) => {
    const path = plain(word)
    if (!/[*?[\]{}!]/.test(path)) return isFile(tree, path) ? [path] : inFolder(path)
    const { base } = picomatch.scan(path)
    const is = picomatch(path)
    return filesBelow(tree, base === "." ? "" : base).filter((file) => is(file))
  })
  return [...new Set(meant)]
}

function plain(word: string): string {
  const path = word.replace(/^(\.\/)+/, "").replace(/\/$/, "")
  return path === "." ? "" : path
}

function isFile(tree: TreeFiles, path: string): boolean {
  return tree.read(path) !== undefined
}
