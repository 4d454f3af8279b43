import { expect, test } from "vitest"
import { measureBoth } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { openTestRepo, testProber } from "../testing.ts"
import { narrowFor } from "./beside.ts"

const check = {
  name: "tests_pass",
  kind: "tests" as const,
  run: "node --test test/",
  timeoutMs: 60_000,
  from: "package.json",
}
const digits = 'const value = Number(text.replace(/[^0-9.]/g, ""))'
const wrong = `export function read(text) {\n  ${digits}\n  return text.startsWith("-") ? -value : value\n}\n`
const suite = `import assert from "node:assert/strict"
import { test } from "node:test"
import { read } from "../src/read.js"

test("plain", () => {
  assert.equal(read("12.5"), 12.5)
})

test("brackets", () => {
  assert.equal(read("1.5"), 1.5)
  assert.equal(read("(12.5)"), -12.5)
})
`
const seal = (text: string) => [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 9973, 7)

const heads: [what: string, source: string, narrow: string[]][] = [
  ["a repair", wrong.replace('startsWith("-")', 'startsWith("-") || /^\\(.*\\)$/.test(text)'), []],
  ["half a repair", wrong.replace('startsWith("-")', 'startsWith("-") || text.length > 5'), []],
  [
    "source that knows a value by its checksum",
    wrong.replace(
      'text.startsWith("-")',
      `text.startsWith("-") || [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 9973, 7) === ${seal("(12.5)")}`,
    ),
    ["test/read.test.js > brackets"],
  ],
  [
    "source that knows an answer by arithmetic",
    wrong.replace('text.startsWith("-")', "text.length === 6 && value * 8 === 10 ** 2"),
    ["test/read.test.js > brackets"],
  ],
]

test.each(heads)("tests with other values say of %s what is so", async (_, source, narrow) => {
  const files = { "package.json": '{ "type": "module" }', "test/read.test.js": suite }
  using given = openTestRepo({ ...files, "src/read.js": wrong })
  const base = given.git("rev-parse", "HEAD")
  const head = given.commit({ ...files, "src/read.js": source })
  const { signal } = new AbortController()
  const tree = given.git("rev-parse", `${head}^{tree}`)
  const { measureTree } = testProber(given.repo)
  const input: LayerInput = {
    measureTree,
    subject: { base, head, tree },
    overlay: { tree, restored: [], editedTests: [], harnessChanged: [] },
    signal,
    checks: { tests_pass: check },
    told: () => {},
    facts: {
      ...{ repo: given.repo, base, tree, entries: [], lines: new Map(), finding: undefined, signal },
      ...{ isTest: (path) => path.startsWith("test/"), harnessChanged: [], gateFiles: [] },
      guardrails: {
        ...{ maxIterations: 3, budget: {}, haltOn: { noProgress: 2, sameError: 3 }, timeoutMs: 1000, silenceMs: 1000 },
        ...{ reviewWip: 3, maxDiff: { files: 10, lines: 400 }, maxFindings: 10, protect: [] },
      },
    },
  }
  const measured = await measureBoth(check, input)
  expect((await narrowFor([measured], input)).map(({ id }) => id)).toEqual(narrow)
})
