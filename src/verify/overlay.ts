import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { parse as parseToml, stringify as stringifyToml } from "smol-toml"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { git, gitScript } from "../lib/git.ts"
import { looseTree } from "../lib/loose.ts"
import { isHarnessPath, shadowsRunner } from "./guarded.ts"
import { mayBeNamed, namedIn, namesHarness, publishedBy } from "./harness.ts"
import { type ManifestParts, manifestOf } from "./manifest-parts.ts"
import type { Difference, FileSide, Overlay, OverlayTree } from "./measuring.ts"
import { withMovedImports } from "./moved-modules.ts"
import { isInPackage, isPlainSettings, newPackages } from "./new-packages.ts"
import { isCode, isSnapshotPath, isTestPath } from "./paths.ts"
import { readTexts } from "./texts.ts"

/**
 * The head's merged tree with the base's harness and the base's copies of existing tests: a tree like any other, so that
 * what is measured on it can be remembered. A test file is one that the base's report names, or that has a test's name.
 */
export const overlayTree: OverlayTree = ({ testFiles, ...given }) =>
  overlay({ ...given, tests: { named: new Set(testFiles) } })

/** The same with the harness alone, of tree ids: what is linted and compiled is what lands, by the base's rules. */
export function overlayHarness(given: {
  repo: Repo
  base: string
  tree: string
  folder?: string | undefined
  differences?: readonly Difference[] | undefined
  signal: AbortSignal
}): Promise<Overlay> {
  return overlay({ ...given, tests: undefined })
}

type Given = {
  repo: Repo
  base: string
  tree: string
  /** Where the checks run, for what would be taken there for the runner's own; unset: the root alone. */
  folder?: string | undefined
  signal: AbortSignal
  /** What differs between the two, where that was read already. */
  differences?: readonly Difference[] | undefined
  tests: { named: ReadonlySet<string> } | undefined
}
type Side = FileSide
/** What the index shall hold at a path; undefined removes it. */
export type Edit = { path: string; side: Side | undefined }

async function overlay(given: Given): Promise<Overlay> {
  const { repo, folder, signal, tests } = given
  const ask = gitOf(repo, signal)
  const { headTree, differences } = await compare(given)
  const none: Overlay = { tree: headTree, restored: [], editedTests: [], harnessChanged: [], differences }
  if (differences.length === 0) return none
  // Most changes touch source alone: then no configuration needs to be read.
  const doubtful = differences.some(
    ({ path, base: old }) => old !== undefined && mayBeNamed(path) && !isHarnessPath(path),
  )
  const named = doubtful ? await harnessNamedByConfigs(given) : new Set<string>()
  const inSource = await inSourceTests(given, differences)
  const isOwnSettings = await ownSettings(given, differences)
  const isTest = (path: string) =>
    tests !== undefined && !inSource.has(path) && (tests.named.has(path) || isTestPath(path) || isSnapshotPath(path))

  const edits: Edit[] = []
  const found: Overlay = { ...none, restored: [], editedTests: [], harnessChanged: [] }
  for (const difference of differences) {
    const { path } = difference
    const parts = manifestOf(path)
    const shadows = difference.base === undefined && shadowsRunner(path, folder)
    if (isOwnSettings(path)) continue
    if (shadows || isHarnessPath(path) || (named.has(path) && difference.base !== undefined)) {
      edits.push({ path, side: difference.base })
      found.harnessChanged.push(path)
    } else if (parts !== undefined && parts.restored.length > 0) {
      const side = await withBaseParts(ask, difference, parts)
      if (side === undefined) continue
      edits.push({ path, side })
      found.harnessChanged.push(path)
    } else if (difference.base !== undefined && isTest(path)) {
      edits.push({ path, side: (await movedSide(given, headTree, differences, difference)) ?? difference.base })
      found.editedTests.push(path)
    } else continue
    found.restored.push(path)
  }
  const mixed = inSource.size === 0 ? {} : { mixed: inSource }
  if (edits.length === 0) return { ...none, ...mixed }
  const all = [...edits, ...inTheWay(edits, differences)]
  // Of the tree that comes of it the differences are others.
  const { differences: _, ...rest } = found
  return { ...rest, ...mixed, tree: await writeTree(repo, headTree, all, signal) }
}

/** The head's tree, and what differs from the base: in one script, since to start a process costs more than git does. */
async function compare({ repo, base, tree, signal, tests, differences }: Given) {
  const known = tests === undefined ? tree : looseTree(repo.gitDir, tree)?.tree
  if (known !== undefined && differences !== undefined) return { headTree: known, differences }
  const resolves = known === undefined
  const script = `${resolves ? 'git --git-dir="$1" rev-parse --verify "$3^{tree}"\n' : ""}git --git-dir="$1" diff-tree -r -z --no-renames --no-abbrev "$2" "$3"`
  const output = await gitScript(script, [repo.gitDir, base, tree], { cwd: repo.gitDir, signal })
  const end = resolves ? output.indexOf("\n") : -1
  return {
    headTree: known ?? output.slice(0, end),
    differences: parseDifferences(output.slice(end + 1)),
  }
}

/** Settings without code that come with a package of their own: they are about nothing that the base has. */
async function ownSettings(
  { repo, base, signal }: Given,
  differences: readonly Difference[],
): Promise<(path: string) => boolean> {
  const added = differences.flatMap(({ path, base: old, head }) =>
    old === undefined && head?.mode === "100644" ? [path] : [],
  )
  if (!added.some(isPlainSettings)) return () => false
  const packages = await newPackages({ repo, base, signal }, added)
  const own = new Set(added.filter((path) => isPlainSettings(path) && isInPackage(path, packages)))
  return (path) => own.has(path)
}

/** The base's copy of a test with its imports of modules that moved as the change has them. */
async function movedSide(
  { repo, signal }: Given,
  headTree: string,
  differences: readonly Difference[],
  { path, base, head }: Difference,
): Promise<Side | undefined> {
  const gone = new Set(differences.flatMap((each) => (each.head === undefined ? [each.path] : [])))
  const isLeft = [...gone].some((each) => isCode(each) && !isTestPath(each))
  if (!isLeft || base === undefined || head === undefined || !head.mode.startsWith("100")) return undefined
  const ask = gitOf(repo, signal)
  const there = new Set((await ask(["ls-tree", "-r", "-z", "--full-tree", "--name-only", headTree])).split("\0"))
  const texts = await readTexts(repo, [base.id, head.id], signal)
  const [before, after] = [texts.get(base.id), texts.get(head.id)]
  const text =
    before === undefined || after === undefined ? undefined : withMovedImports(path, before, after, { gone, there })
  if (text === undefined) return undefined
  return { mode: base.mode, id: (await ask(["hash-object", "-w", "--stdin"], text)).trim() }
}

type Ask = (args: readonly string[], stdin?: string) => Promise<string>

function gitOf(repo: Repo, signal: AbortSignal): Ask {
  return (args, stdin) =>
    git(["--git-dir", repo.gitDir, ...args], { cwd: repo.gitDir, signal, ...(stdin === undefined ? {} : { stdin }) })
}

function parseDifferences(text: string): Difference[] {
  const fields = text.split("\0")
  const differences: Difference[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [oldMode = "", newMode = "", oldId = "", newId = ""] = (fields[index] ?? "").replace(/^:/, "").split(" ")
    const side = (mode: string, id: string) => (mode === "000000" ? undefined : { mode, id })
    differences.push({ path: fields[index + 1] ?? "", base: side(oldMode, oldId), head: side(newMode, newId) })
  }
  return differences
}

/** A file of the head where the base has a folder, or the other way round, gives way to what is put back. */
function inTheWay(edits: readonly Edit[], differences: readonly Difference[]): Edit[] {
  const placed = edits.filter((edit) => edit.side !== undefined).map((edit) => edit.path)
  const folders = new Set(
    placed.flatMap((path) => path.split("/").map((_, index, parts) => parts.slice(0, index).join("/"))),
  )
  const files = new Set(placed)
  const edited = new Set(edits.map((edit) => edit.path))
  const isUnder = (path: string) =>
    path.split("/").some((_, index, parts) => index > 0 && files.has(parts.slice(0, index).join("/")))
  return differences
    .filter(({ path, head }) => head !== undefined && !edited.has(path) && (folders.has(path) || isUnder(path)))
    .map(({ path }) => ({ path, side: undefined }))
}

/** Set-up files and local plug-ins that the base's own configuration names. */
async function harnessNamedByConfigs({ repo, base, signal }: Given): Promise<Set<string>> {
  const files = (await gitOf(repo, signal)(["ls-tree", "-r", "-z", "--full-tree", "--name-only", base])).split("\0")
  const configs = files.filter(namesHarness).slice(0, 200)
  if (configs.length === 0) return new Set()
  const known = new Set(files)
  const nameOf = (path: string) => `${base}:${path}`
  const texts = await readTexts(repo, configs.map(nameOf), signal)
  const textOf = (path: string) => texts.get(nameOf(path)) ?? ""
  const published = new Set(configs.flatMap((path) => publishedBy(path, textOf(path))))
  const named = configs.flatMap((path) => namedIn(path, textOf(path)))
  const suffixes = ["", ".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", "/index.js", "/index.ts"]
  return new Set(
    named
      .flatMap((path) => suffixes.map((suffix) => path + suffix))
      .filter((path) => known.has(path) && !published.has(path)),
  )
}

/**
 * Files that a report names as tests and that hold what is tested as well (`#[cfg(test)]`, `import.meta.vitest`,
 * doc tests): putting the base's copy back would undo the fix. The head's copy runs, and the gate compares test ids.
 */
async function inSourceTests({ repo, signal, tests }: Given, differences: readonly Difference[]): Promise<Set<string>> {
  const doubtful = differences.filter(
    ({ path, base }) =>
      base !== undefined && tests?.named.has(path) === true && !isTestPath(path) && !isSnapshotPath(path),
  )
  const texts = await readTexts(
    repo,
    doubtful.flatMap(({ base }) => base?.id ?? []),
    signal,
  )
  const mixed = doubtful.filter(({ path, base }) => holdsSource(path, texts.get(base?.id ?? "") ?? ""))
  return new Set(mixed.map(({ path }) => path))
}

function holdsSource(path: string, text: string): boolean {
  if (path.endsWith(".rs")) return !/^(tests|benches)\//.test(path)
  if (path.endsWith(".py")) return !/^\s*(async\s+)?def test|\bunittest\b|^class Test/m.test(text)
  return /import\.meta\.vitest|^\s*export\s|\bmodule\.exports\b|^\s*exports\./m.test(text)
}

/** The head's file with the base's harness parts; undefined where they agree already. */
async function withBaseParts(ask: Ask, { base, head }: Difference, parts: ManifestParts): Promise<Side | undefined> {
  // A manifest that is new has nothing to be read from the base; one that is gone stays gone, and the tests show what that means.
  if (base === undefined || head === undefined) return undefined
  const [before, after] = [
    await ask(["cat-file", "blob", base.id]),
    head.mode.startsWith("100") ? await ask(["cat-file", "blob", head.id]) : "",
  ]
  const parse = parts.format === "json" ? JSON.parse : parseToml
  const old = parsed(before, parse)
  const fresh = parsed(after, parse)
  if (old === undefined) return undefined
  if (fresh === undefined) return base
  if (parts.restored.every((key) => isDeepStrictEqual(at(old, key), at(fresh, key)))) return undefined
  for (const key of parts.restored) put(fresh, key, at(old, key))
  if (isDeepStrictEqual(fresh, old)) return base
  const text = parts.format === "json" ? `${JSON.stringify(fresh, null, 2)}\n` : `${stringifyToml(fresh)}\n`
  const id = (await ask(["hash-object", "-w", "--stdin"], text)).trim()
  return { mode: base.mode, id }
}

function parsed(text: string, parse: (text: string) => unknown): Record<string, unknown> | undefined {
  try {
    const value = parse(text.replace(/^\ufeff/, ""))
    return isTable(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((here, key) => (isTable(here) && Object.hasOwn(here, key) ? here[key] : undefined), value)
}

function put(table: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) {
    const inner = table[key]
    if (!isTable(inner) && value === undefined) return
    const next = isTable(inner) ? inner : {}
    table[key] = next
    put(next, rest, value)
  } else if (value === undefined) delete table[key]
  else table[key] = value
}

/** Writes the edited tree through an index of its own: no index of the user's is read or written. */
export async function writeTree(
  repo: Repo,
  tree: string,
  edits: readonly Edit[],
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-index-"))
  const env = { GIT_INDEX_FILE: join(folder, "index") }
  const ask = (args: readonly string[], stdin?: string) =>
    git(["--git-dir", repo.gitDir, ...args], {
      cwd: repo.gitDir,
      env,
      signal,
      ...(stdin === undefined ? {} : { stdin }),
    })
  try {
    await ask(["read-tree", tree])
    // Removals first, so that a folder can take the place of a file.
    const ordered = [
      ...edits.filter((edit) => edit.side === undefined),
      ...edits.filter((edit) => edit.side !== undefined),
    ]
    const nothing = "0".repeat(tree.length)
    const lines = ordered.map(({ path, side }) =>
      side === undefined ? `0 ${nothing}\t${path}\0` : `${side.mode} ${side.id}\t${path}\0`,
    )
    await ask(["update-index", "-z", "--index-info"], lines.join(""))
    return (await ask(["write-tree"])).trim()
  } catch (cause) {
    throw new Failure("OVERLAY_FAILED", "The base's tests and configuration could not be put into the head's tree.", {
      hint: "Run `git fsck` in the repository.",
      cause,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
