import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { git } from "../lib/git.ts"
import { loadLoop } from "./load.ts"
import { checkoutTree, commitTree, loopFiles } from "./tree.ts"

const loopText = `name: x
steps:
  - discover: { run: failing_tests }
  - act: { spawn: fixer(finding) }
  - verify: { check: tests_pass AND smoke, agent: judge }
  - ship: { run: open_pr }
guardrails: { max_findings: 5 }
`

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "flyball-spec-"))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function files(contents: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const load = (text = loopText) => loadLoop({ file: "l.yaml", text }, { repo: root })

const usual = {
  ".flyball/agents/fixer.md":
    "---\nname: fixer\ndescription: Fixes.\nuse: command\ncommand: [./fix.sh, --all]\ncost: $0.10/attempt\n---\nFix it well.\n",
  ".claude/agents/fixer.md": "---\nname: fixer\ndescription: Another.\n---\n",
  ".codex/agents/judge.toml":
    'name = "judge"\ndescription = "Judges."\ndeveloper_instructions = """\nBe strict.\n"""\nmodel = "gpt-5"\nmodel_reasoning_effort = "high"\nsandbox_mode = "read-only"\n',
  ".flyball/checks.yaml": "tests_pass: npx vitest run\nsmoke: { run: ./smoke.sh, timeout: 90s }\n",
  ".flyball/config.yaml":
    "defaults:\n  autonomy: report\n  guardrails: { budget: $40/day, max_findings: 9, protect: [ db/** ] }\nconnectors:\n  github: { repository: o/r }\n",
}

test("agents, checks and defaults come from the repository's files, in the documented order", async () => {
  await files(usual)
  const { loop, diagnostics, names } = await load()
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(loop?.agents.fixer).toEqual({
    name: "fixer",
    use: "command",
    description: "Fixes.",
    command: ["./fix.sh", "--all"],
    usdPerAttempt: 0.1,
    instructions: "Fix it well.",
    skills: [],
    from: ".flyball/agents/fixer.md",
  })
  expect(loop?.agents.judge).toMatchObject({
    use: "codex",
    model: "gpt-5",
    effort: "high",
    instructions: "Be strict.",
    from: ".codex/agents/judge.toml",
  })
  expect(loop?.checks.tests_pass).toEqual({
    name: "tests_pass",
    kind: "tests",
    run: "npx vitest run",
    timeoutMs: 600_000,
    from: ".flyball/checks.yaml",
  })
  expect(loop?.checks.smoke).toMatchObject({ kind: "exit", timeoutMs: 90_000 })
  expect(loop).toMatchObject({
    autonomy: "report",
    guardrails: { budget: { usdPerDay: 40 }, maxFindings: 5, protect: ["db/**"] },
  })
  expect(names).toContainEqual({ kind: "check", name: "smoke", became: "./smoke.sh", from: ".flyball/checks.yaml" })
  expect(names).toContainEqual({
    kind: "agent",
    name: "judge",
    became: "codex gpt-5",
    from: ".codex/agents/judge.toml",
  })
})

test("the loop file stands above all files, and says what it hides", async () => {
  await files(usual)
  const { loop, diagnostics } = await load(
    `${loopText}agents: { fixer: { use: codex } }\nchecks: { smoke: ./other.sh }\n`,
  )
  expect(loop?.agents.fixer).toMatchObject({ use: "codex", from: "loop" })
  expect(loop?.checks.smoke).toMatchObject({ run: "./other.sh", from: "loop" })
  expect(diagnostics.find(({ code }) => code === "AGENT_HIDDEN")).toMatchObject({ severity: "info", line: 8 })
})

test("checks found in the project stand below those that are written, and above nothing", async () => {
  await files({ ...usual, ".flyball/checks.yaml": "smoke: ./smoke.sh\n" })
  const found = { name: "tests_pass", kind: "tests", run: "npm test", timeoutMs: 1000, from: "package.json" } as const
  const { loop } = await loadLoop(
    { file: "l.yaml", text: loopText },
    { repo: root, surroundings: { checks: [found, { ...found, name: "smoke", run: "npm run smoke" }] } },
  )
  expect(loop?.checks.tests_pass).toEqual(found)
  expect(loop?.checks.smoke).toMatchObject({ run: "./smoke.sh" })
})

test.each([
  [
    "no name",
    ".claude/agents/judge.md",
    "---\ndescription: Judges.\n---\nBe strict.\n",
    "AGENT_FILE_INCOMPLETE",
    "2:1",
  ],
  ["no description", ".claude/agents/judge.md", "---\nname: judge\n---\n", "AGENT_FILE_INCOMPLETE", "2:1"],
  ["no frontmatter", ".claude/agents/judge.md", "Be strict.\n", "AGENT_FILE_INCOMPLETE", "1:1"],
  [
    "a name for another key",
    ".codex/agents/judge.toml",
    'name = "judge"\ndescription = "d"\ninstructions = "x"\n',
    "UNKNOWN_KEY",
    "3:1",
  ],
])("an agent's file with %s is used, and reported where others pass over it", async (_, path, text, code, at) => {
  await files({ ...usual, ".codex/agents/judge.toml": 'name = "other"\ndescription = "d"\n', [path]: text })
  const { loop, diagnostics } = await load()
  expect(
    diagnostics.find((each) => each.code === code && each.file === path && `${each.line}:${each.column}` === at),
  ).toMatchObject({ severity: "warning" })
  expect(loop?.agents.judge?.from).toBe(path)
})

test.each([
  [
    "a mistyped key",
    ".flyball/agents/judge.md",
    "---\nname: judge\ndescription: d\nmodle: x\n---\n",
    "UNKNOWN_KEY",
    "4:1",
  ],
  [
    "a mistyped use",
    ".flyball/agents/judge.md",
    "---\nname: judge\ndescription: d\nuse: cluade\n---\n",
    "UNKNOWN_VALUE",
    "4:6",
  ],
  ["broken YAML", ".flyball/agents/judge.md", "---\nname: judge\ndescription: a: b\n---\n", "YAML_SYNTAX", "3:14"],
  ["broken TOML", ".codex/agents/judge.toml", 'name = "judge"\ndescription = \n', "TOML_SYNTAX", "2:15"],
])("an agent's file with %s is an error where the loop uses it", async (_, path, text, code, at) => {
  await files({ ...usual, [path]: text })
  const { loop, diagnostics } = await load()
  const found = diagnostics.find((each) => each.code === code && each.file === path)
  expect(found && `${found.line}:${found.column} ${found.severity}`).toBe(`${at} error`)
  expect(loop).toBeUndefined()
})

test("a broken file of an agent that the loop doesn't use is only a warning", async () => {
  await files({ ...usual, ".flyball/agents/other.md": "---\nname: other\ndescription: d\nuse: cluade\n---\n" })
  const { loop, diagnostics } = await load()
  expect(loop).toBeDefined()
  expect(diagnostics.find(({ file }) => file === ".flyball/agents/other.md")).toMatchObject({
    severity: "warning",
    code: "UNKNOWN_VALUE",
  })
})

test("Claude Code's own keys are tolerated, and its `inherit` is no model", async () => {
  await files({
    ...usual,
    ".codex/agents/judge.toml": 'name = "other"\ndescription = "d"\n',
    ".claude/agents/judge.md":
      "---\nname: judge\ndescription: Judges.\ntools: Read, Grep\nmodel: inherit\npermissionMode: plan\nmaxTurns: 9\nskills: testing, review\ncolor: red\nsomethingNew: 1\n---\nBe strict.\n",
  })
  const { loop } = await load()
  expect(loop?.agents.judge).toEqual({
    name: "judge",
    use: "claude",
    description: "Judges.",
    skills: ["testing", "review"],
    instructions: "Be strict.",
    from: ".claude/agents/judge.md",
  })
})

test.each([
  [".flyball/checks.yaml", "tests_pass: { runn: npm test }\nsmoke: x\n", "UNKNOWN_KEY", "1:15"],
  [".flyball/checks.yaml", "tests_pass: 3\nsmoke: x\n", "WRONG_TYPE", "1:13"],
  [".flyball/checks.yaml", "diff_reasonable: x\n", "BUILTIN_CHECK", "1:1"],
  [".flyball/config.yaml", "default: {}\n", "UNKNOWN_KEY", "1:1"],
  [".flyball/config.yaml", "defaults: { guardrails: { budget: $5 } }\n", "BAD_BUDGET", "1:35"],
  [".flyball/config.yaml", "defaults: { guardrails: { licences: [MIT, GPL] } }\n", "BAD_LICENCE", "1:43"],
  [".flyball/config.yaml", "trust: { authors: [OWNER, alice] }\n", "BAD_AUTHOR", "1:27"],
  [".flyball/config.yaml", "trust: { authors: MEMBERS }\n", "BAD_AUTHOR", "1:19"],
  [".flyball/config.yaml", "trust: { author: OWNER }\n", "UNKNOWN_KEY", "1:10"],
  [".flyball/config.yaml", "trust: [OWNER]\n", "WRONG_TYPE", "1:8"],
])("what is wrong in %s is told there: %j", async (path, text, code, at) => {
  await files({ ...usual, [path]: text })
  const { diagnostics } = await load()
  const found = diagnostics.find((each) => each.file === path && each.code === code)
  expect(found && `${found.line}:${found.column}`).toBe(at)
})

test("the same is read from a commit's tree, whatever stands in the checkout", async () => {
  await files({ ...usual, ".flyball/loops/x.yaml": loopText })
  await git(["init", "-q", "-b", "main"], { cwd: root })
  await git(["add", "-A"], { cwd: root })
  await git(["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"], { cwd: root })
  const fromCheckout = await loadLoop({ file: ".flyball/loops/x.yaml" }, { repo: root, tree: checkoutTree(root) })
  await rm(join(root, ".flyball"), { recursive: true })
  await rm(join(root, ".codex"), { recursive: true })
  const tree = commitTree(root, "HEAD")
  const fromCommit = await loadLoop({ file: ".flyball/loops/x.yaml" }, { repo: root, tree })
  expect(fromCommit.loop).toEqual(fromCheckout.loop)
  expect(fromCommit.loop).toBeDefined()
  expect(await loopFiles(tree)).toEqual([".flyball/loops/x.yaml"])
  expect((await loadLoop({ file: ".flyball/loops/x.yaml" }, { repo: root })).diagnostics).toMatchObject([
    { code: "FILE_NOT_FOUND" },
  ])
})
