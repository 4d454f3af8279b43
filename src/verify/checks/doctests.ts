import { tryGit } from "../../lib/git.ts"
import { readTexts } from "../texts.ts"
import type { ChangeFacts } from "./check.ts"
import type { Retraction } from "./compare-tests.ts"

/** One example of a docstring: what is typed, with its directives, and what shall come. */
export type Example = { line: number; typed: string; wanted: string }

/**
 * Examples in docstrings that go, ask for something else or are skipped: they stand in the source, so no copy of the base's can be
 * put in their place. `sure` where the base's own report names the file; where only a text of the base says that such examples
 * are run, a person is asked; where nothing does, they are documentation.
 */
export async function retractedDoctests(facts: ChangeFacts): Promise<Retraction[]> {
  const { repo, entries, isTest, isMixed = () => false, signal } = facts
  const changed = entries.filter(
    ({ path, status }) => status !== "added" && path.endsWith(".py") && (isMixed(path) || !isTest(path)),
  )
  const python = entries.filter(({ path }) => path.endsWith(".py"))
  const texts = await readTexts(
    repo,
    python.flatMap(({ oldId, newId }) => [oldId, newId]),
    signal,
  )
  const before = changed.map(({ path, oldId }) => ({ path, examples: examplesIn(texts.get(oldId) ?? "") }))
  if (before.every(({ examples }) => examples.length === 0)) return []
  const after = python.flatMap(({ newId }) => examplesIn(texts.get(newId) ?? ""))
  const kept = new Set(before.flatMap(({ examples }) => examples).flatMap((each) => takeSame(after, each) ?? []))
  const lost = before.flatMap(({ path, examples }) =>
    examples.filter((each) => !kept.has(each)).map((each) => ({ path, ...each })),
  )
  if (lost.length === 0) return []
  const isRun = lost.every(({ path }) => isMixed(path)) || (await speaksOfDoctests(facts))
  return lost.flatMap(({ path, line, typed, wanted }) => {
    if (!isMixed(path) && !isRun) return []
    const skipped = after.some((other) => plain(other.typed) === plain(typed) && /\+SKIP\b/.test(other.typed))
    const instead = after.find((other) => plain(other.typed) === plain(typed) && !skipped)
    const now = skipped
      ? ": now it is skipped"
      : instead === undefined
        ? ""
        : `: now it wants \`${cut(instead.wanted)}\``
    const text = `${path}:${line} loses the example \`${cut(typed)}\`, which wants \`${cut(wanted)}\`${now}`
    return [{ text, sure: isMixed(path), ...(skipped ? {} : { wanted: true }) }]
  })
}

function takeSame(after: Example[], each: Example): Example | undefined {
  const at = after.findIndex(({ typed, wanted }) => typed === each.typed && wanted === each.wanted)
  if (at === -1) return undefined
  after.splice(at, 1)
  return each
}

/** `>>> f(1)`, its further lines, and what stands below up to a blank line; what wants nothing only prepares. */
export function examplesIn(text: string): Example[] {
  const lines = text.split(/\r?\n/)
  const found: Example[] = []
  for (let at = 0; at < lines.length; at++) {
    const typed = [/^\s*>>> ?(.*)$/.exec(lines[at] ?? "")?.[1]]
    if (typed[0] === undefined) continue
    const line = at + 1
    for (let more = furtherLine(lines[at + 1]); more !== undefined; more = furtherLine(lines[at + 1])) {
      typed.push(more)
      at++
    }
    const wanted: string[] = []
    while (at + 1 < lines.length && !/^\s*$|^\s*>>>|"""|'''/.test(lines[at + 1] ?? ""))
      wanted.push((lines[++at] ?? "").trim())
    const said = typed.join("\n").trim()
    if (wanted.length > 0) found.push({ line, typed: said, wanted: wanted.join("\n") })
  }
  return found
}

/** A text without its examples: what a docstring says of a value is no use of it. */
export function withoutExamples(text: string): string {
  const lines = text.split("\n")
  for (const { line, typed, wanted } of examplesIn(text))
    for (let n = 0; n < `${typed}\n${wanted}`.split("\n").length; n++) lines[line - 1 + n] = ""
  return lines.join("\n")
}

/** Whether examples in the docstrings of a change's files are run, as far as can be told. */
export async function doctestsRun(facts: ChangeFacts, textOf: (id: string) => string): Promise<boolean> {
  const python = facts.entries.filter(({ path }) => path.endsWith(".py"))
  if (!python.some(({ oldId }) => /^\s*>>> /m.test(textOf(oldId)))) return false
  return python.some(({ path }) => facts.isMixed?.(path) === true) || (await speaksOfDoctests(facts))
}

function furtherLine(line: string | undefined): string | undefined {
  return /^\s*\.\.\.(?: (.*))?$/.exec(line ?? "")?.map((part) => part ?? "")[1]
}

function plain(typed: string): string {
  return typed.replace(/\s*#\s*doctest:.*$/gm, "").trim()
}

function cut(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " ")
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}

/** Whether the base's settings, scripts or tests speak of running such examples. */
async function speaksOfDoctests({ repo, base, signal }: ChangeFacts): Promise<boolean> {
  const pattern =
    "doctest[-_](modules|glob)|-m doctest|doctest\\.(testmod|testfile|DocTestSuite|DocFileSuite|run_docstring_examples)"
  const found = await tryGit(["grep", "-qIE", pattern, base, "--", ":!*.md", ":!*.rst"], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  return found.exitCode === 0
}
