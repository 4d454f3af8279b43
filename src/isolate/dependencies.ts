import { createHash } from "node:crypto"
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { z } from "zod"
import type { Bind, Repo } from "../core/ports.ts"

/** Folders that tools install into, and the files that say what is in them. */
type Kind = { folder: string; locks: string[]; manifests: string[]; holdsItsPath?: true }

const PYTHON = {
  locks: [
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements.lock",
  ],
  manifests: ["pyproject.toml", "setup.py", "setup.cfg", "Pipfile"],
  holdsItsPath: true,
} as const

const KINDS: readonly Kind[] = [
  {
    folder: "node_modules",
    locks: ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"],
    manifests: ["package.json"],
  },
  { folder: ".venv", ...PYTHON, locks: [...PYTHON.locks], manifests: [...PYTHON.manifests] },
  { folder: "venv", ...PYTHON, locks: [...PYTHON.locks], manifests: [...PYTHON.manifests] },
  { folder: "vendor/bundle", locks: ["Gemfile.lock"], manifests: ["Gemfile"] },
  { folder: "vendor", locks: ["composer.lock"], manifests: ["composer.json"] },
]

/** Pathspecs of all files that decide on dependencies, in any folder. */
export const DEPENDENCY_FILES = [...new Set(KINDS.flatMap((kind) => [...kind.locks, ...kind.manifests]))].map(
  (name) => `:(glob)**/${name}`,
)

/** Never part of a change, whatever `.gitignore` forgets. */
export const DEPENDENCY_FOLDERS = ["node_modules", ".venv", "venv", "vendor/bundle"]

export type Dependencies = {
  /** A folder installed in the user's checkout, and where it belongs in the tree (relative to it). */
  folders: { from: string; at: string; holdsItsPath: boolean }[]
  /** Folders that the tree needs and the user's checkout can't lend, with the reason. */
  missing: { at: string; why: string }[]
  /** Folders that the tree may have and the user's checkout has not: packages of a monorepo often need none of their own. */
  others: string[]
  /** Names the set of lock files: equal keys need equal dependencies. */
  key: string
}

/** Path of a tracked file → its blob id. */
export type TrackedFiles = ReadonlyMap<string, string>

/**
 * What the user's checkout can lend a tree: a folder of dependencies counts only if the lock files that govern it are the
 * same in both; without any, if both manifests ask for the same. `files` are the tree's own files among `DEPENDENCY_FILES`,
 * `tree` is where they are checked out, `path` the folder that the loop works in.
 */
export function findDependencies(repo: Repo, files: TrackedFiles, tree: string, path = "."): Dependencies {
  const folders: Dependencies["folders"] = []
  const missing: Dependencies["missing"] = []
  const others: string[] = []
  const places = new Set([...files.keys()].map((path) => posix.dirname(path)))
  for (const place of [...places].sort()) {
    for (const kind of KINDS) {
      const governing = governs(kind, place, files)
      if (governing === undefined) continue
      const at = posix.join(place, kind.folder)
      const from = join(repo.root, at)
      const installed = statSync(from, { throwIfNoEntry: false })?.isDirectory() === true
      const differing = governing.find((path) => !isSame(repo, tree, path, files.get(path)))
      if (installed && differing === undefined)
        folders.push({ from: realpathSync(from), at, holdsItsPath: kind.holdsItsPath === true })
      else if (installed) missing.push({ at, why: `${differing} differs from the one in your checkout` })
      else if (kind.folder === "node_modules" && isNeeded(repo, place, path, governing))
        missing.push({ at, why: "it is not installed in your checkout" })
      else others.push(at)
    }
  }
  const hash = createHash("sha256")
  for (const path of [...files.keys()].sort()) hash.update(`${path}\0${files.get(path)}\n`)
  return { folders, missing, others, key: hash.digest("hex").slice(0, 20) }
}

function isSame({ root }: Repo, tree: string, path: string, id: string | undefined): boolean {
  if (id === blobIdOf(join(root, path), id)) return true
  // A manifest says much that is no dependency: only what it asks for counts.
  if (posix.basename(path) !== "package.json" || id !== blobIdOf(join(tree, path), id)) return false
  const [ours, theirs] = [asksFor(join(root, path)), asksFor(join(tree, path))]
  return ours !== undefined && ours === theirs
}

/** The packages that a manifest asks for, in one spelling, whichever part of it names them. */
function asksFor(path: string): string | undefined {
  try {
    const { workspaces, overrides, resolutions, pnpm, ...parts } = Manifest.parse(
      JSON.parse(readFileSync(path, "utf8")),
    )
    const names = Object.values(parts).flatMap((part) => Object.entries(part ?? {}))
    return JSON.stringify([names.map((each) => JSON.stringify(each)).sort(), workspaces, overrides, resolutions, pnpm])
  } catch {
    return undefined
  }
}

/** The files whose equality means equal dependencies: the lock here or in the nearest folder above, else the manifest. */
function governs(kind: Kind, place: string, files: TrackedFiles): string[] | undefined {
  const own = [...kind.locks, ...kind.manifests].some((name) => files.has(posix.join(place, name)))
  if (!own) return undefined
  for (let folder = place; ; folder = posix.dirname(folder)) {
    const locks = kind.locks.map((name) => posix.join(folder, name)).filter((path) => files.has(path))
    if (locks.length > 0) return locks
    if (folder === ".") break
  }
  return kind.manifests.map((name) => posix.join(place, name)).filter((path) => files.has(path))
}

/** The root's own, and that of a folder with a loop where no folder above has them installed for it. */
function isNeeded(repo: Repo, place: string, path: string, governing: readonly string[]): boolean {
  if (place === ".") return namesPackages(repo, governing)
  if (place !== path || governing.some((file) => posix.dirname(file) !== place)) return false
  const above = place.split("/").map((_, index, parts) => parts.slice(0, index).join("/"))
  return (
    namesPackages(repo, governing, place) &&
    !above.some((folder) => existsSync(join(repo.root, folder, "node_modules")))
  )
}

/** A manifest alone, without a lock file, may name no packages: then nothing is missing. */
function namesPackages({ root }: Repo, governing: readonly string[], place = "."): boolean {
  if (governing.some((path) => posix.basename(path) !== "package.json")) return true
  try {
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(root, place, "package.json"), "utf8")))
    return [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies, manifest.workspaces].some(
      (part) => part !== undefined && Object.keys(part).length > 0,
    )
  } catch {
    return true
  }
}

const Names = z.record(z.string(), z.unknown()).optional()
const Manifest = z.object({
  dependencies: Names,
  devDependencies: Names,
  optionalDependencies: Names,
  peerDependencies: Names,
  overrides: z.unknown().optional(),
  resolutions: z.unknown().optional(),
  pnpm: z.unknown().optional(),
  workspaces: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional(),
})

function blobIdOf(path: string, like: string | undefined): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined
  const content = readFileSync(path)
  const algorithm = like?.length === 64 ? "sha256" : "sha1"
  return createHash(algorithm).update(`blob ${content.length}\0`).update(content).digest("hex")
}

/** The binds that show `folders` inside `tree`. Makes the empty folders that they are mounted on. */
export function bindsOf(repo: Repo, tree: string, folders: Dependencies["folders"]): Bind[] {
  const lent = folders.filter(({ at }) => !isTaken(join(tree, at)))
  for (const { at } of lent) mkdirSync(join(tree, at), { recursive: true })
  const binds = lent.map(({ from, at }): Bind => ({ from, to: join(tree, at), scratch: true }))
  // A virtual environment knows itself by its path: its scripts start `<checkout>/.venv/bin/python`, and a project
  // installed in place is `<checkout>/src`. Under the checkout's own path lies the tree, never the user's files.
  const pathBound = lent.filter(({ holdsItsPath }) => holdsItsPath)
  if (pathBound.length === 0 || tree === repo.root) return binds
  return [
    ...binds,
    { from: tree, to: repo.root },
    ...pathBound.map(({ from, at }): Bind => ({ from, to: join(repo.root, at) })),
  ]
}

/** A folder that the tree brings itself, or that a hook filled, stays. */
function isTaken(path: string): boolean {
  const parent = dirname(path)
  if (existsSync(parent) && !lstatSync(parent).isDirectory()) return true
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return false
  return !found.isDirectory() || readdirSync(path).length > 0
}
