import { expect, test } from "vitest"
import { runners } from "./index.ts"
import type { Runner, RunnerOutput } from "./runner.ts"

/*
 * Scanners, import rules and benchmarks that are not installed here, on output written down after their documentation and
 * sources; dependency-cruiser, `vitest bench` and `go test -bench` are run for real (numbers.test.ts, test/slow/tools.test.ts).
 */

const nothing = { read: () => undefined, list: () => [] }
const given = { root: "/checkout", report: undefined, stdout: "", stderr: "", exitCode: 0, tree: nothing }

function told(runner: Runner, output: Partial<RunnerOutput>): unknown {
  const parsed = runner.parse({ ...given, ...output })
  if (parsed.is === "error") return parsed.code
  const { report } = parsed
  if (report.kind === "issues") return report.issues.map(({ severity, fingerprint }) => `${severity}: ${fingerprint}`)
  return report.kind === "numbers"
    ? report.numbers.map(({ id, unit, samples }) => `${id}: ${samples.join(" ")} ${unit}`)
    : report
}

const sarifRun = (more: object) =>
  JSON.stringify({
    version: "2.1.0",
    runs: [
      { tool: { driver: { name: "scan", rules: [{ id: "R1", defaultConfiguration: { level: "error" } }] } }, ...more },
    ],
  })
const sarifResult = (more: object) => ({
  ruleId: "R1",
  message: { text: "eval of input" },
  locations: [{ physicalLocation: { artifactLocation: { uri: "src/a.js" }, region: { startLine: 3 } } }],
  ...more,
})
const banditReport = (results: object[], more: object = {}) =>
  JSON.stringify({
    errors: [],
    generated_at: "2026-01-01T00:00:00Z",
    metrics: { _totals: { loc: 10 } },
    results,
    ...more,
  })
const banditResult = {
  code: "2 assert x\n",
  filename: "./app/a.py",
  issue_confidence: "HIGH",
  issue_severity: "MEDIUM",
  issue_text: "Use of exec detected.",
  line_number: 2,
  test_id: "B102",
  test_name: "exec_used",
}
const contracts = (body: string) =>
  `=============\nImport Linter\n=============\n\n---------\nContracts\n---------\n\nAnalyzed 3 files, 2 dependencies.\n---------------------------------\n\n${body}`

test.each<[string, Runner, Partial<RunnerOutput>, unknown]>([
  [
    "SARIF, the rule's own level",
    runners.sarif,
    { stdout: sarifRun({ results: [sarifResult({ ruleIndex: 0 })] }), exitCode: 1 },
    ["error: R1 | src/a.js | eval of input"],
  ],
  [
    "SARIF, what is suppressed, passed or gone is none",
    runners.sarif,
    {
      stdout: sarifRun({
        results: [
          sarifResult({ suppressions: [{ kind: "inSource" }] }),
          sarifResult({ kind: "pass" }),
          sarifResult({ baselineState: "absent" }),
          sarifResult({ level: "none" }),
        ],
      }),
    },
    [],
  ],
  [
    "SARIF of a tool that broke",
    runners.sarif,
    { stdout: sarifRun({ invocations: [{ executionSuccessful: false }], results: [] }) },
    "crashed",
  ],
  ["T2: SARIF without a run", runners.sarif, { stdout: '{"version":"2.1.0","runs":[]}' }, "ran_nothing"],
  ["SARIF, cut off", runners.sarif, { stdout: sarifRun({}).slice(0, 40), exitCode: 1 }, "unfinished"],
  [
    "bandit",
    runners.bandit,
    { report: banditReport([banditResult]), exitCode: 1 },
    ["error: B102 | app/a.py | Use of exec detected."],
  ],
  [
    "bandit, a file it can't read",
    runners.bandit,
    { report: banditReport([], { errors: [{ filename: "./b.py", reason: "syntax error" }] }), exitCode: 1 },
    ["error: parse | b.py | syntax error"],
  ],
  [
    "T2: bandit that saw no code",
    runners.bandit,
    { report: banditReport([], { metrics: { _totals: { loc: 0 } } }) },
    "ran_nothing",
  ],
  [
    "gosec",
    runners.gosec,
    {
      report: JSON.stringify({
        "Golang errors": {},
        Issues: [
          {
            severity: "HIGH",
            confidence: "HIGH",
            rule_id: "G401",
            details: "Use of weak cryptographic primitive",
            file: "/checkout/a.go",
            line: "12-14",
          },
          {
            severity: "LOW",
            rule_id: "G104",
            details: "Errors unhandled",
            file: "/checkout/b.go",
            line: "3",
            suppressions: [{ kind: "inSource" }],
          },
        ],
        Stats: { files: 2, lines: 40, nosec: 0, found: 1 },
      }),
      exitCode: 1,
    },
    ["error: G401 | a.go | Use of weak cryptographic primitive"],
  ],
  [
    "gosec that could not build",
    runners.gosec,
    {
      report: JSON.stringify({
        "Golang errors": { "/checkout/a.go": [{ line: 1, column: 1, error: "expected 'package'" }] },
        Issues: [],
        Stats: { files: 0 },
      }),
      exitCode: 1,
    },
    "crashed",
  ],
  [
    "semgrep",
    runners.semgrep,
    {
      report: JSON.stringify({
        results: [
          {
            check_id: "rules.no-eval",
            path: "src/a.js",
            start: { line: 4, col: 1 },
            extra: { message: "no eval", severity: "ERROR" },
          },
        ],
        errors: [{ level: "warn", message: "partly parsed" }],
        paths: { scanned: ["src/a.js"] },
      }),
    },
    ["error: rules.no-eval | src/a.js | no eval"],
  ],
  [
    "semgrep whose rules can't be had",
    runners.semgrep,
    {
      report: JSON.stringify({ results: [], errors: [{ level: "error", message: "no such config" }], paths: {} }),
      exitCode: 7,
    },
    "crashed",
  ],
  [
    "import-linter",
    runners["import-linter"],
    {
      stdout: contracts(
        "Layering KEPT\nNo low in high BROKEN (1 warning)\n\nContracts: 1 kept, 1 broken.\n\n--------\nWarnings\n--------\n\nNo low in high\n--------------\n\n- No matches for ignored import p.x -> p.low.\n\n\n----------------\nBroken contracts\n----------------\n\nNo low in high\n--------------\n\np.high is not allowed to import p.low:\n\n-   p.high.a -> p.low.b (l.1)\n\n",
      ),
      exitCode: 1,
    },
    ["error: No low in high |  | p.high.a → p.low.b"],
  ],
  [
    "import-linter, all kept",
    runners["import-linter"],
    { stdout: contracts("A KEPT\n\nContracts: 1 kept, 0 broken.\n") },
    [],
  ],
  [
    "T2: import-linter without contracts",
    runners["import-linter"],
    { stdout: contracts("Contracts: 0 kept, 0 broken.\n") },
    "ran_nothing",
  ],
  ["import-linter that broke", runners["import-linter"], { stderr: "Could not find package", exitCode: 1 }, "crashed"],
  [
    "go-arch-lint",
    runners["go-arch-lint"],
    {
      stdout: JSON.stringify({
        Type: "models.Check",
        Payload: {
          ExecutionWarnings: [],
          ArchHasWarnings: true,
          ArchWarningsDeps: [
            {
              ComponentName: "domain",
              FileRelativePath: "/internal/domain/a.go",
              ResolvedImportName: "m/internal/db",
              Reference: { Line: 5 },
            },
          ],
          ArchWarningsNotMatched: [{ FileRelativePath: "/internal/x/y.go" }],
          ArchWarningsDeepScan: [],
        },
      }),
      exitCode: 1,
    },
    [
      "error: dependency | internal/domain/a.go | domain shouldn't depend on m/internal/db",
      "error: not-matched | internal/x/y.go | belongs to no component",
    ],
  ],
  [
    "go test -bench",
    runners["go bench"],
    {
      stdout:
        "goos: linux\npkg: m/parse\nBenchmarkParse-8   \t 1000\t      1234 ns/op\t      16 B/op\t       2 allocs/op\nPASS\nok  \tm/parse\t1.2s\n",
    },
    [
      "m/parse > BenchmarkParse > ns/op: 1234 ns/op",
      "m/parse > BenchmarkParse > B/op: 16 B/op",
      "m/parse > BenchmarkParse > allocs/op: 2 allocs/op",
    ],
  ],
  [
    "go test -bench that fails",
    runners["go bench"],
    { stdout: "--- FAIL: BenchmarkX\nFAIL\n", exitCode: 1 },
    "crashed",
  ],
  ["T2: go test -bench without benchmarks", runners["go bench"], { stdout: "PASS\nok  \tm\t0.1s\n" }, "ran_nothing"],
  [
    "pytest-benchmark",
    runners["pytest-benchmark"],
    { report: JSON.stringify({ benchmarks: [{ fullname: "tests/test_b.py::test_sort", stats: { median: 0.002 } }] }) },
    ["tests/test_b.py > test_sort: 0.002 s"],
  ],
  [
    "hyperfine",
    runners.hyperfine,
    { report: JSON.stringify({ results: [{ command: "node a.js", median: 0.05, times: [0.05, 0.06, 0.05] }] }) },
    ["node a.js: 0.05 0.06 0.05 s"],
  ],
  [
    "hyperfine whose command failed",
    runners.hyperfine,
    { exitCode: 1, stderr: "Command terminated with non-zero exit code" },
    "crashed",
  ],
])("%s", (_, runner, output, expected) => {
  expect(told(runner, output)).toEqual(expected)
})

test.each<[string, string[], RegExp]>([
  ["sarif", ["scan", "--format", "sarif", "--output", "out/r.sarif"], /--output \/reports\/report\.sarif$/],
  ["sarif", ["scan", "--output=r.sarif.json"], /--output=\/reports\/report\.sarif$/],
  [
    "bandit",
    ["python3", "-m", "bandit", "-r", ".", "-f", "txt", "--exit-zero"],
    /bandit -r \. -f json -o \/reports\/bandit\.json$/,
  ],
  [
    "dependency-cruiser",
    ["depcruise", "-T", "err-long", "src"],
    /depcruise --output-type json --output-to \/reports\/depcruise\.json src$/,
  ],
  ["go bench", ["go", "test", "-bench=.", "-count=5", "./..."], /^go test -run=\^\$ -count=1 -bench=\. \.\/\.\.\.$/],
  [
    "vitest bench",
    ["vitest", "bench", "--reporter=verbose"],
    /^vitest bench --run --outputJson=\/reports\/bench\.json$/,
  ],
  ["pytest-benchmark", ["pytest", "--benchmark-only"], /--benchmark-json=\/reports\/benchmark\.json$/],
])("%s is recognised, and asked for its machine format: %j", (name, argv, expected) => {
  const found = Object.values(runners).find((runner: Runner) => runner.recognise(argv))
  expect(found?.name).toBe(name)
  const command = found?.command({ argv, reportDir: "/reports", supplied: "/supplied", tree: nothing })
  expect(command?.argv.join(" ")).toMatch(expected)
})
