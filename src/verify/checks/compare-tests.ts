import type { Expectation, Mark, TestCase, TestFile } from "../syntax/test-model.ts"
import { asksNoLess, isFree, keeps } from "./strength.ts"

/**
 * An expectation that the change takes back; `sure` where no honest edit of a test that stays right looks like it. `wanted`:
 * tests of another behaviour look like it too, as the people write them who decide what is right.
 */
export type Retraction = { text: string; sure: boolean; wanted?: true }

type Held = { path: string; test: TestCase }
type Pair = { before: Held; after: Held | undefined }

const MAX_SHOWN_CHARS = 160
/** Beyond this many unmatched tests on both sides likeness is not looked for. */
const MAX_ALIKE = 300

/**
 * The base's tests against the head's, test by test. A test is the same by file and name, then by name alone, then by
 * likeness of its body: renaming, moving and splitting take nothing back.
 */
export function compareTests(base: readonly TestFile[], head: readonly TestFile[]): Retraction[] {
  const pairs = pairTests(heldIn(base), heldIn(head))
  const spare = new Spare(head)
  for (const { before, after } of pairs)
    if (after !== undefined) spare.take(before.test.expectations, after.test.expectations)
  const told = pairs.flatMap(({ before, after }) =>
    after === undefined ? gone(before, spare) : changed(before, after, spare),
  )
  const outside = base.flatMap((file) => lost(file.path, file.outside, [], spare, ""))
  return [...told, ...outside, ...newTests(pairs, head), ...wholeFiles(base, head)]
}

function heldIn(files: readonly TestFile[]): Held[] {
  return files.flatMap((file) => file.cases.map((test) => ({ path: file.path, test })))
}

function pairTests(before: readonly Held[], after: readonly Held[]): Pair[] {
  const pairs = new Map<Held, Held>()
  const taken = new Set<Held>()
  const match = (same: (a: Held, b: Held) => boolean) => {
    for (const a of before) {
      if (pairs.has(a)) continue
      const found = after.find((b) => !taken.has(b) && same(a, b))
      if (found === undefined) continue
      pairs.set(a, found)
      taken.add(found)
    }
  }
  match((a, b) => a.path === b.path && a.test.name === b.test.name)
  match((a, b) => a.test.name === b.test.name)
  match((a, b) => a.test.expectations.length > 0 && b.test.expectations.length > 0 && sameBody(a.test, b.test))
  const [left, right] = [before.filter((a) => !pairs.has(a)), after.filter((b) => !taken.has(b))]
  if (left.length <= MAX_ALIKE && right.length <= MAX_ALIKE) match((a, b) => likeness(a.test, b.test) >= 0.6)
  return before.map((held) => ({ before: held, after: pairs.get(held) }))
}

function sameBody(a: TestCase, b: TestCase): boolean {
  return a.expectations.every((one) => b.expectations.some((other) => keeps(one, other)))
}

function likeness(a: TestCase, b: TestCase): number {
  const [one, other] = [wordsOf(a.body), wordsOf(b.body)]
  const shared = [...one].filter((word) => other.has(word)).length
  return shared / (one.size + other.size - shared || 1)
}

function wordsOf(text: string): Set<string> {
  return new Set(text.match(/\w+|[^\s\w]+/g))
}

/** The head's expectations that no test of the base accounts for: whatever was moved is among them. */
class Spare {
  readonly #left: Expectation[]
  /** Those that stand in no test, which nothing may ever run: they make up for their like alone. */
  readonly #outside: Expectation[]
  constructor(head: readonly TestFile[]) {
    this.#left = head.flatMap((file) => file.cases.flatMap((test) => test.expectations))
    this.#outside = head.flatMap((file) => file.outside)
  }
  /** Takes out what the base's own expectations of a test account for, the same before the stronger. */
  take(before: readonly Expectation[], after: readonly Expectation[]): void {
    const open = [...after]
    for (const rule of [isSame, keeps]) {
      for (const each of before) {
        const found = open.findIndex((other) => rule(each, other))
        if (found === -1) continue
        const [taken] = open.splice(found, 1)
        this.#left.splice(taken === undefined ? -1 : this.#left.indexOf(taken), 1)
      }
    }
  }
  /** Takes one that does for a lost one, if there is one. */
  makesUpFor(lost: Expectation, wasOutside: boolean): boolean {
    return [this.#left, ...(wasOutside ? [this.#outside] : [])].some((list) => {
      const found = list.findIndex((other) => keeps(lost, other))
      if (found !== -1) list.splice(found, 1)
      return found !== -1
    })
  }
  has(expectation: Expectation): boolean {
    return this.#left.includes(expectation)
  }
}

function isSame(a: Expectation, b: Expectation): boolean {
  return a.subject === b.subject && a.matcher === b.matcher && a.expected === b.expected && keeps(a, b)
}

function gone({ path, test }: Held, spare: Spare): Retraction[] {
  const missing = test.expectations.filter((each) => !spare.makesUpFor(each, false))
  if (test.expectations.length > 0 && missing.length === 0) return []
  return [{ text: `${path}:${test.line} loses the test \`${clip(test.name)}\``, sure: true, wanted: true }]
}

function changed(before: Held, after: Held, spare: Spare): Retraction[] {
  return [
    ...newMarks(before.test.marks, after.test.marks).map(({ kind, text }) => ({
      text: `${after.path} adds \`${kind}\` to the test \`${clip(before.test.name)}\`: \`${clip(text)}\``,
      sure: true,
    })),
    ...lost(before.path, before.test.expectations, after.test.expectations, spare, before.test.name),
    ...slower(before, after),
  ]
}

function slower(before: Held, after: Held): Retraction[] {
  return longer(
    `${after.path} gives the test \`${clip(before.test.name)}\``,
    before.test.timeoutMs,
    after.test.timeoutMs,
  )
}

function longer(who: string, was = 5_000, is?: number): Retraction[] {
  if (is === undefined || is <= was) return []
  return [{ text: `${who} more time: ${Number.isFinite(is) ? `${is} ms` : "without end"}`, sure: false }]
}

/** The expectations of one test that nothing in the head keeps, and what stands in their place. */
function lost(
  path: string,
  before: readonly Expectation[],
  after: readonly Expectation[],
  spare: Spare,
  name: string,
): Retraction[] {
  const open = [...after]
  const missing: Expectation[] = []
  for (const rule of [isSame, keeps]) {
    const left = rule === isSame ? before : missing.splice(0)
    for (const each of left) {
      const found = open.findIndex((other) => rule(each, other))
      if (found === -1) missing.push(each)
      else open.splice(found, 1)
    }
  }
  const unexplained = open.filter((each) => spare.has(each))
  const said = new Set<string>()
  return missing
    .filter((each) => !spare.makesUpFor(each, name === ""))
    .map((each) => describe(path, each, unexplained, name))
    .filter(({ text }) => !said.has(text) && said.add(text))
}

function describe(path: string, each: Expectation, open: readonly Expectation[], name: string): Retraction {
  const start = `${path}:${each.line} loses \`${clip(each.text)}\``
  const about = open.find((other) => other.subject === each.subject)
  if (about !== undefined) {
    const guard = about.guards.find((other) => !each.guards.includes(other))
    if (!isFree(each, about) && asksNoLess(each, about))
      return { text: `${start}: now it counts only under ${guard}`, sure: true }
    const text = `${start}: now \`${clip(about.text)}\`, which asks for something else or less`
    return { text, sure: true, wanted: true }
  }
  // One that holds the old one within, `f(2) > 0` or `x == 3 or True`, is weaker than it was.
  const around = open.find(
    ({ subject }) => subject.includes(each.subject) && (each.subject.includes("(") || subject.includes(" or ")),
  )
  if (around !== undefined) return { text: `${start}: now \`${clip(around.text)}\`, which asks for less`, sure: true }
  const instead = open.find((other) => /\w/.test(other.subject) && strength(other) >= strength(each))
  if (instead === undefined || name === "") return { text: start, sure: true, wanted: true }
  return { text: `${start}: perhaps for \`${clip(instead.text)}\``, sure: false }
}

/** Rough: whether something new could stand for what is lost. */
function strength({ matcher, expected }: Expectation): number {
  if (/^(ok|truthy|toBeTruthy|toBeDefined|assertTrue|True|NotNil|toHaveBeenCalled)$/.test(matcher)) return 1
  return /^(plan)$/.test(matcher) ? 0 : expected === "" && !/throw|raise|fails if/i.test(matcher) ? 1 : 2
}

/** What a test that is new may not do: keep the others from running. */
function newTests(pairs: readonly Pair[], head: readonly TestFile[]): Retraction[] {
  const known = new Set(pairs.map(({ after }) => after?.test))
  return head.flatMap((file) =>
    file.cases
      .filter((test) => !known.has(test))
      .flatMap((test) => test.marks)
      .filter(({ kind }) => kind === "only" || kind === "exit")
      .map(({ kind, text }) => ({ text: `${file.path} adds \`${kind}\`: \`${clip(text)}\``, sure: true })),
  )
}

function wholeFiles(base: readonly TestFile[], head: readonly TestFile[]): Retraction[] {
  return head.flatMap((after) => {
    const before = base.find((file) => file.path === after.path)
    const marks = newMarks(before?.marks ?? [], after.marks)
      // A new file may have tags of its own; nothing may end the run.
      .filter(({ kind }) => before !== undefined || kind === "exit")
      .map(({ kind, text }) => ({ text: `${after.path} adds \`${kind}\`: \`${clip(text)}\``, sure: true }))
    if (before === undefined) return marks
    const mocks = after.mocks
      .filter((mock) => !before.mocks.includes(mock))
      .map((mock) => ({ text: `${after.path} puts a stand-in in the place of \`${clip(mock)}\``, sure: false }))
    const time = longer(`${after.path} gives its tests`, before.timeoutMs, after.timeoutMs)
    return [...marks, ...mocks, ...time, ...redirected(before, after)]
  })
}

/** Names that are tested now from somewhere else, or that the test makes itself. */
function redirected(before: TestFile, after: TestFile): Retraction[] {
  const stays = (name: string) =>
    after.cases.some((test) => new RegExp(`\\b${name.replace(/\W/g, "\\$&")}\\b`).test(test.body))
  return [...before.imports].flatMap(([name, module]) => {
    const now = after.imports.get(name)
    if (now === module || !stays(name) || !/^\w+$/.test(name)) return []
    if (now === undefined)
      return [
        {
          text: `${after.path} no longer imports \`${name}\` from \`${module}\`, and still uses the name`,
          sure: false,
        },
      ]
    const moved =
      /(^|\/)(tests?|__tests__|__mocks__|fixtures?|mocks?|fakes?|stubs?)(\/|$|\.)|(mock|fake|stub)/i.test(now) ||
      (!/test/.test(after.path) && now.startsWith("./"))
    const isHarness =
      /^(node:)?(assert|test)(\/strict)?$|^(vitest|jest|@jest\/globals|chai|pytest|unittest|testing)$/.test(module)
    if (!moved && !isHarness) return []
    if (isHarness && /^(node:)?assert\/strict$/.test(now)) return []
    return [{ text: `${after.path} takes \`${name}\` from \`${now}\`, and not from \`${module}\``, sure: false }]
  })
}

/** Marks, as often as there are more of a kind than before. */
function newMarks(before: readonly Mark[], after: readonly Mark[]): Mark[] {
  const had = new Map<string, number>()
  for (const { kind } of before) had.set(kind, (had.get(kind) ?? 0) + 1)
  return after.filter(({ kind }) => {
    const left = had.get(kind) ?? 0
    had.set(kind, left - 1)
    return left <= 0
  })
}

function clip(text: string): string {
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text
}
