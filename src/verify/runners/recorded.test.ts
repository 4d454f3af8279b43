import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { runners } from "./index.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/*
 * Tools that are not always here, on recorded output: ruff 0.16's own, and for golangci-lint, which installs from
 * neither npm nor Debian, output written down after its documentation.
 */

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8")
const nothing = { read: () => undefined, list: () => [] }

function read(runner: Runner, given: Partial<RunnerOutput>): Parsed {
  return runner.parse({
    root: "/checkout",
    report: undefined,
    stdout: "",
    stderr: "",
    exitCode: 0,
    tree: nothing,
    ...given,
  })
}

const told = (parsed: Parsed) =>
  parsed.is === "error"
    ? parsed.code
    : parsed.report.kind === "issues"
      ? parsed.report.issues.map((issue) => `${issue.severity}: ${issue.fingerprint}`)
      : parsed.report

test.each<[string, Runner, Partial<RunnerOutput>, unknown]>([
  [
    "ruff",
    runners.ruff,
    { report: fixture("ruff.json"), exitCode: 1 },
    expect.arrayContaining([
      "error: F401 | b.py | `os` imported but unused",
      "error: invalid-syntax | bad.py | unexpected EOF while parsing",
    ]),
  ],
  ["ruff, cut off", runners.ruff, { report: fixture("ruff.json").slice(0, 100), exitCode: 1 }, "unfinished"],
  [
    "golangci-lint",
    runners["golangci-lint"],
    { report: fixture("golangci-lint.json"), exitCode: 1 },
    [
      "warning: staticcheck | cmd/main.go | SA4006: this value of `err` is never used",
      "error: errcheck | cmd/main.go | Error return value of `f.Close` is not checked",
    ],
  ],
  ["golangci-lint, clean", runners["golangci-lint"], { report: `{"Issues":null,"Report":{}}` }, []],
  [
    "golangci-lint that could not load the packages",
    runners["golangci-lint"],
    { report: `{"Issues":[],"Report":{"Error":"typechecking error"}}`, exitCode: 7 },
    "crashed",
  ],
  ["golangci-lint without a report", runners["golangci-lint"], { stderr: "can't load config", exitCode: 3 }, "crashed"],
  [
    "biome 1, whose paths are objects",
    runners.biome,
    {
      stdout: `{"summary":{"changed":0,"unchanged":1,"errors":1},"diagnostics":[{"category":"lint/suspicious/noDebugger","severity":"error","description":"This is unexpected.","location":{"path":{"file":"a.js"},"span":[0,8]}}]}`,
      exitCode: 1,
    },
    ["error: lint/suspicious/noDebugger | a.js | This is unexpected."],
  ],
  ["vitest, cut off", runners.vitest, { report: `{"numTotalTests": 3, "testRes` }, "unfinished"],
  ["jest, another shape", runners.jest, { report: `{"tests":[]}` }, "unreadable"],
  [
    "node:test without its last line",
    runners["node:test"],
    { report: `{"type":"test:pass","name":"a","nesting":0}\n` },
    "unfinished",
  ],
  [
    "go test, cut off in a package",
    runners["go test"],
    { stdout: `{"Action":"run","Package":"m","Test":"TestA"}\n{"Action":"pass","Package":"m","Test":"TestA"}\n` },
    "unfinished",
  ],
  [
    "cargo test whose counts disagree",
    runners["cargo test"],
    {
      stdout:
        "     Running unittests src/lib.rs (target/debug/deps/a-0123456789abcdef)\n\nrunning 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
    },
    "unreadable",
  ],
  ["clippy without its last line", runners.clippy, { stdout: `{"reason":"compiler-artifact"}\n` }, "unfinished"],
])("%s", (_, runner, given, expected) => {
  expect(told(read(runner, given))).toEqual(expected)
})

test("golangci-lint's flags are those of the version that its configuration names", () => {
  const flags = (config: string | undefined) =>
    runners["golangci-lint"].command({
      argv: ["golangci-lint", "run"],
      reportDir: "/r",
      supplied: "/s",
      tree: { read: (path) => (path === ".golangci.yml" ? config : undefined), list: () => [] },
    }).argv[2]
  expect([flags('version: "2"\n'), flags("linters: {}\n"), flags(undefined)]).toEqual([
    "--output.json.path=/r/golangci-lint.json",
    "--out-format=json:/r/golangci-lint.json",
    "--output.json.path=/r/golangci-lint.json",
  ])
})
