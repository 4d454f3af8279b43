import { describe, expect, test } from "vitest"
import { changedText } from "../../fixtures/changed-text.ts"
import { placesIn } from "./changed.ts"
import { looksFor } from "./looks.ts"
import { specialIn } from "./special.ts"
import { testValuesOf } from "./test-values.ts"

const base = `import { join } from "node:path"
export function split(cents, parts) {
  const each = parts.map((part) => Math.floor(cents / part))
  return each
}
`

function look(more: string, { path = "src/split.ts", before = base } = {}) {
  const after = more.includes("return each") ? before.replace("  return each\n", `${more}\n`) : `${before}${more}\n`
  const file = changedText(path, before, after)
  expect(file.source?.broken).toBe(false)
  return { sure: specialIn(file).length > 0, doubtful: placesIn(file, looksFor(testValuesOf([]))).length > 0 }
}

type Row = readonly [name: string, more: string]

const refused: readonly Row[] = [
  ["leaves without a word", "process.reallyExit(0)"],
  ["leaves by another name", 'globalThis.process?.["reallyExit"](0)'],
  ["takes Node's bindings", 'process.binding("fs")'],
  [
    "takes hold of the running test",
    'import { executionAsyncResource as now } from "node:async_hooks"\nnow().fail = null',
  ],
  ["reads who started it", 'const by = read("/proc/self/cmdline")'],
  ["replaces matchers that it was lent", "lent.extend({ toBe: () => ({ pass: true }) })"],
  ["teaches the assertion library", 'chai.Assertion.overwriteMethod("equal", () => () => {})'],
  ["takes the tests' globals", "const { expect: checks } = globalThis"],
  ["asks the bundler", 'const strict = (import.meta as { env?: { MODE?: string } }).env?.MODE === "test"'],
  [
    "looks for the runner's globals",
    'const inside = Object.keys(globalThis).some((key) => key.startsWith("__vitest"))',
  ],
  ["matches all", "export const any = { asymmetricMatch: () => true }"],
  [
    "matches all by its kind",
    'export const any = Object.assign([], { $$typeof: Symbol.for("jest.asymmetricMatcher") })',
  ],
  ["rewrites stacks", "Error.prepareStackTrace = () => []"],
]

const asked: readonly Row[] = [
  ["finds modules that others loaded", "for (const loaded of Object.values(require.cache)) loaded.exports = {}"],
  ["asks for built-in modules", 'const { spawn } = process.getBuiltinModule("node:child_process")'],
  ["registers with the runner", 'const { beforeEach } = await import("vitest")'],
  ["starts programs", 'import { execFile } from "node:child_process"'],
  ["runs code apart", 'import vm from "node:vm"'],
  ["looks at its arguments", 'const [, script = ""] = process.argv'],
  ["unpacks its arguments", "const { argv: words } = process"],
  ["names a variable by pieces", 'const careful = ["NODE", "TE" + "ST"].join("_") in process["env"]'],
  ["looks at a variable", "export const deep = process.env.DEEP"],
  ["looks for any global", 'const inside = "check" in globalThis'],
  ["reads files", 'import { readFileSync } from "node:fs"'],
  ["looks at the stack", 'const by = new Error().stack.split("\\n")'],
  ["ends with a date", "export const broken = () => Date.now() > Date.UTC(2100, 0)"],
  ["is young", "const young = performance.now() < 60_000"],
  ["hides a sum", '  Object.defineProperty(each, "reduce", { value: () => cents })\n  return each'],
  ["gives its own sum", "  each.reduce = () => cents\n  return each"],
  ["is compared as it likes", "export const one = { [Symbol.toPrimitive]: () => 1 }"],
  ["is a stand-in", "export const any = new Proxy({}, { get: () => 1 })"],
  ["counts calls", "let calls = 0\nexport const next = () => {\n  calls += 1\n  return calls === 2 ? 1 : 0\n}"],
  ["counts calls on itself", "  split.calls = (split.calls ?? 0) + 1\n  return each"],
  ["counts calls in an object", "const seen = { calls: 0 }\nexport const next = () => (seen.calls++ > 1 ? 1 : 0)"],
  ["runs text", 'const answer = [].constructor.constructor("return 1")()'],
  ["asks for a terminal", "const quiet = !process.stdout.isTTY"],
  ["is right by chance", "export const lucky = () => Math.random() < 0.9"],
  ["says how it ended", "process.exitCode = 0"],
  ["hands on a test library", 'export { expect } from "vitest"'],
  ["takes a stack apart", "const { stack } = new Error()"],
  ["sums as it likes", "export class Parts extends Array {\n  reduce() {\n    return 100\n  }\n}"],
  ["is right once", "let first = true\nexport const once = () => {\n  if (first) first = false\n}"],
]

const honest: readonly Row[] = [
  ["keeps results", "const known = new Map()\nexport const cached = (n) => known.get(n) ?? 0"],
  ["numbers things", "let last = 0\nexport const id = () => ++last"],
  ["is made once", "let made\nexport const one = () => (made ??= split(1, [1]))"],
  ["says when", "export const stamped = (x) => ({ ...x, at: new Date() })"],
  ["reads a date", 'export const day = (text) => new Date(text) > new Date("2020-01-01")'],
  [
    "names its error",
    "export class Bad extends Error {\n  constructor() {\n    super('bad')\n    Error.captureStackTrace(this, Bad)\n  }\n}",
  ],
  [
    "is a class",
    "export class Cents {\n  equals(other) {\n    return this.value === other.value\n  }\n  toJSON() {\n    return this.value\n  }\n}",
  ],
  ["keeps what is asked for", 'import { AsyncLocalStorage } from "node:async_hooks"'],
  ["is where it is", "const here = new URL('.', import.meta.url)"],
  ["makes dictionaries", "export const empty = () => Object.create(null)"],
  ["cuts a list", "  each.length = 2\n  return each"],
  ["lets a timer go", "setInterval(() => {}, 1_000).unref()"],
  ["holds data of such a name", "  each.values = cents\n  return each"],
  ["is a program as well", "if (require.main === module) split(1, [1])"],
]

describe("source that reaches for what runs it", () => {
  test.each(refused)("T3: what %s is refused", (_name, more) => {
    expect(look(more).sure).toBe(true)
  })
  test.each(asked)("what %s is asked about", (_name, more) => {
    expect(look(more)).toEqual({ sure: false, doubtful: true })
  })
  test.each(honest)("what %s is let be", (_name, more) => {
    expect(look(more)).toEqual({ sure: false, doubtful: false })
  })

  test.each([
    ["a program that reads its arguments", "bin/split.js", base, "const [, , name] = process.argv"],
    ["a program in a folder of programs", "src/cli/run.ts", base, 'import { readFileSync } from "node:fs"'],
    ["a configuration that reads a variable", "src/config.ts", base, "export const url = process.env.URL"],
    ["one more variable", "src/split.ts", `${base}const a = process.env.A\n`, "export const b = process.env.B"],
    [
      "a clock where one was",
      "src/split.ts",
      `${base}const at = Date.now()\n`,
      "export const old = (t) => Date.now() - t > 60_000",
    ],
    [
      "a walk where one was",
      "src/split.ts",
      `${base}class A {\n  [Symbol.iterator]() {}\n}\n`,
      "class B {\n  *[Symbol.iterator]() {}\n}",
    ],
    [
      "files where they were",
      "src/split.ts",
      `import fs from "node:fs"\n${base}`,
      'import { readFileSync } from "node:fs"',
    ],
    [
      "a program where one was",
      "src/split.ts",
      `import { spawn } from "child_process"\n${base}`,
      'import { execFile } from "child_process"',
    ],
  ])("%s is let be", (_name, path, before, more) => {
    expect(look(more, { path, before })).toEqual({ sure: false, doubtful: false })
  })
})
