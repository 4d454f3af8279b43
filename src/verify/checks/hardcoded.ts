import { posix } from "node:path"
import { tryGit } from "../../lib/git.ts"
import { isCode } from "../paths.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { readTests } from "../syntax/tests.ts"
import { readTexts } from "../texts.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { type ChangedSource, changedSources, placesIn } from "./source/changed.ts"
import { looksFor } from "./source/looks.ts"
import { answersInLines, tablesInData } from "./source/tables.ts"
import { type TestValues, testValuesOf } from "./source/test-values.ts"
import { evasionsIn, goModules, isOfTypes, loosenedTypes, silencesFinding, suppressionsIn } from "./suppressions.ts"

/**
 * Source that knows the tests' answers, or does what only a program does that wants to look right: a person is asked.
 * What is surely a cheat is not here: `no_weakened_tests`, which is always on, refuses it.
 */
export const hardcoded: ChangeCheck = async (facts) => {
  const sources = (await changedSources(facts)).filter((changed) => !changed.isTest)
  const values = testValuesOf([...(await testsAbout(facts, sources)), ...sources.flatMap(doctestsOf)])
  const looks = looksFor(values)
  const places = sources.flatMap((changed) => placesIn(changed, looks))
  const silencing = suppressionsIn(sources)
  const evading = isOfTypes(facts) ? [...evasionsIn(sources, facts), ...loosenedTypes(sources)] : []
  const found = [...places, ...(await dataOf(facts, values)), ...silencing, ...evading, ...goModules(facts)]
  const unread = sources.filter(({ source }) => source === undefined).map(({ path }) => path)
  const caveats = unread.length === 0 ? [] : [`Not read, for want of a parser: ${unread.slice(0, 10).join(", ")}.`]
  if (found.length === 0) return passes(`${plural(sources.length, "source file")} read`, sources.length, caveats)
  const summary = `${plural(found.length, "place")} in the source to look at: ${found.slice(0, 3).join("; ")}${found.length > 3 ? "; …" : ""}`
  const failing = found.map((text) => `hardcoded: ${text}`)
  const judged = fails(summary, bullets(found), failing, sources.length, caveats)
  if (silencing.length > 0 && silencesFinding(facts))
    return { ...judged, feedback: `Mend what is found instead of silencing it:\n${bullets(silencing)}` }
  return { ...judged, blame: "person" }
}

/** What the examples in a file's docstrings ask for, as tests say it, where they are run. */
function doctestsOf({ path, examples }: ChangedSource): TestFile[] {
  return examples.flatMap(({ typed, wanted }) => {
    const text = `def test_example():\n    assert (${typed}) == (${wanted})\n`
    return readTests(`${path.replace(/[^/]+$/, "")}test_example.py`, text) ?? []
  })
}

/**
 * Tables beside the source: data that the tests don't own. Data that was there is often what is to be mended, and then no
 * source changes with it.
 */
async function dataOf({ repo, entries, lines, isTest, signal }: ChangeFacts, values: TestValues): Promise<string[]> {
  const changesSource = entries.some(({ path }) => isCode(path) && !isTest(path))
  const data = entries.filter(
    ({ path, status, binary }) =>
      status !== "deleted" &&
      !binary &&
      /\.(json|csv|tsv|txt|toml|ya?ml|ini|cfg|conf|properties|dat|lst|xml)$/i.test(path) &&
      !isTest(path) &&
      !/(^|\/)(package|[\w.-]*lock|[tj]sconfig[\w.-]*)\.json$/.test(path),
  )
  const texts = await readTexts(
    repo,
    data.flatMap(({ oldId, newId }) => [oldId, newId]),
    signal,
  )
  return data.flatMap(({ path, status, oldId, newId }) => {
    const before = texts.get(oldId) ?? ""
    if (path.endsWith(".json")) return tablesInData(path, texts.get(newId) ?? "", before, values)
    const added = (lines.get(path)?.added ?? []).map(({ text }) => text)
    return status === "added" || changesSource ? answersInLines(path, added, before, values) : []
  })
}

const MAX_FILES = 40

/** The tests that could have told the maker an answer: those it wrote, those the finding names, those of the same name. */
async function testsAbout(facts: ChangeFacts, sources: readonly ChangedSource[]): Promise<TestFile[]> {
  const { repo, tree, entries, isTest, finding, signal } = facts
  const named = new Set([
    ...entries.filter((entry) => entry.status !== "deleted" && isTest(entry.path)).map((entry) => entry.path),
    ...(finding?.reproduce?.ids ?? []).map((id) => id.split(" > ")[0] ?? ""),
    ...(finding?.file === undefined ? [] : [finding.file]),
  ])
  const stems = new Set(sources.map(({ path }) => stemOf(path)))
  // Go names its tests by packages: those of the changed ones and of the finding's.
  const packages = new Set([
    ...sources.flatMap(({ path }) => (path.endsWith(".go") ? [posix.dirname(path)] : [])),
    ...(finding?.reproduce?.ids ?? []).map((id) => id.split(" > ")[0] ?? ""),
  ])
  const listed = await tryGit(["ls-tree", "-r", "-z", "--full-tree", tree], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  const blobs = listed.stdout.split("\0").flatMap((line): { path: string; id: string }[] => {
    const [, id, path] = /^\d+ blob ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? []
    return id === undefined || path === undefined ? [] : [{ path, id }]
  })
  const chosen = blobs
    .filter(({ path }) => named.has(path) || (isTest(path) && (stems.has(stemOf(path)) || isOfPackage(path, packages))))
    .slice(0, MAX_FILES)
  const texts = await readTexts(
    repo,
    chosen.map(({ id }) => id),
    signal,
  )
  return chosen.flatMap(({ path, id }) => readTests(path, texts.get(id) ?? "") ?? [])
}

function isOfPackage(path: string, packages: ReadonlySet<string>): boolean {
  if (!path.endsWith("_test.go")) return false
  const folder = posix.dirname(path)
  return packages.has(folder) || [...packages].some((each) => folder !== "." && each.endsWith(`/${folder}`))
}

/** `test/add.test.js`, `test_add.py` and `add_test.go` are about `add`. */
function stemOf(path: string): string {
  return posix
    .basename(path)
    .replace(/\.[^.]+$/, "")
    .replace(/^test[-_]|[-_.](test|spec|tests)$/g, "")
    .toLowerCase()
}
