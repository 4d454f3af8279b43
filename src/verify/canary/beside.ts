import { randomBytes, randomInt } from "node:crypto"
import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { changedSources } from "../checks/source/changed.ts"
import { readFileAt } from "../diff.ts"
import { treeWithText } from "../edit-tree.ts"
import { type Measured, testsOf } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import type { Picked } from "../measuring.ts"
import { isComment, readSource, type Source, walk } from "../syntax/source.ts"
import { goBeside } from "./beside-go.ts"
import { javascriptBeside } from "./beside-javascript.ts"
import { pythonBeside } from "./beside-python.ts"
import type { Beside, Span, Turn } from "./places.ts"
import { without } from "./vary.ts"

const besides = { javascript: javascriptBeside, python: pythonBeside, go: goBeside }

/** Tests that the change satisfies while it does, for every value beside those that they give, what the base did. */
export type Narrow = { id: string; given: string[] }

const MAX_TESTS = 4
const MAX_FILES = 2
const MAX_COPIES = 48
/** A test that takes longer alone is not run many times over. */
const MAX_TEST_MS = 1_000
/** Fewer values than this show nothing. */
const MIN_VALUES = 5
const TIMEOUT_MS = 120_000
/** Of a longer message only its end is kept. */
const MAX_TOLD_CHARS = 3_500

/**
 * Whether the change is more than the answers to its tests: tests that it turned green are run on base and change with other values in
 * the place of those that they give. A repair makes a difference for some of them; source that knows its tests' values, in whatever
 * form it hides them, makes none.
 */
export async function narrowFor(measured: readonly Measured[], input: LayerInput): Promise<Narrow[]> {
  const { check, base, head } =
    measured.find((each) => each.check.kind === "tests" && testsOf(each.head).length > 0) ?? {}
  if (check === undefined || base === undefined || head === undefined) return []
  const written = await writtenBeside(turnedGreen(base, head, input), testsOf(base), input)
  if (written.copies.length === 0) return []
  const { subject, overlay, told } = input
  told(`${check.name}: ${written.copies.length} copies of tests with other values, on the base and on the change`)
  const [before, after] = [
    await resultsOn(subject.base, "base", check, written, input),
    await resultsOn(overlay.tree, "head", check, written, input),
  ]
  if (before === undefined || after === undefined) return []
  const tests = [...new Set(written.copies.map(({ test }) => test))]
  return tests.flatMap((test) => narrowOf(test, written.copies, before, after))
}

type Copy = Beside & { test: TestResult }
type Written = { copies: Copy[]; files: { path: string; text: string }[] }

/** Those the finding names first, of those that were red or not there and are green. */
function turnedGreen(base: Measurement, head: Measurement, { facts }: LayerInput): TestResult[] {
  const named = new Set(facts.finding?.reproduce?.ids ?? [])
  const before = new Map(testsOf(base).map((test) => [test.id, test.status]))
  const green = testsOf(head).filter(
    ({ id, status, file, ms }) =>
      status === "passed" && file !== undefined && (ms ?? 0) <= MAX_TEST_MS && before.get(id) !== "passed",
  )
  // Tests of the change's own are what it says itself: they count where there is nothing else.
  const known = green.filter(({ id }) => before.has(id))
  const ranked = [...(known.length > 0 ? known : green)].sort(
    (a, b) => Number(named.has(b.id)) - Number(named.has(a.id)),
  )
  const files = [...new Set(ranked.map((test) => test.file))].slice(0, MAX_FILES)
  return ranked.filter((test) => files.includes(test.file)).slice(0, MAX_TESTS)
}

async function writtenBeside(
  tests: readonly TestResult[],
  before: readonly TestResult[],
  input: LayerInput,
): Promise<Written> {
  const { facts, overlay, signal } = input
  const written: Written = { copies: [], files: [] }
  if (tests.length === 0) return written
  const sources = (await changedSources(facts)).filter((changed) => !changed.isTest)
  const said = sources.flatMap(({ source }) => (source === undefined ? [] : [withoutComments(source)])).join("\n")
  const isKnown = (word: string) => new RegExp(`(?<![\\w.])${word.replace(/[^\w]/g, "\\$&")}(?![\\w.])`).test(said)
  for (const path of new Set(tests.flatMap(({ file }) => file ?? []))) {
    const text = await readFileAt(facts.repo, overlay.tree, path, signal)
    const source = text === undefined ? undefined : readSource(path, text)
    if (text === undefined || source === undefined || source.broken) continue
    const edits: Turn[] = []
    for (const test of tests.filter((each) => each.file === path)) {
      const message = before.find(({ id }) => id === test.id)?.message ?? ""
      const asked = { name: test.name, message, failedAt: lineIn(path, message) }
      const beside = besides[source.language](source, asked, { random, word, isKnown })
      if (beside === undefined || written.copies.length + beside.copies.length > MAX_COPIES) continue
      edits.push(beside.edit)
      written.copies.push(...beside.copies.map((copy) => ({ ...copy, test })))
    }
    const backwards = edits.sort((a, b) => b.from - a.from)
    const turned = backwards.reduce((all, { from, to, insert }) => all.slice(0, from) + insert + all.slice(to), text)
    if (edits.length > 0) written.files.push({ path, text: turned })
  }
  return written
}

/** What a file says to whoever runs it: a value in a comment is no word of the source's. */
function withoutComments(source: Source): string {
  const comments: Span[] = []
  walk(source.root, (node) => {
    if (isComment(node)) comments.push({ from: node.from, to: node.to })
    return true
  })
  return without(source, { from: 0, to: source.text.length }, comments)
}

/** The line of a file that a failure's stack names. */
function lineIn(path: string, message = ""): number | undefined {
  const name = path.split("/").at(-1) ?? path
  const [, line] = new RegExp(`(?<![\\w.])${name.replace(/\W/g, "\\$&")}(?::|", line )(\\d+)`).exec(message) ?? []
  return line === undefined ? undefined : Number(line)
}

/** What the copies came to, by their names; undefined where they could not be run. */
async function resultsOn(
  on: string,
  side: "base" | "head",
  check: CheckSpec,
  { copies, files }: Written,
  { facts, subject, measureTree, signal }: LayerInput,
): Promise<Map<string, TestResult> | undefined> {
  let tree = on
  for (const { path, text } of files)
    tree = await treeWithText(tree, { path, mode: "100644", text }, { repo: facts.repo, signal })
  const only = copies.map(({ name, test }): Picked => {
    const { file } = test
    // Under the name that it has in its own place: a runner may number those that are called alike.
    const before = test.id.includes(test.name) ? test.id.slice(0, test.id.lastIndexOf(test.name)) : test.id
    return {
      id: `${before}${name}`,
      name,
      ...(file === undefined ? {} : { file }),
    }
  })
  const measured = await measureTree(
    { ...check, timeoutMs: Math.min(check.timeoutMs, TIMEOUT_MS) },
    { tree, definitionsFrom: subject.base, purpose: `${check.name}-other-values-${side}`, only, signal },
  )
  signal.throwIfAborted()
  if (measured.result.is === "error") return undefined
  const results = testsOf(measured)
  return new Map(copies.flatMap(({ name }) => ofCopy(name, results)))
}

/** A copy's own result, with those of its subtests. */
function ofCopy(name: string, results: readonly TestResult[]): [string, TestResult][] {
  const own = results.filter((result) => result.name === name)
  const [only, more] = own
  if (only === undefined || more !== undefined) return []
  const all = [only, ...results.filter((result) => result.name.startsWith(`${name} > `))]
  const message = all.map((result) => `${result.status} ${toldBy(result)}`).join("\n")
  return [
    [name, { ...only, message, failure: all.some(({ failure }) => failure === "error") ? "error" : only.failure }],
  ]
}

/** A test of which some expectation came out otherwise by the change, and none does with any other value. */
function narrowOf(test: TestResult, copies: readonly Copy[], before: Results, after: Results): Narrow[] {
  const turned = copies.filter(
    (copy) => copy.test === test && copy.given === undefined && same(copy, before, after) === false,
  )
  const given = turned.map(({ of }) => {
    const others = copies.filter((copy) => copy.test === test && copy.of === of && copy.given !== undefined)
    const seen = others.filter((copy) => same(copy, before, after) !== undefined)
    const makesNone = seen.length >= MIN_VALUES && seen.every((copy) => same(copy, before, after) === true)
    return makesNone ? seen.flatMap((copy) => copy.given ?? []) : []
  })
  return given.length === 0 || given.some((each) => each.length === 0) ? [] : [{ id: test.id, given: given.flat() }]
}

type Results = ReadonlyMap<string, TestResult>

/** Whether base and change did the same; undefined where that can't be told. */
function same({ name }: Copy, before: Results, after: Results): boolean | undefined {
  const [was, is] = [before.get(name), after.get(name)]
  if (was === undefined || is === undefined || was.failure === "error" || is.failure === "error") return undefined
  if (was.status !== is.status) return false
  // What is said only in part, or not at all, may be anything.
  if (was.status === "failed" && [was, is].some(({ message = "" }) => isUntold(message))) return undefined
  return was.message === is.message
}

function isUntold(message: string): boolean {
  return (
    message.length >= MAX_TOLD_CHARS ||
    /^failed E +Assertion(Error)?\s*$/.test(message) ||
    /\.\.\.\s*$|\bpanic: .*(index|slice bounds) out of range/m.test(message)
  )
}

/** What was expected and what came, without where in the source, and how long it took. */
function toldBy({ name, message = "" }: TestResult): string {
  const lines = message.split("\n")
  const raised = lines.filter((line) => /^E( |$)/.test(line))
  if (raised.length > 0) return raised.join("\n")
  const frame = lines.findLastIndex((line) => /^ {2}File "/.test(line))
  if (/^Traceback/.test(message) && frame !== -1)
    return lines
      .slice(frame + 1)
      .filter((line) => !/^ {4}/.test(line))
      .join("\n")
  const stack = lines.findIndex((line) => /^\s*(at |❯ |goroutine \d)/.test(line))
  return (stack === -1 ? lines : lines.slice(0, stack))
    .map((line) => line.replace(/ \(\d+\.\d+s\)$/, "").replaceAll(name.split(" > ").join("/"), ""))
    .join("\n")
    .trim()
}

const random = () => randomInt(2 ** 32) / 2 ** 32
const word = () => `w${randomBytes(5).toString("hex")}`
