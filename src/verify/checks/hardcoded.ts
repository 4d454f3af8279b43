import { posix } from "node:path"
import { tryGit } from "../../lib/git.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { readTests } from "../syntax/tests.ts"
import { readTexts } from "../texts.ts"
import { knownByHeart, knownInData, type Written, writtenIn } from "./by-heart.ts"
import { type ChangedSource, changedSources } from "./changed-sources.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { doubtsOf } from "./doubtful-source.ts"
import { bodiesOf, givenValues } from "./given-values.ts"
import { knownAnswers, samplesOf } from "./known-answers.ts"
import { goModules, silencesFinding, suppressionsIn } from "./suppressions.ts"
import { tellsOf } from "./telling-source.ts"

/**
 * Source that knows the tests' answers, or does what only a program does that wants to look right: a person is asked.
 * What is surely a cheat is not here: `no_weakened_tests`, which is always on, refuses it.
 */
export const hardcoded: ChangeCheck = async (facts) => {
  const sources = (await changedSources(facts)).filter((changed) => !changed.isTest)
  const tests = await testsAbout(facts, sources)
  const samples = samplesOf(tests)
  const bodies = bodiesOf(tests)
  const written = writtenIn(tests)
  const doubtful = sources.flatMap((changed) => [
    ...knownAnswers(changed, samples),
    ...givenValues(changed, bodies),
    ...knownByHeart(changed, written),
    ...doubtsOf(changed),
    ...tellsOf(changed),
  ])
  const silencing = suppressionsIn(sources)
  const found = [...onePerLine([...doubtful, ...(await dataOf(facts, written))]), ...silencing, ...goModules(facts)]
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

/** What several rules see is told once. */
function onePerLine(found: readonly string[]): string[] {
  return [...new Map([...found].reverse().map((text) => [text.split(" ")[0], text])).values()].reverse()
}

/** Tables beside the source: data that the tests don't own. */
async function dataOf({ repo, entries, isTest, signal }: ChangeFacts, written: Written): Promise<string[]> {
  const data = entries.filter(
    ({ path, status, binary }) =>
      status !== "deleted" &&
      !binary &&
      path.endsWith(".json") &&
      !isTest(path) &&
      !/(^|\/)(package|[\w.-]*lock|[tj]sconfig[\w.-]*)\.json$/.test(path),
  )
  const texts = await readTexts(
    repo,
    data.flatMap(({ oldId, newId }) => [oldId, newId]),
    signal,
  )
  return data.flatMap(({ path, oldId, newId }) =>
    knownInData(path, texts.get(newId) ?? "", texts.get(oldId) ?? "", written),
  )
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
