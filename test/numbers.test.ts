import { afterAll, beforeAll, expect, test } from "vitest"
import type { CheckSpec, Metric } from "../src/core/loop.ts"
import type { Files } from "../src/verify/fixtures/repository.ts"
import {
  broken,
  fixed,
  type GateProject,
  type Given,
  names,
  of,
  openGateProject,
  packageJson,
  testText,
} from "./gate-project.ts"

/* Checks by numbers, through the real gate: a benchmark in turn on base and head, and what a goal measures. */

let project: GateProject
beforeAll(async () => {
  project = await openGateProject()
})
afterAll(() => project[Symbol.asyncDispose]())

const withChecks = (checks: Record<string, CheckSpec>, given: Given = {}): Given => {
  const { loop } = project.input(project.base)
  return { ...given, loop: { ...loop, layers: [names(...Object.keys(checks))], checks } }
}
const numbers = (run: string): CheckSpec => ({
  name: "performance",
  kind: "numbers",
  run,
  timeoutMs: 60_000,
  from: "loop",
})
/** A benchmark whose numbers are what a file of the source says, give or take. */
const cost =
  "node -e \"const c = +require('fs').readFileSync('cost.txt','utf8'); console.log(c + (process.pid % 7) * c / 1000)\""
const onto = (files: Files) => project.commit({ ...files })

test.each<[string, Files, Files, string, object]>([
  ["as fast as before passes", { "cost.txt": "100" }, { "src/add.js": fixed }, cost, { outcome: "pass" }],
  [
    "slower beyond the noise is the maker's to mend",
    { "cost.txt": "100" },
    { "src/add.js": fixed, "cost.txt": "150" },
    cost,
    { outcome: "fail", blame: "maker", failing: ["printed number"], summary: expect.stringMatching(/100.* → 15\d/) },
  ],
  [
    "too noisy to tell is a person's question",
    { "cost.txt": "100" },
    { "src/add.js": fixed },
    'node -e "console.log(Math.random() * 1000)"',
    { blame: "person", outcome: "error" },
  ],
  [
    "an edited benchmark compares nothing",
    { "bench/a.js": "1\n" },
    { "src/add.js": fixed, "bench/a.js": "2\n" },
    "node bench/a.js",
    { blame: "person", summary: expect.stringContaining("edits the benchmark itself") },
  ],
  [
    "T12: a tool that is missing on both sides",
    {},
    { "src/add.js": fixed },
    "no-such-bench",
    { outcome: "error", blame: "infrastructure" },
  ],
])("performance: %s", { timeout: 120_000 }, async (_, before, files, run, expected) => {
  const base = await onto(before)
  const head = await project.commit(files, base)
  const { gate } = await import("../src/verify/gate.ts")
  const given = withChecks({ performance: numbers(run) }, { base })
  expect(of(await gate(project.input(head, given)), "performance")).toMatchObject(expected)
})

const metrics = (...found: Metric[]): Record<string, CheckSpec> => ({
  goal_metrics: { name: "goal_metrics", kind: "builtin", timeoutMs: 60_000, from: "builtin", metrics: found },
})
const failing: Metric = { name: "failing_tests", run: "npm test --silent | flyball count-failures", target: 0 }

test.each<[string, Metric[], Files, object]>([
  [
    "failures are counted by the runner's own report",
    [failing],
    { "src/add.js": fixed },
    { outcome: "pass", summary: expect.stringContaining("failing_tests 2 → 1 (target 0)") },
  ],
  [
    "a change that helps nothing",
    [failing],
    { "src/add.js": broken.replace("a * 2", "2 * a") },
    { outcome: "fail", blame: "maker" },
  ],
  [
    "T3: deleting the failing test brings nothing nearer",
    [failing],
    { "test/add.test.js": testText.replace(/test\("adds"[\s\S]*?\n\}\)\n/, "") },
    { outcome: "fail" },
  ],
  [
    "a number that a command prints, and which way is good",
    [{ name: "exports", run: "grep -c export src/add.js", target: 1, direction: "down" }],
    { "src/add.js": "export const add = (a, b) => a + b\nexport const double = (a) => a * 2\nexport const x = 1\n" },
    { outcome: "fail", failing: ["metric: exports"], summary: expect.stringContaining("exports 2 → 3") },
  ],
])("goal_metrics: %s", { timeout: 60_000 }, async (_, found, files, expected) => {
  expect(of(await project.judged(files, withChecks(metrics(...found))), "goal_metrics")).toMatchObject(expected)
})

test("dependencies_ok and protected_paths agree: a lock file moves for a finding about dependencies, and for no other", {
  timeout: 60_000,
}, async () => {
  const lock = (version: string) =>
    JSON.stringify({
      name: "p",
      lockfileVersion: 3,
      packages: { "node_modules/ms": { version, license: "MIT", resolved: "https://r/ms.tgz" } },
    })
  const manifest = (spec: string) => JSON.stringify({ ...JSON.parse(packageJson), dependencies: { ms: spec } })
  const base = await onto({
    "package.json": manifest("^2.0.0"),
    "package-lock.json": lock("2.0.0"),
    ".npmrc": "registry=http://127.0.0.1:9/\n",
  })
  const head = await project.commit({ "package.json": manifest("^2.1.0"), "package-lock.json": lock("2.1.3") }, base)
  const { gate } = await import("../src/verify/gate.ts")
  const about = { ...project.input(head).finding, source: "outdated_dependencies" }
  const { reproduce: _, ...finding } = {
    fingerprint: "d",
    title: "ms",
    body: "",
    severity: "low" as const,
    attemptable: true,
    ...about,
  }
  const layers = [names("dependencies_ok")]
  const moved = await gate(project.input(head, { base, layers, finding }))
  expect(of(moved, "protected_paths")?.outcome).toBe("pass")
  expect(of(moved, "dependencies_ok")).toMatchObject({
    outcome: "pass",
    summary: expect.stringContaining("ms 2.0.0 → 2.1.3"),
  })
  const other = await gate(project.input(head, { base, layers }))
  expect(of(other, "protected_paths")?.summary).toContain("package-lock.json (a lock file")
})
