import { expect, test } from "vitest"
import type { Evidence } from "../../core/evidence.ts"
import { dependenciesOk } from "../../verify/checks/dependencies-ok.ts"
import { diffReasonable } from "../../verify/checks/diff-reasonable.ts"
import { hardcoded } from "../../verify/checks/hardcoded.ts"
import { noLargeFiles } from "../../verify/checks/no-large-files.ts"
import { noSecrets } from "../../verify/checks/no-secrets.ts"
import { noWeakenedTests } from "../../verify/checks/no-weakened-tests.ts"
import { protectedPaths } from "../../verify/checks/protected-paths.ts"
import { evidenceOf } from "../../verify/evidence.ts"
import { baseFiles, type changes as Changes, changes, type Given } from "../../verify/fixtures/change.ts"
import { placesOf } from "./places.ts"
import type { GateReport } from "./report.ts"
import { sarifOf } from "./sarif.ts"

/* What each check by reading says of a real change, and where an editor or a code host would show it. */

type Facts = Awaited<ReturnType<Awaited<ReturnType<typeof Changes>>["facts"]>>
type Case = {
  what: string
  check: string
  judge: (facts: Facts) => ReturnType<typeof noSecrets>
  files: Record<string, string>
  given?: Given
  at: [file: string, line: number | undefined][]
}
const token = (letter: string) => `ghp_${letter.repeat(36)}`
const suite = String(baseFiles["test/add.test.js"])
const manifest = (dependencies: Record<string, string>) =>
  JSON.stringify({ name: "p", version: "1.0.0", scripts: { test: "node --test" }, dependencies }, null, 2)

const cases: Case[] = [
  {
    what: "two secrets of one kind in one file",
    check: "no_secrets",
    judge: noSecrets,
    files: {
      "src/keys.js": `export const a = 1\nexport const k = "${token("a")}"\nexport const l = "${token("b")}"\n`,
    },
    at: [
      ["src/keys.js", 2],
      ["src/keys.js", 3],
    ],
  },
  {
    what: "a loosened expectation",
    check: "no_weakened_tests",
    judge: (facts) => noWeakenedTests(facts, { lost: [], repeated: false }),
    files: { "test/add.test.js": suite.replace("assert.equal(add(1, 2), 3)", "assert.ok(add(1, 2))") },
    at: [["test/add.test.js", 6]],
  },
  {
    what: "a value that only a test knows",
    check: "hardcoded",
    judge: hardcoded,
    files: {
      "src/add.js": "export const add = (a, b) => {\n  if (a === 31 && b === 11) return 424242\n  return a - b\n}\n",
      "test/add.test.js": suite.replace("assert.equal(add(1, 2), 3)", "assert.equal(add(31, 11), 424242)"),
    },
    at: [["src/add.js", 2]],
  },
  {
    what: "a protected path",
    check: "protected_paths",
    judge: protectedPaths,
    files: { ".github/workflows/ci.yml": "on: push\n" },
    given: { protect: [".github/**"] },
    at: [[".github/workflows/ci.yml", undefined]],
  },
  {
    what: "a binary",
    check: "diff_reasonable",
    judge: diffReasonable,
    files: { "src/blob.js": "\0\0\0" },
    at: [["src/blob.js", undefined]],
  },
  {
    what: "a huge file",
    check: "no_large_files",
    judge: noLargeFiles,
    files: { "src/big.js": `// ${"x".repeat(2 * 1024 * 1024)}\n` },
    at: [["src/big.js", undefined]],
  },
  {
    what: "a dependency from elsewhere",
    check: "dependencies_ok",
    judge: dependenciesOk,
    files: { "package.json": manifest({ odd: "git+https://example.com/odd.git" }) },
    at: [["package.json", undefined]],
  },
]

test.each(cases)("$check: $what has its place in SARIF", async ({ check, judge, files, given, at }) => {
  await using all = await changes()
  const facts = await all.facts(files, given)
  const judged = await judge(facts)
  const subject = { head: "h", base: facts.base, tree: facts.tree }
  const evidence: Evidence = evidenceOf(check, subject, judged)
  const paths = facts.entries.map((entry) => entry.path)
  const report: GateReport = {
    repo: "/r",
    base: { name: "main", sha: "b" },
    head: { name: "HEAD", sha: "h" },
    verdict: "retry",
    layers: [],
    checks: [{ ...evidence, places: placesOf(evidence, [], paths) }],
    sandboxed: true,
    sandbox: "bubblewrap",
    notes: [],
    ms: 1,
  }
  expect(sarifOf(report, "1.0.0")).toMatchObject({
    runs: [
      {
        originalUriBaseIds: { "%SRCROOT%": {} },
        results: at.map(([uri, startLine]) => ({
          ruleId: check,
          ruleIndex: 0,
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri, uriBaseId: "%SRCROOT%" },
                ...(startLine === undefined ? {} : { region: { startLine } }),
              },
            },
          ],
        })),
      },
    ],
  })
})

test("a proof's failing test has the place that another check's report gives it", () => {
  const evidence = evidenceOf(
    "fix_is_proved",
    { head: "h", base: "b", tree: "t" },
    { outcome: "fail", ran: 1, summary: "s", failing: ["example.com/p > TestAdd"], preexisting: [], caveats: [] },
  )
  const measured = {
    check: "tests_pass",
    tree: "t",
    command: "go test ./...",
    result: {
      is: "report",
      report: {
        kind: "tests",
        tests: [
          {
            id: "example.com/p > TestAdd",
            name: "TestAdd",
            file: "add_test.go",
            status: "failed",
            message: "    add_test.go:7: got 1",
          },
        ],
      },
    },
    exitCode: 1,
    ms: 1,
    sandboxed: true,
    definition: "base",
    cached: false,
  } as const
  const report = {
    ...measured,
    result: { ...measured.result, report: { kind: "tests" as const, tests: [...measured.result.report.tests] } },
  }
  expect(placesOf(evidence, [report], ["add.go"])).toMatchObject([{ file: "add_test.go", line: 7 }])
})
