import { posix } from "node:path"
import { isHarnessPath } from "./guarded.ts"
import { isSnapshotPath, isTestPath } from "./paths.ts"

/*
 * A module that moves takes the imports of its tests along. The base's copy of such a test is put back with these imports as the
 * change has them, and nothing else of the change's: without them it could not even be loaded.
 */

/** What a change takes away, and what there is afterwards. */
export type Moves = { gone: ReadonlySet<string>; there: ReadonlySet<string> }

/**
 * The base's text of a test with imports of modules that are gone led where the change's own copy has them; undefined where there
 * are none, or where they would lead to anything but source of the repository.
 */
export function withMovedImports(path: string, before: string, after: string, moves: Moves): string | undefined {
  const language = /\.pyi?$/.test(path) ? python : /\.[cm]?[jt]sx?$/.test(path) ? javascript : undefined
  if (language === undefined) return undefined
  const lines = new Set(after.split(/\r?\n/).map((line) => line.trim()))
  const known = new Set(language.named(before))
  const fresh = [...new Set(language.named(after))].filter((name) => !known.has(name))
  let text = before
  for (const old of known) {
    if (!language.files(path, old).some((file) => moves.gone.has(file) && !moves.there.has(file))) continue
    // One of the base's own lines has to stand in the change's copy with nothing but the new name in it.
    const own = before.split(/\r?\n/).filter((line) => language.named(line).includes(old) || language.says(line, old))
    const led = fresh.filter(
      (name) =>
        language.files(path, name).some((file) => moves.there.has(file) && isPlainSource(file)) &&
        own.some((line) => lines.has(language.put(line, old, name).trim())),
    )
    const [only, more] = led
    if (only === undefined || more !== undefined) return undefined
    text = language.put(text, old, only)
  }
  return text === before ? undefined : text
}

function isPlainSource(path: string): boolean {
  return !isTestPath(path) && !isSnapshotPath(path) && !isHarnessPath(path)
}

type Speaks = {
  /** The modules of the repository that a text names. */
  named(text: string): string[]
  says(line: string, name: string): boolean
  files(from: string, name: string): string[]
  put(text: string, old: string, name: string): string
}

const endings = ["", ".js", ".ts", ".mjs", ".mts", ".cjs", ".cts", ".jsx", ".tsx"]

const javascript: Speaks = {
  named: (text) => [...text.matchAll(/["'](\.{1,2}\/[^"'\n]+)["']/g)].flatMap(([, name]) => name ?? []),
  says: () => false,
  files: (from, name) => {
    const at = posix.join(posix.dirname(from), name)
    // `./a.js` is how TypeScript calls `a.ts`.
    const typed = at.replace(/\.([cm]?)js(x?)$/, ".$1ts$2")
    return [typed, ...endings.flatMap((ending) => [at + ending, ...(ending === "" ? [] : [`${at}/index${ending}`])])]
  },
  put: (text, old, name) => text.replaceAll(`"${old}"`, () => `"${name}"`).replaceAll(`'${old}'`, () => `'${name}'`),
}

const python: Speaks = {
  named: (text) =>
    [...text.matchAll(/^\s*(?:from\s+([\w.]+)\s+import\b|import\s+([\w.]+))/gm)].flatMap(
      ([, from, whole]) => from ?? whole ?? [],
    ),
  says: (line, name) => new RegExp(`(?<![\\w.])${name.replaceAll(".", "\\.")}(?!\\w)`).test(line),
  files: (_, name) => {
    const at = name.replaceAll(".", "/")
    return ["", "src/", "lib/"].flatMap((root) => [`${root}${at}.py`, `${root}${at}/__init__.py`])
  },
  put: (text, old, name) => text.replace(new RegExp(`(?<![\\w.])${old.replaceAll(".", "\\.")}(?!\\w)`, "g"), name),
}
