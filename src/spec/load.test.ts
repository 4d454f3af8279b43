import { readFile } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { renderDiagnostics } from "./diagnostic.ts"
import { loadLoop } from "./load.ts"
import { load, loop, nothing } from "./testing.ts"

async function fixture(name: string) {
  const text = await readFile(new URL(`./fixtures/${name}.yaml`, import.meta.url), "utf8")
  return loadLoop({ file: `.flyball/loops/${name}.yaml`, text }, { repo: "/repo", tree: nothing })
}

test("the shortest useful loop loads as it stands, with every default filled in", async () => {
  const { loop: loaded, diagnostics } = await fixture("daily-triage")
  expect(diagnostics.filter(({ severity }) => severity !== "info")).toEqual([])
  expect(loaded).toMatchObject({
    name: "daily-triage",
    source: { repo: "/repo", path: ".flyball/loops/daily-triage.yaml" },
    trigger: [{ on: "cron", expression: "0 9 * * MON-FRI" }],
    autonomy: "draft",
    isolation: "worktree",
    strict: false,
    agents: { implementer: { use: "auto", from: "builtin" }, reviewer: { use: "auto", from: "builtin" } },
    steps: {
      discover: {
        run: [{ name: "scan_ci_failures" }, { name: "open_issues" }, { name: "recent_commits" }],
        writeTo: ".flyball/state/triage.md",
      },
      act: { agent: "implementer", maxParallel: 2 },
      verify: {
        layers: [
          {
            by: "check",
            expr: { and: [{ check: "tests_pass" }, { check: "lint_clean" }, { check: "diff_reasonable" }] },
          },
          { by: "agent", agent: "reviewer" },
        ],
      },
      ship: { if: "verified", run: [{ name: "open_pr" }, { name: "link_issue" }, { name: "notify_slack" }], then: [] },
    },
    guardrails: {
      maxIterations: 3,
      budget: { usdPerRun: 5 },
      haltOn: { noProgress: 2, sameError: 3, repeatedOutput: 3 },
      timeoutMs: 2_700_000,
      silenceMs: 600_000,
      reviewWip: 3,
      maxDiff: { files: 10, lines: 400 },
      maxFindings: 20,
      protect: [],
    },
    hooks: {},
  })
  expect(loaded?.hash).toMatch(/^[0-9a-f]{64}$/)
})

test("the full loop of the documentation loads as it stands; what is not delivered yet is named at its place", async () => {
  const { loop: loaded, diagnostics } = await fixture("ci-fixer")
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(loaded).toMatchObject({
    trigger: [
      { on: "every", everyMs: 900_000 },
      { on: "signal", signal: "github.check_run.failed" },
      { on: "webhook", connector: "sentry" },
      { on: "after", loop: "dependency-bumps" },
      { on: "manual" },
    ],
    agents: {
      implementer: {
        use: "claude",
        model: "sonnet",
        effort: "medium",
        skills: ["testing"],
        then: { use: "claude", model: "opus" },
      },
    },
    checks: { tests_pass: { run: "npm test", kind: "tests" }, types: { run: "npx tsc --noEmit", timeoutMs: 300_000 } },
    steps: {
      discover: { run: [{ name: "failing_checks", args: ["github"] }], triage: "triager" },
      plan: { agent: "planner" },
      act: { maxParallel: 4 },
      ship: {
        then: [
          { name: "wait_ci", named: { rounds: 2 } },
          { name: "wait_review" },
          { name: "merge" },
          { name: "watch_deploy", args: ["30m"] },
        ],
      },
    },
    guardrails: {
      budget: { usdPerRun: 5, usdPerDay: 40, tokensPerDay: 30_000_000 },
      hours: "MON-FRI 07:00-19:00 Europe/Berlin",
      protect: ["**/*.test.*", ".github/**", ".flyball/**"],
    },
    hooks: { afterIsolate: "npm ci --prefer-offline", onEscalate: "./tell-the-team.sh" },
  })
  const later = diagnostics.filter(({ code }) => code === "NOT_AVAILABLE_YET")
  expect(later.find(({ message }) => message.startsWith("`webhook(sentry)`"))).toMatchObject({
    line: 7,
    column: 53,
    severity: "info",
  })
})

test("a resource becomes the same canonical loop as the usual form", async () => {
  const { loop: resource } = await fixture("resource")
  const { loop: usual } = await load(`name: keep-green
description: Keep main green.
trigger: [ every(15m) ]
goal:
  metrics: [ { name: failing_tests, run: ./count-failures.sh, target: 0 } ]
  done_when: tests_pass AND lint_clean
steps:
  - discover: { run: failing_tests }
  - act: { spawn: implementer(finding) }
  - verify: { agent: reviewer, check: tests_pass AND lint_clean }
  - ship: { run: open_pr }
guardrails: { budget: $5/run }
`)
  expect(resource?.hash).toBe(usual?.hash)
  expect(resource).toBeDefined()
})

type Wrong = [what: string, text: string, at: string, code: string, hint: string | undefined]

const syntax: Wrong[] = [
  ["an empty file", "", "1:1", "FILE_EMPTY", "flyball init"],
  ["nothing but a comment", "# later\n", "1:1", "FILE_EMPTY", "flyball init"],
  ["a list", "- a\n", "1:1", "YAML_NOT_A_MAPPING", undefined],
  ["no space after the colon", "name:x\n", "1:1", "YAML_NOT_A_MAPPING", "space must follow the colon"],
  ["a tab", "name: x\nsteps:\n\t- discover: {}\n", "3:1", "YAML_TAB", undefined],
  ["a key twice", loop({ name: "name: x\nname: y" }), "2:1", "YAML_DUPLICATE_KEY", "Keep one"],
  ["two documents", `${loop({})}---\nname: y\n`, "11:1", "YAML_SEVERAL_DOCUMENTS", "One file, one loop"],
  [
    "an unquoted glob",
    loop({ guardrails: "guardrails: { budget: $5/run, protect: [ **/*.ts ] }" }),
    "8:42",
    "YAML_ALIASES",
    "needs quotes",
  ],
  ["an unquoted !", loop({ ship: "  - ship: { run: open_pr, if: !verified }" }), "7:31", "YAML_TAG", '"!verified"'],
  ["an unquoted @", loop({ more: "agents: { a: { description: @pay } }" }), "9:29", "YAML_SYNTAX", "quotes"],
  [
    "quotes inside quotes",
    loop({ trigger: 'trigger: "cron("0 9 * * *")"' }),
    "2:17",
    "YAML_SYNTAX",
    "Quotes inside quotes",
  ],
  ["a second colon", loop({ more: "description: a: b" }), "9:14", "YAML_SYNTAX", "quotes"],
  [
    "an alias bomb",
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n`,
    "1:1",
    "YAML_ALIASES",
    "Write the values out",
  ],
  ["brackets without end", `a: ${"[".repeat(20_000)}`, "1:204", "YAML_TOO_DEEP", undefined],
  ["a binary file", "name: \u0000\n", "1:7", "NOT_TEXT", "UTF-8"],
  ["a huge file", `# ${"x".repeat(300_000)}\n`, "1:1", "FILE_TOO_LARGE", undefined],
]

const keys: Wrong[] = [
  ["a mistyped key", loop({ trigger: "triger: manual" }), "2:1", "UNKNOWN_KEY", "`trigger`"],
  ["another tool's key", loop({ trigger: "on: push" }), "2:1", "UNKNOWN_KEY", "`trigger`"],
  ["a key in the wrong place", loop({ more: "max_iterations: 3" }), "9:1", "UNKNOWN_KEY", "belongs under `guardrails`"],
  [
    "camel case",
    loop({ guardrails: "guardrails: { budget: $5/run, maxIterations: 3 }" }),
    "8:31",
    "UNKNOWN_KEY",
    "`max_iterations`",
  ],
  ["an unknown step", loop({ ship: "  - publish: { run: open_pr }" }), "7:5", "UNKNOWN_KEY", "`ship`"],
  [
    "a step's key at the step's depth",
    loop({ ship: "  - ship: { run: open_pr }\n    if: verified" }),
    "8:5",
    "UNKNOWN_KEY",
    "under `ship`",
  ],
  [
    "a comma that YAML takes",
    loop({ ship: "  - ship: { run: open_pr, then: wait_ci(rounds=2, x=3) }" }),
    "7:51",
    "UNKNOWN_KEY",
    "quotes",
  ],
  ["a prototype", loop({ more: "__proto__: 1" }), "9:1", "UNKNOWN_KEY", "Known here"],
  ["no name", loop({ name: "# nameless" }), "2:1", "MISSING_KEY", "name: daily-triage"],
  ["no steps", "name: x\n", "1:1", "MISSING_KEY", "steps:"],
  ["no spawn", loop({ act: "  - act: { for_each: finding }" }), "5:5", "MISSING_KEY", "spawn: implementer(finding)"],
  [
    "no sources",
    loop({ discover: "  - discover: { write_to: state/t.md }" }),
    "4:5",
    "MISSING_KEY",
    "run: failing_tests",
  ],
  [
    "no discover step",
    loop({ discover: "", act: "  - act: { spawn: implementer(finding) }" }),
    "3:1",
    "MISSING_KEY",
    "- discover",
  ],
  ["an empty value", loop({ more: "description:" }), "9:1", "EMPTY_VALUE", "remove the line"],
  [
    "a resource of another version",
    "apiVersion: flyball.dev/v2\nkind: Loop\nmetadata: { name: x }\nspec: {}\n",
    "1:13",
    "WRONG_TYPE",
    undefined,
  ],
  [
    "a mistyped key in a resource",
    "apiVersion: flyball.dev/v1\nkind: Loop\nmetadata: { name: x }\nspec: { trigers: manual }\n",
    "4:9",
    "UNKNOWN_KEY",
    "`trigger`",
  ],
]

const values: Wrong[] = [
  [
    "a number in quotes",
    loop({ guardrails: 'guardrails: { budget: $5/run, max_iterations: "3" }' }),
    "8:47",
    "WRONG_TYPE",
    "`3`",
  ],
  ["yes for true", loop({ more: "strict: yes" }), "9:9", "WRONG_TYPE", "`true`"],
  [
    "half an iteration",
    loop({ guardrails: "guardrails: { budget: $5/run, max_iterations: 2.5 }" }),
    "8:47",
    "WRONG_TYPE",
    undefined,
  ],
  [
    "no iterations",
    loop({ guardrails: "guardrails: { budget: $5/run, max_iterations: 0 }" }),
    "8:47",
    "OUT_OF_RANGE",
    undefined,
  ],
  [
    "a best of one",
    loop({ act: "  - act: { spawn: implementer(finding), best_of: 1 }" }),
    "5:50",
    "OUT_OF_RANGE",
    "leave it out",
  ],
  [
    "a best of too many",
    loop({ act: "  - act: { spawn: implementer(finding), best_of: 6 }" }),
    "5:50",
    "OUT_OF_RANGE",
    undefined,
  ],
  [
    "a best of names",
    loop({ act: "  - act: { spawn: implementer(finding), best_of: [a, b] }" }),
    "5:50",
    "WRONG_TYPE",
    undefined,
  ],
  [
    "a plan that names nobody",
    loop({ act: "  - plan: {}\n  - act: { spawn: implementer(finding) }" }),
    "5:5",
    "MISSING_KEY",
    "spawn: planner(finding)",
  ],
  [
    "a planner that nobody knows",
    loop({ act: "  - plan: { spawn: planer(finding) }\n  - act: { spawn: implementer(finding) }" }),
    "5:20",
    "UNKNOWN_AGENT",
    "`planner`",
  ],
  ["steps as a mapping", "name: x\nsteps:\n  discover: { run: failing_tests }\n", "3:3", "WRONG_TYPE", undefined],
  ["an unknown autonomy", loop({ more: "autonomy: drafts" }), "9:11", "UNKNOWN_VALUE", "`draft`"],
  ["a name with a space", loop({ name: "name: Daily Triage!" }), "1:7", "BAD_NAME", "`daily-triage`"],
  [
    "two steps in one",
    loop({ discover: "  - discover: { run: failing_tests }\n    act: { spawn: implementer(finding) }", act: "" }),
    "5:5",
    "STEP_SHAPE",
    "- act:",
  ],
  [
    "steps out of order",
    loop({ discover: "  - act: { spawn: implementer(finding) }", act: "  - discover: { run: failing_tests }" }),
    "5:5",
    "STEP_ORDER",
    "discover, plan, act",
  ],
  [
    "a step twice",
    loop({ ship: "  - ship: { run: open_pr }\n  - ship: { run: open_pr }" }),
    "8:5",
    "STEP_TWICE",
    undefined,
  ],
  ["setup twice", loop({ more: "setup: npm ci\nhooks: { after_isolate: npm ci }" }), "9:1", "SAID_TWICE", "Keep one"],
  [
    "two isolations",
    loop({ act: "  - act: { spawn: implementer(finding), isolation: clone }", more: "isolation: sandbox" }),
    "5:52",
    "SAID_TWICE",
    "Keep one",
  ],
  ["money without a period", loop({ guardrails: "guardrails: { budget: $5 }" }), "8:23", "BAD_BUDGET", "$5/run"],
  ["money as a number", loop({ guardrails: "guardrails: { budget: 5 }" }), "8:23", "WRONG_TYPE", "`$5/run`"],
  ["the sign behind", loop({ guardrails: "guardrails: { budget: 5$/run }" }), "8:23", "BAD_BUDGET", "`$5/run`"],
  ["a budget per week", loop({ guardrails: "guardrails: { budget: $5/week }" }), "8:26", "BAD_BUDGET", "day or month"],
  ["a ceiling twice", loop({ guardrails: "guardrails: { budget: [ $5/run, $6/run ] }" }), "8:33", "BAD_BUDGET", "Keep"],
  [
    "a duration without a unit",
    loop({ guardrails: "guardrails: { budget: $5/run, timeout: 45 }" }),
    "8:40",
    "WRONG_TYPE",
    "`45m`",
  ],
  [
    "a duration in words",
    loop({ guardrails: "guardrails: { budget: $5/run, timeout: 45 min }" }),
    "8:40",
    "BAD_DURATION",
    "`45m`",
  ],
  [
    "an unknown rule",
    loop({ guardrails: "guardrails: { budget: $5/run, halt_on: no_progres(2) }" }),
    "8:40",
    "BAD_HALT_ON",
    "`no_progress`",
  ],
  [
    "hours without minutes",
    loop({ guardrails: "guardrails: { budget: $5/run, hours: 9-5 }" }),
    "8:38",
    "BAD_HOURS",
    "07:00",
  ],
  [
    "a negated protection",
    loop({ guardrails: 'guardrails: { budget: $5/run, protect: [ "!a" ] }' }),
    "8:42",
    "BAD_GLOB",
    undefined,
  ],
]

const names: Wrong[] = [
  [
    "a mistyped check",
    loop({ verify: "  - verify: { check: test_pass AND lint_clean }" }),
    "6:22",
    "UNKNOWN_CHECK",
    "`tests_pass`",
  ],
  [
    "a mistyped check behind",
    loop({ verify: "  - verify: { check: tests_pass AND lint_cleen }" }),
    "6:37",
    "UNKNOWN_CHECK",
    "`lint_clean`",
  ],
  [
    "a mistyped agent",
    loop({ verify: "  - verify: { check: tests_pass, agent: reviwer }" }),
    "6:41",
    "UNKNOWN_AGENT",
    "`reviewer`",
  ],
  [
    "an agent that nobody defines",
    loop({ act: "  - act: { spawn: fixer(finding) }" }),
    "5:19",
    "UNKNOWN_AGENT",
    ".flyball/agents/fixer.md",
  ],
  [
    "a mistyped source",
    loop({ discover: "  - discover: { run: open_issues + faling_tests, write_to: state/t.md }" }),
    "4:36",
    "UNKNOWN_SOURCE",
    "`failing_tests`",
  ],
  ["a mistyped action", loop({ ship: "  - ship: { run: opn_pr }" }), "7:18", "UNKNOWN_ACTION", "`open_pr`"],
  [
    "a check list with a comma",
    loop({ verify: "  - verify: { check: 'tests_pass, lint_clean' }" }),
    "6:33",
    "BAD_CHECK",
    "AND",
  ],
  [
    "actions joined by AND",
    loop({ ship: "  - ship: { run: open_pr AND notify_slack }" }),
    "7:26",
    "BAD_CALL",
    "joined by `+`",
  ],
  [
    "CEL between checks",
    loop({ verify: "  - verify: { check: tests_pass && lint_clean }" }),
    "6:33",
    "BAD_CHECK",
    "tests_pass AND lint_clean",
  ],
  [
    "words in CEL",
    loop({ ship: "  - ship: { run: open_pr, if: verified AND finding.size == 'small' }" }),
    "7:40",
    "BAD_CONDITION",
    "verified && finding.size",
  ],
  [
    "a mistyped variable",
    loop({ ship: "  - ship: { run: open_pr, if: verifed }" }),
    "7:31",
    "BAD_CONDITION",
    "`verified`",
  ],
  [
    "a mistyped field on the second line",
    loop({ ship: "  - ship:\n      run: open_pr\n      if: |\n        verified &&\n        finding.sizes == 'small'" }),
    "11:17",
    "BAD_CONDITION",
    "`size`",
  ],
  [
    "verified before it is known",
    loop({ discover: "  - discover: { run: failing_tests, write_to: state/t.md, attempt_if: verified }" }),
    "4:71",
    "BAD_CONDITION",
    "finding.confidence",
  ],
  [
    "another file than write_to's",
    loop({ act: "  - act: { for_each: finding in state/x.md, spawn: implementer(finding) }" }),
    "5:33",
    "BAD_FOR_EACH",
    "state/t.md",
  ],
  [
    "a file that nothing writes",
    loop({ discover: "  - discover: { run: failing_tests }" }),
    "5:33",
    "BAD_FOR_EACH",
    "write_to: state/t.md",
  ],
  [
    "another variable",
    loop({ act: "  - act: { for_each: f in state/t.md, spawn: implementer(finding) }" }),
    "5:22",
    "BAD_FOR_EACH",
    "finding in state/t.md",
  ],
  [
    "another argument",
    loop({ act: "  - act: { spawn: implementer(task) }" }),
    "5:19",
    "BAD_SPAWN",
    "implementer(finding)",
  ],
  [
    "a path out of the repository",
    loop({
      discover: "  - discover: { run: failing_tests, write_to: ../../etc/x.md }",
      act: "  - act: { spawn: implementer(finding) }",
    }),
    "4:47",
    "BAD_PATH",
    "./",
  ],
  [
    "a cron pattern of six fields",
    loop({ trigger: 'trigger: cron("0 0 9 * * MON")' }),
    "2:16",
    "BAD_TRIGGER",
    "Seconds",
  ],
  ["the 30th of February", loop({ trigger: 'trigger: cron("0 0 30 2 *")' }), "2:16", "BAD_TRIGGER", undefined],
  [
    "a cron pattern alone",
    loop({ trigger: "trigger: 0 9 * * MON-FRI" }),
    "2:10",
    "BAD_TRIGGER",
    'cron("0 9 * * MON-FRI")',
  ],
  [
    "an unknown time zone",
    loop({ trigger: 'trigger: cron("0 9 * * *", "Europe/Berln")' }),
    "2:29",
    "BAD_TRIGGER",
    "IANA",
  ],
  [
    "a comma inside a list of triggers",
    loop({ trigger: 'trigger: [ cron("0 9,18 * * *"), manual ]' }),
    "2:17",
    "BAD_TRIGGER",
    "single quotes",
  ],
  ["every without a unit", loop({ trigger: "trigger: every(15)" }), "2:16", "BAD_TRIGGER", "15m"],
  ["a loop after itself", loop({ trigger: "trigger: after(x)" }), "2:10", "TRIGGERS_ITSELF", "every"],
  ["an agent as one word", loop({ more: "agents:\n  reviewer: codex" }), "10:13", "WRONG_TYPE", "{ use: codex }"],
  ["a mistyped use", loop({ more: "agents:\n  reviewer: { use: cluade }" }), "10:20", "UNKNOWN_VALUE", "`claude`"],
  [
    "a command agent without a command",
    loop({ more: "agents:\n  reviewer: { use: command }" }),
    "10:3",
    "MISSING_KEY",
    "command:",
  ],
  [
    "a check without a command",
    loop({ more: "checks:\n  tests_pass: { timeout: 5m }" }),
    "10:3",
    "MISSING_KEY",
    "npm test",
  ],
  [
    "a built-in check replaced",
    loop({ more: "checks:\n  protected_paths: 'true'" }),
    "10:3",
    "BUILTIN_CHECK",
    "another name",
  ],
]

describe.each([
  ["syntax", syntax],
  ["keys", keys],
  ["values", values],
  ["names", names],
])("wrong %s", (_, cases) => {
  test.each(cases)("%s is told where it stands", async (_what, text, at, code, hint) => {
    const { loop: loaded, diagnostics } = await load(text)
    expect(loaded).toBeUndefined()
    const errors = diagnostics.filter(({ severity }) => severity === "error")
    const found = errors.find((each) => each.code === code && `${each.line}:${each.column}` === at)
    expect(found, renderDiagnostics(diagnostics, { color: false })).toBeDefined()
    if (hint !== undefined) expect(found?.hint).toContain(hint)
  })
})

test("everything wrong is told at once, and nothing that merely follows from it", async () => {
  const { diagnostics } = await load(
    loop({
      trigger: "trigger: every(15)",
      ship: "  - ship: { run: opn_pr, if: verifed }",
      guardrails: 'guardrails: { budget: 5, max_iterations: "3", foo: 1 }',
    }),
  )
  expect(
    diagnostics
      .filter(({ severity }) => severity !== "info")
      .map(({ line, column, code }) => `${line}:${column} ${code}`),
  ).toEqual([
    "2:16 BAD_TRIGGER",
    "7:18 UNKNOWN_ACTION",
    "7:30 BAD_CONDITION",
    "8:23 WRONG_TYPE",
    "8:42 WRONG_TYPE",
    "8:47 UNKNOWN_KEY",
  ])
})

test.each([
  ["a byte order mark", (text: string) => `\ufeff${text}`],
  ["Windows line ends", (text: string) => text.replaceAll("\n", "\r\n")],
])("%s changes nothing, neither the loop nor the places", async (_, written) => {
  const sound = await load(written(loop({})))
  expect(sound.loop?.hash).toBe((await load(loop({}))).loop?.hash)
  const wrong = await load(written(loop({ trigger: "triger: manual" })))
  expect(wrong.diagnostics.find(({ code }) => code === "UNKNOWN_KEY")).toMatchObject({
    line: 2,
    column: 1,
    endColumn: 7,
  })
})

test("a code frame marks the place, in plain text and without control characters of the file", async () => {
  const { diagnostics } = await load(loop({ verify: "  - verify: { check: test_pass, agent: reviewer } # \u001b[2J" }))
  expect(renderDiagnostics(diagnostics, { color: false })).toContain(
    [
      "l.yaml:6:22  error  There is no check `test_pass`.  UNKNOWN_CHECK",
      "  5 │   - act: { for_each: finding in state/t.md, spawn: implementer(finding) }",
      "  6 │   - verify: { check: test_pass, agent: reviewer } #  [2J",
      "    │                      ^^^^^^^^^",
      "  hint: Did you mean `tests_pass`?",
    ].join("\n"),
  )
})
