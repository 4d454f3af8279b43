import type { CheckSpec } from "../../core/loop.ts"
import { isHarnessPath } from "../../verify/guarded.ts"
import { isMutable, mutantsOf } from "../../verify/mutate/mutants.ts"
import { isCode, isTestPath } from "../../verify/paths.ts"
import type { Texts } from "./edit-tree.ts"

/** One way of breaking what a check guards, in words and as texts. */
export type Break = {
  is: "mutant" | "violation" | "unparsable" | "failing_test" | "emptied"
  says: string
  texts: Texts
}

/** A commit's files, for whoever wants to break them. */
export type Broken = {
  files: readonly { path: string; bytes: number }[]
  read(path: string): Promise<string | undefined>
  /** Test files that the check's own report names. */
  testFiles: readonly string[]
}

/** The ways of breaking what a check guards, the most telling first: the first that turns it red is enough. */
export async function* breaksFor(check: CheckSpec, broken: Broken): AsyncGenerator<Break> {
  switch (check.kind) {
    case "tests":
      yield* mutants(broken)
      yield* failingTests(broken)
      yield* unparsable(broken, isSource)
      return
    case "types":
      yield* typeErrors(broken)
      yield* unparsable(broken, isSource)
      return
    case "lint":
    case "build":
      yield* unparsable(broken, isSource)
      yield* unparsable(broken, isCode)
      return
    default:
      yield* emptied(broken, (path) => mentions(check, path), "what its command names")
      yield* unparsable(broken, isCode)
      yield* emptied(broken, (path) => !isHarnessPath(path), "every file but configuration")
  }
}

const MAX_FILE_BYTES = 256 * 1024
const MAX_FILES = 400
/** Each is a run of the whole suite. */
const MAX_MUTANTS = 6

/** Small mistakes in the source, spread over the files, those first that the tests' names suggest. */
async function* mutants({ files, read, testFiles }: Broken): AsyncGenerator<Break> {
  const stems = testFiles.map(stemOf)
  const sources = files
    .filter(({ path, bytes }) => isSource(path) && isMutable(path) && bytes <= MAX_FILE_BYTES)
    .sort(
      (a, b) =>
        Number(stems.includes(stemOf(b.path))) - Number(stems.includes(stemOf(a.path))) || a.path.localeCompare(b.path),
    )
  const found: ReturnType<typeof mutantsOf>[] = []
  for (const { path } of sources.slice(0, MAX_MUTANTS * 4)) {
    const text = await read(path)
    const mutants = text === undefined ? [] : mutantsOf(path, text, undefined, 1)
    if (mutants.length > 0) found.push(mutants)
    if (found.length >= MAX_MUTANTS) break
  }
  // Of each file one, and only then a second of any.
  const rounds = Array.from({ length: MAX_MUTANTS }, (_, round) => found.flatMap((mutants) => mutants[round] ?? []))
  for (const { path, line, rule, before, after, text } of rounds.flat().slice(0, MAX_MUTANTS)) {
    const says = `${rule} in ${path}:${line} (\`${clip(before)}\` → \`${clip(after)}\`)`
    yield { is: "mutant", says, texts: new Map([[path, text]]) }
  }
}

/** A test that fails, added to a file of tests: shows no more than that the command notices one. */
async function* failingTests({ files, read, testFiles }: Broken): AsyncGenerator<Break> {
  const known = files.filter(
    ({ path, bytes }) => bytes <= MAX_FILE_BYTES && (testFiles.includes(path) || isTestPath(path)),
  )
  for (const { path } of known
    .sort((a, b) => Number(testFiles.includes(b.path)) - Number(testFiles.includes(a.path)))
    .slice(0, 3)) {
    const text = await read(path)
    const addition = failingTestFor(path)
    if (text === undefined || addition === undefined) continue
    yield {
      is: "failing_test",
      says: `a test that fails, added to ${path}`,
      texts: new Map([[path, `${text}\n${addition}\n`]]),
    }
  }
}

/** `test` is a global of some runners and imported in the others; what the file calls it is not known, so it looks. */
function failingTestFor(path: string): string | undefined {
  const words = "Flyball: this must be seen to fail"
  if (/\.[cm]?[jt]sx?$/.test(path))
    return `;(typeof test === "function" ? test : typeof it === "function" ? it : (_, run) => run())("${words}", () => { throw new Error("${words}") })`
  if (/\.py$/.test(path)) return `\n\ndef test_flyball_must_be_seen_to_fail():\n    assert False, "${words}"`
  if (/_test\.go$/.test(path)) return `\nfunc TestFlyballMustBeSeenToFail(t *testing.T) { t.Fatal("${words}") }`
  if (/\.rs$/.test(path)) return `\n#[test]\nfn flyball_must_be_seen_to_fail() { panic!("${words}") }`
  return undefined
}

/** A value of the wrong type, in every file of a typed language. */
async function* typeErrors(broken: Broken): AsyncGenerator<Break> {
  const texts = await appended(broken, isSource, (path) => {
    if (/\.[cm]?tsx?$/.test(path) && !/\.d\.[cm]?ts$/.test(path))
      return '\nexport const flyballMustBeSeenToFail: number = "not a number"'
    return path.endsWith(".py") ? '\nflyball_must_be_seen_to_fail: int = "not a number"' : undefined
  })
  if (texts.size > 0) yield { is: "violation", says: `a text where a number is declared, in ${many(texts)}`, texts }
}

async function* unparsable(broken: Broken, wanted: (path: string) => boolean): AsyncGenerator<Break> {
  const texts = await appended(broken, wanted, () => "\n)]} flyball")
  if (texts.size > 0) yield { is: "unparsable", says: `a line that no parser takes, in ${many(texts)}`, texts }
}

async function* emptied({ files }: Broken, wanted: (path: string) => boolean, what: string): AsyncGenerator<Break> {
  const paths = files
    .map(({ path }) => path)
    .filter(wanted)
    .slice(0, MAX_FILES)
  const texts = new Map(paths.map((path) => [path, ""]))
  if (texts.size > 0) yield { is: "emptied", says: `${what} emptied (${many(texts)})`, texts }
}

async function appended(
  { files, read }: Broken,
  wanted: (path: string) => boolean,
  addition: (path: string) => string | undefined,
): Promise<Texts> {
  const texts = new Map<string, string>()
  for (const { path, bytes } of files) {
    const added = wanted(path) && bytes <= MAX_FILE_BYTES ? addition(path) : undefined
    if (added === undefined || texts.size >= MAX_FILES) continue
    const text = await read(path)
    if (text !== undefined) texts.set(path, `${text}${added}\n`)
  }
  return texts
}

function isSource(path: string): boolean {
  return isCode(path) && !isTestPath(path) && !isHarnessPath(path)
}

function mentions({ run }: CheckSpec, path: string): boolean {
  const words = (typeof run === "string" ? run.split(/[\s"';|&<>()=]+/) : [...(run ?? [])]).map((word) =>
    word.replace(/^\.\//, ""),
  )
  return words.some(
    (word) => word === path || (word !== "" && word !== "." && path.startsWith(`${word.replace(/\/$/, "")}/`)),
  )
}

function stemOf(path: string): string {
  return (path.split("/").at(-1) ?? "").replace(/^test_|(_test|[._-](test|spec)s?)?\.[^.]+$/g, "")
}

function many(texts: Texts): string {
  const [first = "", ...rest] = texts.keys()
  return rest.length === 0 ? first : `${first} and ${rest.length} more`
}

function clip(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim()
  return flat.length <= 60 ? flat : `${flat.slice(0, 59)}…`
}
