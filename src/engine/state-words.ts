import type { Change } from "../core/change.ts"
import type { Finding } from "../core/finding.ts"
import type { Loop } from "../core/loop.ts"
import type { PersonsWord } from "../discover/discover.ts"
import { sameWork } from "../discover/same-work.ts"
import { readFindingsOf } from "../record/runs.ts"
import { readWords, type Word, type WordRow } from "../record/words.ts"
import type { Session } from "./session.ts"

/** What people said in a state file, by the work it is about: a finding whose message changed is still the same work. */
export type Said = {
  /** The last word on whether it is to be attempted; undefined where nobody said, or said to go on. */
  wordOn(finding: Finding): PersonsWord | undefined
  /** All that was said of it, oldest first. */
  allOn(finding: Finding): WordRow[]
  /** Items that people wrote into the file themselves. */
  added: readonly { fingerprint: string; word: Extract<Word, { is: "added" }> }[]
}

/** Reads what people said of a loop's findings; `more` was read in the file just now and is not in the ledger. */
export async function readSaid(
  { db, repo }: Session,
  loop: Pick<Loop, "name">,
  changes: readonly Change[],
  more: readonly WordRow[] = [],
): Promise<Said> {
  const where = { repo: repo.key, loop: loop.name }
  const rows = [...(await readWords(db, where)), ...more]
  const known = await readFindingsOf(db, where, [...new Set(rows.map((row) => row.fingerprint))])
  const about = new Map([...known, ...changes.map((change) => change.finding)].map((each) => [each.fingerprint, each]))
  const isOn = (finding: Finding) => (row: WordRow) => {
    if (row.fingerprint === finding.fingerprint) return true
    const other = about.get(row.fingerprint)
    return other !== undefined && sameWork(other, finding)
  }
  return {
    wordOn: (finding) => standing(rows.filter(isOn(finding))),
    allOn: (finding) => rows.filter(isOn(finding)),
    added: rows.flatMap(({ fingerprint, word }) => (word.is === "added" ? [{ fingerprint, word }] : [])),
  }
}

function standing(rows: readonly WordRow[]): PersonsWord | undefined {
  const last = rows.findLast(({ word }) => word.is !== "noted" && word.is !== "added")?.word
  return last?.is === "ticked" || last?.is === "blocked" ? { is: last.is } : undefined
}

/** The notes under a finding's item, oldest first: what its next attempt is told. */
export function notesOn(said: Said, finding: Finding): string[] {
  return said.allOn(finding).flatMap(({ word }) => (word.is === "noted" ? [word.text] : []))
}
