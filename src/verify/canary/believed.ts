import { randomBytes, randomInt } from "node:crypto"
import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { plural } from "../checks/check.ts"
import { readFileAt } from "../diff.ts"
import { treeWithText } from "../edit-tree.ts"
import { type Measured, testsOf } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { exitBelieved } from "./believed-exit.ts"
import { turned } from "./turn.ts"

/** What runs with turned tests came to. */
export type Believed = {
  /** Tests that were made to fail, whatever is tested, and were reported as passed. */
  forged: string[]
  /** Tests that pass for another value than the one they want as well. */
  blind: string[]
  caveats: string[]
}

/** So many tests are turned in one run. */
const MAX_TESTS = 6
const MAX_FILES = 3
const MAX_LOOKED_AT = 50

/**
 * Whether what the check says can be believed: tests that matter are turned so that they must fail, under their own names, and
 * run on the change. Source shares a process with its tests and may make their runner say anything; what it can't know is which
 * value of which test is another one this time. Only a change that would be accepted is put to it.
 */
export async function believed(measured: readonly Measured[], input: LayerInput): Promise<Believed> {
  const { check, base, head } =
    measured.find((each) => each.check.kind === "tests" && testsOf(each.head).length > 0) ?? {}
  if (check === undefined || base === undefined || head === undefined) return exitBelieved(measured, input)
  const matter = thatMatter(base, head, input)
  const first = await turnedRun(check, matter, input, { surely: false })
  if (first === undefined)
    return untried("None of the tests that matter could be turned round, so nothing shows that one could fail.")
  if (first.passed.length === 0) return { forged: [], blind: [], caveats: first.caveats }
  const second = await turnedRun(check, first.passed, input, { surely: true })
  const forged = second?.passed.map((test) => test.id) ?? []
  const sure = new Set([
    ...forged,
    ...first.passed.filter(({ id }) => first.by.get(id) === "beginning").map(({ id }) => id),
  ])
  const blind = first.passed.map((test) => test.id).filter((id) => !sure.has(id))
  return { forged: [...sure].sort(), blind: blind.sort(), caveats: first.caveats }
}

function untried(caveat: string): Believed {
  return { forged: [], blind: [], caveats: [caveat] }
}

/** What the finding names, then what turned green, then the rest: a few of a few files. */
function thatMatter(base: Measurement, head: Measurement, { facts }: LayerInput): TestResult[] {
  const named = new Set(facts.finding?.reproduce?.ids ?? [])
  const red = new Set(testsOf(base).flatMap((test) => (test.status === "failed" ? [test.id] : [])))
  const green = testsOf(head).filter((test) => test.status === "passed" && test.file !== undefined)
  const rank = ({ id }: TestResult) => (named.has(id) ? 0 : red.has(id) ? 1 : 2)
  const ranked = [...green].sort((a, b) => rank(a) - rank(b))
  const files = [...new Set(ranked.map((test) => test.file))].slice(0, MAX_FILES)
  return ranked.filter((test) => files.includes(test.file))
}

type Ran = { passed: TestResult[]; by: Map<string, string>; caveats: string[] }

/** One run of turned tests alone; undefined where none could be turned, or the run says nothing. */
async function turnedRun(
  check: CheckSpec,
  tests: readonly TestResult[],
  { facts, subject, overlay, measureTree, signal, told }: LayerInput,
  { surely }: { surely: boolean },
): Promise<Ran | undefined> {
  const where = { repo: facts.repo, signal }
  let tree = overlay.withoutNewTests?.tree ?? overlay.tree
  const by: Ran["by"] = new Map()
  const asked: TestResult[] = []
  const read = (path: string) => readFileAt(facts.repo, tree, path, signal)
  const written = await Promise.all(
    tests.slice(0, MAX_LOOKED_AT).map(async (test) => ({ test, path: await whereWritten(test, read) })),
  )
  for (const path of new Set(written.map((each) => each.path))) {
    const text = await read(path)
    const own = written.flatMap((each) => (each.path === path ? [each.test] : [])).slice(0, MAX_TESTS - asked.length)
    if (text === undefined || own.length === 0) continue
    const names = own.map((test) => test.name)
    const done = turned(path, text, names, { surely, random, word })
    if (done === undefined) continue
    const chosen = own.filter(({ name }) => done.by.has(name))
    for (const { id, name } of chosen) by.set(id, done.by.get(name) ?? "")
    asked.push(...chosen)
    tree = await treeWithText(tree, { path, mode: "100644", text: done.text }, where)
  }
  if (asked.length === 0) return undefined
  told(`${check.name}: ${plural(asked.length, "test")} turned round, ${surely ? "surely" : "each"} to fail`)
  const purpose = `${check.name}-turned-round`
  const measured = await measureTree(check, { tree, definitionsFrom: subject.base, purpose, only: asked, signal })
  signal.throwIfAborted()
  if (measured.result.is === "error")
    return {
      passed: [],
      by,
      caveats: [`Tests turned round to fail could not be read: ${measured.result.why.slice(0, 200)}`],
    }
  const results = testsOf(measured)
  const anyRed = results.some((test) => test.status === "failed")
  const passed = asked.filter(({ id }) => {
    const own = results.filter((test) => test.id === id)
    // A test that is not reported failed with its suite or its file; where nothing failed at all, it was kept from it.
    return own.length === 0 ? !anyRed : own.every((test) => test.status === "passed")
  })
  return { passed, by, caveats: [] }
}

/** A Rust binary is named by its root; the module that a test is in stands in a file of its own, perhaps. */
async function whereWritten(
  { file = "", name }: TestResult,
  read: (path: string) => Promise<string | undefined>,
): Promise<string> {
  if (!file.endsWith(".rs")) return file
  const modules = name.split("::").slice(0, -1)
  const folder = file.slice(0, file.lastIndexOf("/") + 1)
  for (let length = modules.length; length > 0; length--) {
    const path = `${folder}${modules.slice(0, length).join("/")}`
    for (const each of [`${path}.rs`, `${path}/mod.rs`]) if ((await read(each)) !== undefined) return each
  }
  return file
}

const random = () => randomInt(2 ** 32) / 2 ** 32
const word = () => `w${randomBytes(5).toString("hex")}`
