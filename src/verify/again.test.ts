import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { Evidence } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import type { CheckSpec } from "../core/loop.ts"
import { judgeAgain } from "./again.ts"
import { measureBoth, type Sides } from "./judge-check.ts"
import type { MeasureTree } from "./measuring.ts"
import { type Files, openTestRepo, type TestRepo, testProber } from "./testing.ts"

/* Real node:test runs without a sandbox: what flickers counts its runs in a file beside the repository. */

const check: CheckSpec = {
  name: "tests_pass",
  kind: "tests",
  run: "node --test",
  timeoutMs: 60_000,
  from: "package.json",
}
const { signal } = new AbortController()
const finding: Finding = {
  fingerprint: "f",
  source: "failing_tests",
  title: "a",
  body: "",
  severity: "high",
  attemptable: true,
  reproduce: { check: "tests_pass", ids: ["a.test.js > a"] },
}

/** A test that is red in those of its runs whose numbers (from 1) are given, where `src` says so. */
function flickers(counter: string, red: readonly number[]): string {
  return `import assert from "node:assert"
import { appendFileSync, readFileSync } from "node:fs"
import test from "node:test"
import { counts } from "./src.js"
test("a", () => {
  if (!counts) return
  appendFileSync(${JSON.stringify(counter)}, "x")
  const n = readFileSync(${JSON.stringify(counter)}, "utf8").length
  assert.ok(!${JSON.stringify(red)}.includes(n), "run " + n)
})
test("b", () => {})
`
}

async function judged(base: Files, head: Files, named?: Finding): Promise<Evidence> {
  using repo = openTestRepo(base)
  return await judgedIn(repo, head, named)
}

async function judgedIn(repo: TestRepo, head: Files, named?: Finding, measureTree?: MeasureTree): Promise<Evidence> {
  const commit = repo.git("rev-parse", "HEAD")
  const changed = repo.commit(head)
  const tree = repo.git("rev-parse", `${changed}^{tree}`)
  const overlay = { tree, restored: [], editedTests: [], harnessChanged: [] }
  const sides: Sides = {
    measureTree: measureTree ?? testProber(repo.repo).measureTree,
    subject: { head: changed, base: commit, tree },
    overlay,
    signal,
  }
  return await judgeAgain(await measureBoth(check, sides), named, sides)
}

const quiet = "export const counts = false\n"
const counted = "export const counts = true\n"
const manifest = { "package.json": `{"type":"module"}` }

test.each<[string, number[], boolean, Partial<Evidence>]>([
  [
    "T6: red once, and green alone and beside the others: flaky, and no maker is woken",
    [1],
    false,
    { outcome: "pass", class: "flaky", flaky: ["a.test.js > a"] },
  ],
  [
    "T6: red each time is the change's own",
    [1, 2, 3, 4, 5],
    false,
    { outcome: "fail", blame: "maker", class: "code", failing: ["a.test.js > a"] },
  ],
  [
    "T6: green alone and red beside the others is the change's own",
    [1, 3],
    false,
    { outcome: "fail", blame: "maker", class: "code" },
  ],
])("%s", async (_, red, __, expected) => {
  const folder = mkdtempSync(join(tmpdir(), "flyball-again-"))
  try {
    const files = { ...manifest, "a.test.js": flickers(join(folder, "n"), red) }
    const evidence = await judged({ ...files, "src.js": quiet }, { ...files, "src.js": counted })
    expect(evidence).toMatchObject(expected)
    expect(evidence.artifacts?.length).toBeGreaterThan(1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test("T6: what the finding names is not mended when its red on the base was a flicker", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flyball-again-"))
  try {
    const files = { ...manifest, "a.test.js": flickers(join(folder, "n"), [1]) }
    const evidence = await judged({ ...files, "src.js": counted }, { ...files, "src.js": quiet }, finding)
    expect(evidence).toMatchObject({ outcome: "error", blame: "person", class: "flaky", flaky: ["a.test.js > a"] })
    expect(evidence.summary).toContain("flaky on the base")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test("T6: a named test that is not green each time is no pass", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flyball-again-"))
  try {
    // Red on the base, whose runs are not counted; on the head green at first, and red when it is run again.
    const text = flickers(join(folder, "n"), [2]).replace("if (!counts) return", 'if (!counts) assert.fail("red")')
    const files = { ...manifest, "a.test.js": text }
    const evidence = await judged({ ...files, "src.js": quiet }, { ...files, "src.js": counted }, finding)
    expect(evidence).toMatchObject({ outcome: "error", blame: "person", class: "flaky" })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test("a named test that needs what others of its file do first is run with these", async () => {
  const text = `import assert from "node:assert"
import test from "node:test"
import { start } from "./src.js"
let n
test("first", () => { n = start })
test("a", () => assert.equal(n, 1))
`
  const files = { ...manifest, "a.test.js": text }
  const evidence = await judged(
    { ...files, "src.js": "export const start = 0" },
    { ...files, "src.js": "export const start = 1" },
    finding,
  )
  expect(evidence).toMatchObject({ outcome: "pass" })
})

test("T12: a remembered base is measured again before a missing tool is blamed on the maker", async () => {
  const files = {
    "package.json": `{"type":"module"}`,
    "a.test.js": `import test from "node:test"\ntest("a", () => {})\n`,
  }
  using repo = openTestRepo(files)
  const { measureTree } = testProber(repo.repo)
  const asked: string[] = []
  // The tool goes away after the base was measured.
  const gone: MeasureTree = async (spec, options) => {
    asked.push(options.purpose)
    if (options.purpose === "tests_pass-base") {
      await measureTree(spec, options)
      return measureTree(spec, options)
    }
    return measureTree({ ...spec, run: "flyball-no-such-tool --test" }, options)
  }
  const evidence = await judgedIn(repo, { ...files, "b.txt": "x" }, undefined, gone)
  expect(asked).toEqual(["tests_pass-base", "tests_pass-head", "tests_pass-base-again"])
  expect(evidence).toMatchObject({ outcome: "error", blame: "infrastructure", class: "infrastructure" })
})

test("T6: a test that the base has come to fail too, since it was measured, is nobody's fault", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flyball-again-"))
  try {
    // Red from the third run on, whatever the source: a clock that moved on, a certificate that ran out.
    const files = { ...manifest, "src.js": counted, "a.test.js": flickers(join(folder, "n"), [2, 3, 4, 5, 6, 7, 8, 9]) }
    using repo = openTestRepo(files)
    const prober = testProber(repo.repo)
    await prober.measure(check, repo.git("rev-parse", "HEAD"), signal)
    const evidence = await judgedIn(repo, { ...files, "b.txt": "x" }, undefined, prober.measureTree)
    expect(evidence).toMatchObject({ outcome: "pass", class: "pre-existing", preexisting: ["a.test.js > a"] })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
