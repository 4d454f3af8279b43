import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { readState } from "../state-file.ts"
import { mergeState } from "./merge.ts"
import { emptyFile } from "./render.ts"
import { headings, type StateEdit, type StateRow, type StateView, sections } from "./view.ts"

/*
 * People and Flyball take turns on one file, in random ways: whatever people do between two writes, and whether Flyball
 * has read it or not, what they wrote stays, what is not read yet can still be read, and what was read is not read twice.
 */

const ids = ["a", "b", "c", "d"].map((letter) => letter.repeat(16))
const section = fc.constantFrom(...sections)
const rows = fc.uniqueArray(
  fc.record({
    fingerprint: fc.constantFrom(...ids),
    section,
    title: fc.constantFrom("adds up", "a *bold* title", "`code` <b>x</b>", "a title with [link](http://x)", "日本語"),
    why: fc.option(fc.constantFrom("still red", "- a dash", "<!-- c -->"), { nil: undefined }),
  }),
  { selector: (row) => row.fingerprint, maxLength: 4 },
)

/** What a person does to the text; each leaves a word of its own that can be looked for. */
const deed = fc.record({
  does: fc.constantFrom(
    "note",
    "note below",
    "tick",
    "untick",
    "move",
    "add",
    "add elsewhere",
    "write",
    "heading",
    "head",
    "delete",
  ),
  who: fc.constantFrom(...ids),
  to: section,
  spot: fc.nat({ max: 30 }),
})
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never

const turn = fc.record({ deeds: fc.array(deed, { maxLength: 5 }), rows, reads: fc.boolean() })

/** The text after the deed, and the word that must stay in it. */
function act(text: string, { does, who, to, spot }: Deed, word: string): { text: string; word?: string } {
  const lines = text.split("\n")
  const at = lines.findIndex((line) => line.includes(`flyball:${who}`))
  const insert = (index: number, ...added: string[]) => {
    lines.splice(index, 0, ...added)
    return { text: lines.join("\n"), word }
  }
  const heading = lines.indexOf(`## ${headings[to]}`)
  switch (does) {
    case "add":
      return heading === -1 ? { text } : insert(heading + 1, "", `- [ ] ${word} to do`)
    case "add elsewhere":
      return insert(lines.length, "", "## My own", "", `- [ ] ${word} of mine`, "")
    case "write":
      return insert(heading === -1 ? 0 : heading + 1, "", `Some ${word} prose.`, "")
    case "heading":
      return insert(0, `### ${word}`, "")
    default:
      break
  }
  if (at === -1) return { text }
  const line = lines[at] ?? ""
  let end = at + 1
  while (/^\s+\S/.test(lines[end] ?? "")) end += 1
  switch (does) {
    case "note":
      return insert(at + 1 + (spot % Math.max(1, end - at)), `  - ${word} under it`)
    case "note below":
      return insert(end, `  ${word} without a bullet`)
    case "tick":
      lines[at] = line.replace("- [ ]", "- [x]")
      return { text: lines.join("\n") }
    case "untick":
      lines[at] = line.replace("- [x]", "- [ ]")
      return { text: lines.join("\n") }
    case "head":
      lines[at] = line.replace(/^(- \[.\]) /, `$1 ${word} `)
      return { text: lines.join("\n"), word }
    case "delete":
      return /word\d/.test(lines.slice(at, end).join())
        ? { text }
        : { text: [...lines.slice(0, at), ...lines.slice(end)].join("\n") }
    default: {
      if (heading === -1) return { text }
      const item = lines.splice(at, end - at)
      lines.splice(lines.indexOf(`## ${headings[to]}`) + 1, 0, "", ...item)
      return { text: lines.join("\n") }
    }
  }
}

const viewOf = (shown: readonly Pick<StateRow, "fingerprint" | "section" | "title" | "why">[]): StateView => ({
  loop: "l",
  at: "2026-11-21",
  rows: shown.map((row) => ({ severity: "high", source: "s", ...row })),
})
/** Items that people added are findings from then on, as the engine has it. */
const withAdded = (shown: StateView, added: ReadonlyMap<string, StateRow>): StateView => ({
  ...shown,
  rows: [...shown.rows, ...added.values()],
})
/** What edits say, apart from their keys and from how lines are grouped into notes. */
function saidIn(edits: readonly StateEdit[]): string[] {
  const said = edits.flatMap((edit) => {
    if (edit.is === "noted")
      return edit.text
        .split("\n")
        .flatMap((line) => (line.trim() === "" ? [] : [`${edit.fingerprint}: ${line.trim()}`]))
    if (edit.is === "added") return [`added: ${edit.text}`]
    return [`${edit.fingerprint} ${edit.is} ${edit.is === "moved" ? edit.to : ""}`]
  })
  // Mark-up is the file's business: a title is code in it, and a note is not.
  return [...new Set(said.map((line) => line.replace(/[^\p{L}\p{N}]+/gu, " ").trim()))].sort()
}

type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never

/** Plays the turns; `seen` is called with the text before and after each write. */
function play(
  turns: readonly Turn[],
  eol: string,
  seen: (write: {
    words: readonly string[]
    before: string
    after: string
    taken: readonly StateEdit[]
    view: StateView
  }) => void,
): void {
  let text = emptyFile("l").replaceAll("\n", eol)
  const words: string[] = []
  const added = new Map<string, StateRow>()
  for (const { deeds, rows: shown, reads } of turns) {
    for (const each of deeds) {
      const done = act(text.replaceAll("\r\n", "\n"), each, `word${words.length}x`)
      text = done.text.replaceAll("\n", eol)
      if (done.word !== undefined) words.push(done.word)
    }
    const taken = reads ? readState(text).edits : []
    for (const edit of taken) {
      if (edit.is !== "added") continue
      const { fingerprint, section: place } = edit
      added.set(fingerprint, { fingerprint, section: place, title: edit.text, severity: "medium", source: "state" })
    }
    const view = withAdded(viewOf(shown), added)
    const after = mergeState(text, view, taken)
    seen({ words, before: text, after, taken, view })
    text = after
  }
}

const turns = fc.array(turn, { minLength: 1, maxLength: 4 })
const eols = fc.constantFrom("\n", "\r\n")
const runs = { numRuns: 60 }

describe("people and Flyball write one file by turns", () => {
  test("nothing that a person wrote is lost, whatever was read", () => {
    fc.assert(
      fc.property(turns, eols, (played, eol) => {
        const heard: { word: string; fingerprint: string }[] = []
        const gone = new Set<string>()
        play(played, eol, ({ words, after, taken, view }) => {
          for (const edit of taken)
            for (const word of words)
              if ("text" in edit && edit.text.includes(word)) heard.push({ word, fingerprint: edit.fingerprint })
          // What was read goes with its item, when there is nothing more to say of that: the ledger has it.
          for (const { word, fingerprint } of heard)
            if (!view.rows.some((row) => row.fingerprint === fingerprint)) gone.add(word)
          for (const word of words.filter((each) => !gone.has(each))) expect(after).toContain(word)
        })
      }),
      runs,
    )
  })

  test("what was not read can still be read after the write, and what was read is no news again", () => {
    fc.assert(
      fc.property(turns, eols, (played, eol) => {
        play(played, eol, ({ before, after, taken }) => {
          const news = taken.length > 0 ? [] : saidIn(readState(before).edits)
          expect(saidIn(readState(after).edits)).toEqual(news)
        })
      }),
      runs,
    )
  })

  test("to write it once more changes no byte", () => {
    fc.assert(
      fc.property(turns, eols, (played, eol) => {
        play(played, eol, ({ after, view, taken }) => {
          expect(mergeState(after, view, taken)).toBe(after)
          expect(mergeState(after, view, [])).toBe(after)
        })
      }),
      runs,
    )
  })

  test("every finding of the view stands in the file exactly once", () => {
    fc.assert(
      fc.property(turns, eols, (played, eol) => {
        play(played, eol, ({ after, view }) => {
          for (const { fingerprint } of view.rows) expect(after.split(`flyball:${fingerprint}`)).toHaveLength(2)
        })
      }),
      runs,
    )
  })
})
