import { posix } from "node:path"
import picomatch from "picomatch"
import { z } from "zod"
import type { Repo } from "../../core/ports.ts"
import { GitError, tryGit } from "../../lib/git.ts"
import { readTexts } from "../texts.ts"

/** The packages of a repository in which a script is run, as a command line says it: all of them, or those that these words name. */
export type Packages = { is: "all" } | { is: "named"; words: readonly string[] }

/** A package's folder (`""` is the root) and manifest; `sure` where nothing but this one can be meant. */
export type Member = { folder: string; manifest: string; sure: boolean }

type Package = { folder: string; name: string | undefined; manifest: string; isMember: boolean }

/** More packages than this are no workspace that somebody works in. */
const MAX_PACKAGES = 2_000

const Named = z.object({ name: z.string().optional() })
const Workspaces = z.object({
  workspaces: z.union([z.array(z.string()), z.object({ packages: z.array(z.string()) })]).optional(),
})

/** Reads the packages of a commit's tree; the answer tells which of them a command is about. Throws GitError. */
export async function packagesOf(repo: Repo, base: string, signal: AbortSignal): Promise<(of: Packages) => Member[]> {
  const command = ["ls-tree", "-r", "-z", "--name-only", base]
  const listed = await tryGit(command, { cwd: repo.gitDir, env: { GIT_DIR: repo.gitDir }, signal })
  if (listed.exitCode !== 0) throw new GitError(command, listed)
  const manifests = listed.stdout
    .split("\0")
    .filter((path) => /(^|\/)package\.json$/.test(path) && !/(^|\/)node_modules\/|\n/.test(path))
    .slice(0, MAX_PACKAGES)
  const nameOf = (path: string) => `${base}:${path}`
  const texts = await readTexts(repo, [...manifests, "pnpm-workspace.yaml"].map(nameOf), signal)
  const declared = globsIn(texts.get(nameOf("package.json")), texts.get(nameOf("pnpm-workspace.yaml")))
  const isMember = declared.length === 0 ? () => false : picomatch(declared)
  const packages = manifests.flatMap((path): Package[] => {
    const manifest = texts.get(nameOf(path))
    const folder = posix.dirname(path) === "." ? "" : posix.dirname(path)
    return manifest === undefined
      ? []
      : [{ folder, manifest, name: fieldsOf(manifest, Named)?.name, isMember: isMember(folder) }]
  })
  return (of) => chosen(packages, of)
}

/** What a word leaves open is every package: which of them it means then, only a person can tell. */
function chosen(packages: readonly Package[], of: Packages): Member[] {
  const all = (sure: (one: Package) => boolean) =>
    packages.map((one) => ({ folder: one.folder, manifest: one.manifest, sure: sure(one) }))
  if (of.is === "all") return all(({ isMember }) => isMember)
  return of.words.flatMap((word) => {
    const exact = packages.filter((one) => isCalled(one, word))
    if (exact.length > 0) return exact.map(({ folder, manifest }) => ({ folder, manifest, sure: true }))
    // A folder of packages, as npm takes it.
    const below = packages.filter(({ folder }) => folder.startsWith(`${folderIn(word)}/`))
    return below.length > 0 ? below.map(({ folder, manifest }) => ({ folder, manifest, sure: true })) : all(() => false)
  })
}

function isCalled({ name, folder }: Package, word: string): boolean {
  // pnpm takes a name without its scope.
  return word === name || `${name}`.replace(/^@[^/]+\//, "") === word || (folder !== "" && folder === folderIn(word))
}

function folderIn(word: string): string {
  return posix.normalize(word.replace(/^\{(.*)\}$/, "$1")).replace(/\/$/, "")
}

function globsIn(manifest: string | undefined, pnpm: string | undefined): string[] {
  const workspaces = fieldsOf(manifest ?? "", Workspaces)?.workspaces ?? []
  const ofNpm = Array.isArray(workspaces) ? workspaces : workspaces.packages
  const ofPnpm = [...(pnpm ?? "").matchAll(/^\s*-\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$/gm)].map(
    (match) => match[1] ?? "",
  )
  return [...ofNpm, ...ofPnpm].map((glob) => glob.replace(/^\.\//, "").replace(/\/$/, "")).filter((glob) => glob !== "")
}

function fieldsOf<T>(text: string, shape: z.ZodType<T>): T | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
