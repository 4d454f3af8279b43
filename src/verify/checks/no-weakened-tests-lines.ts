import type { Line } from "../diff.ts"
import { isSnapshotPath } from "../paths.ts"
import { assertionIn, isAtLeastAsStrong, markersIn, testIn } from "./assertions.ts"
import { type ChangeFacts, plural } from "./check.ts"
import type { Retraction } from "./compare-tests.ts"

type Entries = ChangeFacts["entries"]

/** What the lines of test files take back, for languages whose tree is not read. Moved lines are no loss. */
export function retractedLines(facts: ChangeFacts, tests: Entries): Retraction[] {
  const pool = new Pool(tests.flatMap((entry) => facts.lines.get(entry.path)?.added ?? []))
  return tests.flatMap((entry) => {
    const { added = [], deleted = [] } = facts.lines.get(entry.path) ?? {}
    const only = newMarkers(added, deleted).filter((marker) => entry.status !== "added" || marker === "only")
    const marks = only.map((marker) => `${entry.path} adds \`${marker}\``)
    const before = entry.status === "deleted" && deleted.length === 0 ? [`${entry.path} is deleted`] : []
    const lost = entry.status === "added" ? [] : lostLines(entry.path, deleted, added, pool)
    return [...before, ...marks, ...lost].map((text) => ({ text, sure: true }))
  })
}

/**
 * Recorded expectations and what tests read. A snapshot that loses lines asks for something else; a fixture may be an
 * expectation or an input, and only a person can tell.
 */
export function retractedRecords(facts: ChangeFacts, files: Entries): Retraction[] {
  return files.flatMap(({ path, status }): Retraction[] => {
    if (status === "added" || /(^|\/)(readme|license|changelog)\b[^/]*$/i.test(path)) return []
    const { added = [], deleted = [] } = facts.lines.get(path) ?? {}
    if (deleted.length === 0 && status !== "deleted") return []
    if (!isSnapshotPath(path)) {
      const what = status === "deleted" ? "is deleted" : `loses ${plural(deleted.length, "line")}`
      return [{ text: `${path}, which tests read, ${what}`, sure: false }]
    }
    const lost = lostRecords(deleted, added)
    return lost === 0 ? [] : [{ text: `${path} is rewritten: ${plural(lost, "recorded line")} changed`, sure: true }]
  })
}

/** Lines that no added line says again: a test that was renamed takes its snapshot along. */
function lostRecords(deleted: readonly Line[], added: readonly Line[]): number {
  const recorded = ({ text }: Line) => text.replace(/^exports\[`[^`]*`\] = /, "")
  const left = added.map(recorded)
  return deleted.filter((line) => {
    const value = recorded(line)
    const at = left.indexOf(value)
    if (at !== -1) left.splice(at, 1)
    return at === -1 && value.trim() !== "" && !/^\/\/ (Jest|Vitest) Snapshot/.test(value)
  }).length
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
