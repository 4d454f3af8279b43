import { posix } from "node:path"
import { toolOf } from "../argv.ts"
import type { TreeFiles } from "../runner.ts"

/** Libraries whose tests print TAP when their file is run. */
const printers = "tape|tape-promise/tape|blue-tape|fresh-tape|tap|zora|brittle"
const imports = new RegExp(`(?:\\brequire\\(\\s*|\\bfrom\\s*|\\bimport\\s*\\(?\\s*)["'](?:${printers})["']`)
const locals = /(?:\brequire\(\s*|\bfrom\s*|\bimport\s*\(?\s*)["'](\.{1,2}(?:\/[^"'\n]*)?)["']/g

/** The program and file of `node test.js`, and what stands around it; undefined where it is no file of the tree that prints TAP. */
export function nodeFile(
  argv: readonly string[],
  tree: TreeFiles,
): { file: string; before: string[]; behind: string[] } | undefined {
  const tool = toolOf(argv)
  if (tool === undefined || !["node", "tsx", "ts-node"].includes(tool.name)) return undefined
  const args = argv.slice(tool.at + 1)
  const at = args.findIndex((word, index) => !word.startsWith("-") && !valued.has(args[index - 1] ?? ""))
  const flags = args.slice(0, at)
  if (at === -1 || flags.some((flag) => ["--test", "-e", "--eval", "-p", "--print", "--check"].includes(flag)))
    return undefined
  const file = moduleAt(args[at] ?? "", tree)
  if (file === undefined || !printsTap(file, tree)) return undefined
  return { file, before: [...argv.slice(0, tool.at + 1), ...flags], behind: args.slice(at + 1) }
}

const valued = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "--tsconfig",
])

/** Whether a file, or one that it brings in from beside it, takes its tests from a library that prints TAP. */
export function printsTap(file: string, tree: TreeFiles): boolean {
  return takesPrinter(file, tree) || importsOf(file, tree).some((each) => takesPrinter(each, tree))
}

/** Whether a file itself does. */
export function takesPrinter(file: string, tree: TreeFiles): boolean {
  return imports.test(tree.read(file) ?? "")
}

/** The file whose text holds a test's name: the one that was run, or one that it brings in. */
export function fileOfTest(names: readonly string[], file: string, tree: TreeFiles): string {
  const [name] = names
  if (name === undefined || writes(file, name, tree)) return file
  const others = importsOf(file, tree).filter((each) => takesPrinter(each, tree) && writes(each, name, tree))
  return others.length === 1 ? (others[0] ?? file) : file
}

/** Whether a file's text holds a name as a literal. */
export function writes(file: string, name: string, tree: TreeFiles): boolean {
  const text = tree.read(file) ?? ""
  return ['"', "'", "`"].some((quote) => text.includes(`${quote}${name}${quote}`))
}

const MAX_IMPORTS = 200

function importsOf(file: string, tree: TreeFiles): string[] {
  const found = [...(tree.read(file) ?? "").matchAll(locals)].slice(0, MAX_IMPORTS)
  return found.flatMap((match) => moduleAt(posix.join(posix.dirname(file), match[1] ?? ""), tree) ?? [])
}

const endings = ["", ".js", ".cjs", ".mjs", ".ts", ".mts", ".cts", "/index.js", "/index.cjs", "/index.mjs", "/index.ts"]

/** As Node finds a module, and as TypeScript names it. */
function moduleAt(word: string, tree: TreeFiles): string | undefined {
  const path = posix.normalize(word).replace(/\/$/, "").replace(/^\.$/, "index")
  const names = [...endings.map((ending) => path + ending), path.replace(/\.([cm]?)js$/, ".$1ts")]
  return names.find((name) => tree.read(name) !== undefined)
}
