/*
 * Files that the base's configuration names as run with the tests. What is harness by its own name stands in
 * `guarded.ts`, and the parts of manifests in `manifest-parts.ts`.
 */

/** Configuration of test runners and linters: files that name others which run with the tests. */
export function namesHarness(path: string): boolean {
  return (
    /(^|\/)((vitest|vite|jest|ava)\.(config|workspace|projects|setup)\b[^/]*|\.mocharc[^/]*|\.taprc|mocha\.opts|eslint\.config\.[^/]*|\.eslintrc[^/]*|package\.json|babel\.config\.[^/]*)$/.test(
      path,
    ) && !path.includes("node_modules/")
  )
}

const listKeys =
  /\b(setupFiles|setupFilesAfterEnv|globalSetup|globalTeardown|testEnvironment|snapshotSerializers|snapshotResolver|resolver|runner|testRunner|testSequencer|reporters|preset|require|file|import|loader)\b["']?\s*[:=]\s*(\[[^\]]*\]|["'][^"'\n]+["']|(?:\s*-\s*\S+\n?)+)/g
const importOf = /(?:\bfrom\s+|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"']+)["']/g

/**
 * Paths that a configuration names as run with the tests: set-up files, environments, local plug-ins. What it names
 * under a source folder is the project's subject, not its harness: a fix there must count.
 */
export function namedIn(configPath: string, text: string): string[] {
  const folder = configPath.split("/").slice(0, -1)
  const isManifest = configPath.endsWith("package.json")
  const settings = isManifest
    ? JSON.stringify(sections(text, ["jest", "mocha", "ava", "tap", "babel", "eslintConfig"]))
    : text
  const values = [...settings.matchAll(listKeys)].flatMap((match) =>
    [...(match[2] ?? "").matchAll(/["']([^"'\n]+)["']|-\s*([^\s"']+)/g)].map((value) => value[1] ?? value[2] ?? ""),
  )
  const imports = isManifest ? [] : [...text.matchAll(importOf)].map((match) => match[1] ?? "")
  return [...values, ...imports]
    .map((value) => value.replace(/^<rootDir>\/?/, "./").replace(/^file:/, ""))
    .filter((value) => /^[\w@.-]*\/|^\.{1,2}\//.test(value) || /\.\w+$/.test(value))
    .map((value) => resolvePath(folder, value))
    .filter((path) => path !== undefined)
    .filter(mayBeNamed)
}

/** Whether a file could be harness because a configuration names it: nothing under a source folder, but for set-up files. */
export function mayBeNamed(path: string): boolean {
  return !/(^|\/)(src|lib|app|source)\//.test(path) || /(^|\/)(setup|test-?setup|setup-?tests?)[^/]*$/i.test(path)
}

/** Files that a package.json gives to the world: they are what is tested, even where a configuration imports them. */
export function publishedBy(path: string, text: string): string[] {
  if (!path.endsWith("package.json")) return []
  const entries = JSON.stringify(sections(text, ["main", "module", "browser", "types", "exports", "bin", "imports"]))
  const folder = path.split("/").slice(0, -1)
  return [...entries.matchAll(/"((?:[^"\\]|\\.)+\.\w+)"/g)]
    .map((match) => resolvePath(folder, match[1] ?? ""))
    .filter((named) => named !== undefined)
}

function sections(text: string, keys: readonly string[]): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? keys.map((key) => Reflect.get(value, key)) : []
  } catch {
    return []
  }
}

function resolvePath(folder: readonly string[], path: string): string | undefined {
  const parts = [...folder]
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join("/")
}
