import type { Judgement } from "../../core/judge-measured.ts"
import { isCode, isSnapshotPath } from "../paths.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { readTests } from "../syntax/tests.ts"
import { readTexts } from "../texts.ts"
import { bullets, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { compareTests, type Retraction } from "./compare-tests.ts"
import { retractedDoctests } from "./doctests.ts"
import { retractedLines, retractedRecords } from "./no-weakened-tests-lines.ts"
import { specialCases } from "./source/special.ts"

/** What running the head's own tests showed beside the base's copies of them. */
export type OwnTests = {
  /** Tests of the base that the head's edited files no longer pass, hold or run. */
  lost: readonly { id: string; why: string; gone?: boolean }[]
  /** The same was told to the maker in an earlier attempt: a person decides now. */
  repeated: boolean
  /** Nobody makes another attempt, and nothing else stands in the way so far: what people may have wanted is theirs to say. */
  lastWord?: boolean
}

/**
 * Existing tests may be edited; what they expect may not be taken back. The base's copies are what decides whether the
 * code is right, so an edit as such is only shown: what is refused is landing tests that ask for less than the base's do.
 */
export async function noWeakenedTests(facts: ChangeFacts, own: OwnTests): Promise<Judgement> {
  const edited = facts.entries.filter((entry) => entry.status !== "added" && facts.isTest(entry.path))
  const found = [...(await retractions(facts)), ...(await retractedDoctests(facts)), ...(await specialCases(facts))]
  const taken = [
    ...found.filter(({ sure }) => sure).map(({ text }) => text),
    ...own.lost.map(({ id, why }) => `${id} ${why}`),
  ]
  const doubtful = found.filter(({ sure }) => !sure).map(({ text }) => text)
  const names = edited.map((entry) => entry.path)
  const caveats = names.length === 0 ? [] : [`Edits existing tests: ${names.slice(0, 10).join(", ")}.`]
  if (taken.length > 0) {
    const told = [...taken, ...doubtful]
    const wanted = found.every(({ sure, wanted }) => !sure || wanted) && own.lost.every(({ gone }) => gone)
    if (own.lastWord === true && wanted) return forAPerson(told, edited.length, caveats)
    return refused(told, edited.length, caveats, own.repeated)
  }
  if (doubtful.length > 0) return asked(doubtful, edited.length, caveats)
  const summary =
    names.length === 0
      ? "no existing test is edited"
      : `${plural(names.length, "existing test file")} edited, nothing taken back`
  return passes(summary, edited.length, caveats)
}

function refused(taken: readonly string[], ran: number, caveats: string[], repeated: boolean): Judgement {
  const summary = `takes back ${plural(taken.length, "expectation")} of existing tests: ${taken.slice(0, 3).join("; ")}${taken.length > 3 ? "; …" : ""}`
  const feedback = `The change takes back what existing tests expect:\n${bullets(taken)}\nPut these back as the base has them. If an expectation is itself wrong, stop with \`ambiguous\` and say why: a person decides that.`
  const judged = fails(
    summary,
    feedback,
    taken.map((text) => `taken back: ${text}`),
    ran,
    caveats,
  )
  return repeated
    ? { ...judged, blame: "person", summary: `${summary}; it was told once already, so a person decides` }
    : judged
}

/** Another behaviour is wanted, or the tests were bent to the code: only who decides on behaviour can tell (catalogue T13). */
function forAPerson(taken: readonly string[], ran: number, caveats: string[]): Judgement {
  const summary = `takes back ${plural(taken.length, "expectation")} of existing tests, and nothing else stands in its way so far; whether that is wanted a person decides:\n${bullets(taken)}`
  const failing = taken.map((text) => `taken back: ${text}`)
  return { ...fails(summary, summary, failing, ran, caveats), blame: "person" }
}

/** What may be an honest move and may be a loss: nobody but a person can tell. */
function asked(doubtful: readonly string[], ran: number, caveats: string[]): Judgement {
  const summary = `may take back ${plural(doubtful.length, "expectation")} of existing tests, and a person has to look:\n${bullets(doubtful)}`
  const failing = doubtful.map((text) => `perhaps taken back: ${text}`)
  return { ...fails(summary, summary, failing, ran, caveats), blame: "person" }
}

/** What the edited tests no longer ask for: by their trees where there are trees on both sides, else by their lines. */
async function retractions(facts: ChangeFacts): Promise<Retraction[]> {
  const tests = facts.entries.filter((entry) => facts.isTest(entry.path))
  const code = tests.filter((entry) => isCode(entry.path) && !isSnapshotPath(entry.path))
  const texts = await readTexts(
    facts.repo,
    code.flatMap((entry) => [entry.oldId, entry.newId]),
    facts.signal,
  )
  const base: TestFile[] = []
  const head: TestFile[] = []
  const byLines: ChangeFacts["entries"][number][] = []
  for (const entry of code) {
    const before = sideOf(entry.path, entry.oldId, texts)
    const after = sideOf(entry.path, entry.newId, texts)
    if (before === "unread" || after === "unread" || (before !== "none" && isEmpty(before))) byLines.push(entry)
    else {
      if (before !== "none") base.push(before)
      if (after !== "none") head.push(after)
    }
  }
  const records = tests.filter((entry) => !isCode(entry.path) || isSnapshotPath(entry.path))
  return [...compareTests(base, head), ...retractedLines(facts, byLines), ...retractedRecords(facts, records)]
}

function sideOf(path: string, id: string, texts: ReadonlyMap<string, string>): TestFile | "none" | "unread" {
  if (/^0+$/.test(id)) return "none"
  const text = texts.get(id)
  return text === undefined ? "unread" : (readTests(path, text) ?? "unread")
}

/** A file in which no test was recognised: its lines may still say something. */
function isEmpty({ cases, outside, marks }: TestFile): boolean {
  return cases.length === 0 && outside.length === 0 && marks.length === 0
}
