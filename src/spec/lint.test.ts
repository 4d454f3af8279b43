import { describe, expect, test } from "vitest"
import type { AgentSpec } from "../core/loop.ts"
import { load, loop } from "./testing.ts"

const agents = (implementer: string, reviewer: string) =>
  loop({ more: `agents:\n  implementer: ${implementer}\n  reviewer: ${reviewer}` })

describe("T5: the checker is never the maker", () => {
  test.each([
    ["the same agent", loop({ verify: "  - verify: { check: tests_pass, agent: implementer }" })],
    [
      "the same command, spaced otherwise",
      agents("{ use: command, command: 'npm  run   fix' }", "{ use: command, command: npm run fix }"),
    ],
    [
      "the same command, as a list",
      agents("{ use: command, command: npm run 'fix' }", "{ use: command, command: [npm, run, fix] }"),
    ],
    [
      "the same command, through a shell",
      agents("{ use: command, command: ./fix.sh }", '{ use: command, command: [sh, -c, "./fix.sh"] }'),
    ],
    ["the same agent with its default model", agents("{ use: claude }", "{ use: claude }")],
    [
      "the same model of two tools",
      agents("{ use: claude, model: claude-sonnet-5 }", "{ use: opencode, model: anthropic/claude-sonnet-5 }"),
    ],
    [
      "the maker's later rung",
      agents("{ use: claude, model: sonnet, then: { model: opus } }", "{ use: claude, model: opus }"),
    ],
    ["the same recording", agents("{ use: replay, recording: r }", "{ use: replay, recording: r }")],
  ])("%s is an error", async (_, text) => {
    const { diagnostics } = await load(text)
    expect(diagnostics.filter(({ code }) => code === "MAKER_IS_CHECKER")).toMatchObject([
      { severity: "error", line: 6, column: 41 },
    ])
  })

  test("another model of the same family is a warning, and an error under strict", async () => {
    const text = agents("{ use: claude, model: sonnet }", "{ use: claude, model: opus }")
    expect((await load(text)).diagnostics.find(({ code }) => code === "SAME_FAMILY")?.severity).toBe("warning")
    expect((await load(text, {}, true)).diagnostics.find(({ code }) => code === "SAME_FAMILY")?.severity).toBe("error")
    expect((await load(`${text}strict: true\n`)).loop).toBeUndefined()
  })

  test("`auto` is compared as a run would choose it", async () => {
    const alone = (agent: AgentSpec): AgentSpec => ({ ...agent, use: "claude", model: "sonnet" })
    const { diagnostics } = await load(loop({}), { choose: alone })
    expect(diagnostics.find(({ code }) => code === "MAKER_IS_CHECKER")).toBeDefined()
    expect((await load(loop({}))).loop).toBeDefined()
  })

  test("different commands, and agents of different makers, are fine", async () => {
    for (const text of [
      agents("{ use: command, command: ./fix.sh }", "{ use: command, command: ./review.sh }"),
      agents("{ use: claude }", "{ use: codex }"),
    ])
      expect((await load(text)).diagnostics.filter(({ code }) => /CHECKER|FAMILY/.test(code))).toEqual([])
  })
})

test.each([
  ["no budget", loop({ guardrails: "" }), "NO_BUDGET", "warning"],
  ["only an agent's opinion", loop({ verify: "  - verify: { agent: reviewer }" }), "ONLY_OPINIONS", "warning"],
  ["nothing that verifies", loop({ verify: "" }), "NO_VERIFICATION", "error"],
  [
    "a goal in prose that no check measures",
    loop({ verify: "  - verify: { agent: reviewer }", more: "goal: { done_when: all is nice }" }),
    "GOAL_NOT_MEASURABLE",
    "error",
  ],
  [
    "a ceiling above the one that holds it",
    loop({ guardrails: "guardrails: { budget: [ $50/run, $40/day ] }" }),
    "BUDGET_CONTRADICTION",
    "warning",
  ],
])("%s is pointed out", async (_, text, code, severity) => {
  expect((await load(text)).diagnostics.find((each) => each.code === code)?.severity).toBe(severity)
})

test("M2: makers that are commands and cost nothing need no budget", async () => {
  const text = loop({
    guardrails: "",
    verify: "  - verify: { check: tests_pass }",
    more: "agents:\n  implementer: { use: command, command: ./fix.sh }",
  })
  expect((await load(text)).diagnostics.filter(({ code }) => code === "NO_BUDGET")).toEqual([])
})

test.each([
  ["a triager", { discover: "  - discover: { run: failing_tests, triage: triager }" }, 1],
  ["an explorer", { discover: "  - discover: { run: agent(scout) }", more: "agents: { scout: { use: claude } }" }, 1],
  ["nobody who is paid", { discover: "  - discover: { run: failing_tests }" }, 0],
  [
    "an explorer that is a command",
    {
      discover: "  - discover: { run: agent(scout) }",
      more: "agents: { scout: { use: command, command: ./look.sh } }",
    },
    0,
  ],
])("M2: a loop that makes nothing and has %s: said of its budget %#", async (_, over, times) => {
  const text = loop({ act: "", verify: "", ship: "", guardrails: "", ...over })
  expect((await load(text)).diagnostics.filter(({ code }) => code === "NO_BUDGET")).toHaveLength(Number(times))
})

test.each([
  ["an agent that isn't installed", { agents: [] }, "AGENT_NOT_INSTALLED"],
  ["a check that the project lacks", { checks: [] }, "CHECK_NOT_FOUND"],
  [
    "a source that can't work",
    { sources: [{ name: "failing_tests", missing: "no test runner." }] },
    "SOURCE_UNAVAILABLE",
  ],
])("%s is a warning, and an error under strict", async (_, surroundings, code) => {
  expect((await load(loop({}), surroundings)).diagnostics.find((each) => each.code === code)?.severity).toBe("warning")
  expect((await load(loop({}), surroundings, true)).diagnostics.find((each) => each.code === code)?.severity).toBe(
    "error",
  )
})

test("asking strictly changes what is reported, never the loop", async () => {
  expect((await load(loop({}), {}, true)).loop).toEqual((await load(loop({}))).loop)
})

test("a comment after an agent's name is only a comment", async () => {
  const { loop: commented } = await load(
    loop({ verify: "  - verify:\n      check: tests_pass # AND lint_clean\n      agent: reviewer  # different model" }),
  )
  expect(commented?.hash).toBe((await load(loop({}))).loop?.hash)
})

test("`done_when` in names of checks is a layer, once", async () => {
  const { loop: added } = await load(loop({ more: "goal: { done_when: tests_pass AND types }" }))
  expect(added?.steps.verify.layers[0]).toEqual({
    by: "check",
    expr: { and: [{ check: "tests_pass" }, { check: "types" }] },
  })
  const { loop: held } = await load(loop({ more: "goal: { done_when: tests_pass }" }))
  expect(held?.steps.verify.layers).toHaveLength(2)
  const { loop: alone } = await load(loop({ verify: "", more: "goal: { done_when: tests_pass AND lint_clean }" }))
  expect(alone?.steps.verify.layers).toHaveLength(1)
})
