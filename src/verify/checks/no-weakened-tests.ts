import type { Judgement } from "../../core/judge-measured.ts"
import type { Line } from "../diff.ts"
import { isCode, isSnapshotPath } from "../paths.ts"
import { assertionIn, isAtLeastAsStrong, knowsItIsTested, markersIn, testIn } from "./assertions.ts"
import { bullets, type ChangeFacts, fails, passes, plural } from "./check.ts"

/** What running the head's own tests showed beside the base's copies of them. */
export type OwnTests = {
  /** Tests of the base that the head's edited files no longer pass, hold or run. */
  lost: readonly { id: string; why: string }[]
  /** The same was told to the maker in an earlier attempt: a person decides now. */
  repeated: boolean
}

/**
 * Existing tests may be edited; what they expect may not be taken back. The base's copies are what decides whether the
 * code is right, so an edit as such is only shown: what is refused is landing tests that ask for less than the base's do.
 */
export function noWeakenedTests(facts: ChangeFacts, own: OwnTests): Judgement {
  const edited = facts.entries.filter((entry) => entry.status !== "added" && facts.isTest(entry.path))
  const taken = [...retractions(facts), ...specialCases(facts), ...own.lost.map(({ id, why }) => `${id} ${why}`)]
  const names = edited.map((entry) => entry.path)
  const caveats = names.length === 0 ? [] : [`Edits existing tests: ${names.slice(0, 10).join(", ")}.`]
  if (taken.length === 0) {
    const summary =
      names.length === 0
        ? "no existing test is edited"
        : `${plural(names.length, "existing test file")} edited, nothing taken back`
    return passes(summary, edited.length, caveats)
  }
  const summary = `takes back ${plural(taken.length, "expectation")} of existing tests: ${taken.slice(0, 3).join("; ")}${taken.length > 3 ? "; …" : ""}`
  const feedback = `The change takes back what existing tests expect:\n${bullets(taken)}\nPut these back as the base has them. If an expectation is itself wrong, stop with \`ambiguous\` and say why: a person decides that.`
  const judged = fails(
    summary,
    feedback,
    taken.map((text) => `taken back: ${text}`),
    edited.length,
    caveats,
  )
  return own.repeated
    ? { ...judged, blame: "person", summary: `${summary}; it was told once already, so a person decides` }
    : judged
}

/** What the lines of the diff take back, said in words. Moved lines are no loss. */
function retractions(facts: ChangeFacts): string[] {
  const tests = facts.entries.filter((entry) => facts.isTest(entry.path))
  const pool = new Pool(tests.flatMap((entry) => facts.lines.get(entry.path)?.added ?? []))
  return tests.flatMap((entry) => {
    const { added = [], deleted = [] } = facts.lines.get(entry.path) ?? {}
    const only = newMarkers(added, deleted).filter((marker) => entry.status !== "added" || marker === "only")
    const marks = only.map((marker) => `${entry.path} adds \`${marker}\``)
    if (entry.status === "added") return marks
    if (isSnapshotPath(entry.path))
      return deleted.length === 0
        ? []
        : [`${entry.path} is rewritten: ${plural(deleted.length, "recorded line")} changed`]
    const before = entry.status === "deleted" && deleted.length === 0 ? [`${entry.path} is deleted`] : []
    return [...before, ...marks, ...lostLines(entry.path, deleted, added, pool)]
  })
}

/** Source that treats tests otherwise than users makes every expectation worthless. */
function specialCases({ entries, lines, isTest }: ChangeFacts): string[] {
  const sources = entries.filter((entry) => !isTest(entry.path) && isCode(entry.path))
  return sources.flatMap(({ path }) =>
    (lines.get(path)?.added ?? [])
      .filter((line) => knowsItIsTested(line.text))
      .map(({ n, text }) => `${path}:${n} treats tests specially: \`${text.trim().slice(0, 160)}\``),
  )
}

function lostLines(path: string, deleted: readonly Line[], added: readonly Line[], pool: Pool): string[] {
  return deleted.flatMap(({ n, text }) => {
    const what = assertionIn(text) ?? testIn(text)
    if (what === undefined || pool.take(text)) return []
    if (added.some((line) => isAtLeastAsStrong(text, line.text))) return []
    return [`${path}:${n} loses \`${text.trim().slice(0, 160)}\``]
  })
}

/** Markers that turn tests off, as often as there are more of them than before. */
function newMarkers(added: readonly Line[], deleted: readonly Line[]): string[] {
  const count = new Map<string, number>()
  for (const line of added) for (const marker of markersIn(line.text)) count.set(marker, (count.get(marker) ?? 0) + 1)
  for (const line of deleted) for (const marker of markersIn(line.text)) count.set(marker, (count.get(marker) ?? 0) - 1)
  return [...count].filter(([, n]) => n > 0).map(([marker]) => marker)
}

/** Added lines, each of which makes up for one deleted line that says the same. */
class Pool {
  readonly #left = new Map<string, number>()
  constructor(lines: readonly Line[]) {
    for (const { text } of lines) this.#left.set(normal(text), (this.#left.get(normal(text)) ?? 0) + 1)
  }
  take(text: string): boolean {
    const left = this.#left.get(normal(text)) ?? 0
    if (left > 0) this.#left.set(normal(text), left - 1)
    return left > 0
  }
}

function normal(text: string): string {
  return text
    .replace(/\s+/g, "")
    .replace(/['`]/g, '"')
    .replace(/[;,]+$/, "")
}
