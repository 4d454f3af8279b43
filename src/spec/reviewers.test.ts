import { describe, expect, test } from "vitest"
import type { AgentSpec, Layer } from "../core/loop.ts"
import { rolesIn } from "../core/loop-roles.ts"
import { explain } from "./explain.ts"
import { load, loop } from "./testing.ts"

const three = "agents:\n  a: { use: codex }\n  b: { use: gemini }\n  c: { use: command, command: ./c.sh }"
const verified = (verify: string, more = three) => loop({ verify: `  - verify: ${verify}`, more })
const opinions = (layers: readonly Layer[] = []) => layers.filter(({ by }) => by !== "check")

describe("a panel of reviewers", () => {
  test.each([
    ["one name", "{ check: tests_pass, agent: a }", [{ by: "agent", agent: "a" }]],
    ["a list of one", "{ check: tests_pass, agent: [a] }", [{ by: "agent", agent: "a" }]],
    ["all of them", "{ check: tests_pass, agent: [a, b, c] }", [{ by: "panel", agents: ["a", "b", "c"], quorum: 3 }]],
    [
      "a quorum",
      "{ check: tests_pass, agent: [a, b, c], quorum: 2 }",
      [{ by: "panel", agents: ["a", "b", "c"], quorum: 2 }],
    ],
    [
      "layers, each with its own",
      "{ layers: [ { check: tests_pass }, { agent: a }, { agent: [b, c], quorum: 1 } ] }",
      [
        { by: "agent", agent: "a" },
        { by: "panel", agents: ["b", "c"], quorum: 1 },
      ],
    ],
  ])("%s", async (_, verify, expected) => {
    const { loop: loaded, diagnostics } = await load(verified(verify))
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
    expect(opinions(loaded?.steps.verify.layers)).toEqual(expected)
    if (loaded === undefined) return
    const again = await load(explain(loaded))
    expect(again.loop?.hash).toBe(loaded.hash)
  })

  test.each([
    ["the same name twice", "{ check: tests_pass, agent: [a, b, a] }", "REVIEWER_TWICE", 48],
    ["nobody", "{ check: tests_pass, agent: [] }", "BAD_PANEL", 41],
    ["a quorum above the panel", "{ check: tests_pass, agent: [a, b], quorum: 3 }", "BAD_QUORUM", 57],
    ["a quorum of none", "{ check: tests_pass, agent: [a, b], quorum: 0 }", "BAD_QUORUM", 57],
    ["a quorum of one reviewer", "{ check: tests_pass, agent: a, quorum: 2 }", "BAD_QUORUM", 52],
    ["a quorum of nobody", "{ check: tests_pass, quorum: 1 }", "NEEDLESS_KEY", 34],
    ["a quorum in words", "{ check: tests_pass, agent: [a, b], quorum: most }", "WRONG_TYPE", 57],
    ["a crowd", `{ check: tests_pass, agent: [${"abcdefghij".split("").join(", ")}] }`, "BAD_PANEL", 41],
    ["an agent that nobody knows", "{ check: tests_pass, agent: [a, nobody] }", "UNKNOWN_AGENT", 45],
    ["a panel beside layers", "{ layers: [ { check: tests_pass } ], agent: [a, b] }", "SAID_TWICE", 50],
  ])("%s is an error with its place", async (_, verify, code, column) => {
    const { loop: loaded, diagnostics } = await load(verified(verify))
    expect(loaded).toBeUndefined()
    expect(diagnostics.filter((each) => each.code === code)).toMatchObject([{ severity: "error", line: 6, column }])
  })

  test("T5: each member is held against the maker", async () => {
    const more = `${three}\n  implementer: { use: command, command: sh -c ./c.sh }`
    const { diagnostics } = await load(verified("{ check: tests_pass, agent: [a, c] }", more))
    expect(diagnostics.find(({ code }) => code === "MAKER_IS_CHECKER")).toMatchObject({ line: 6, column: 45 })
  })

  test("T5: two of one opinion are a warning, and an error under strict", async () => {
    const twins = `${three}\n  d: { use: opencode, model: openai/gpt-6-sol }\n  e: { use: codex, model: gpt-6-sol }`
    const text = verified("{ check: tests_pass, agent: [d, b, e] }", twins)
    const found = (await load(text)).diagnostics.find(({ code }) => code === "SAME_OPINION")
    expect(found).toMatchObject({ severity: "warning", line: 6, column: 48 })
    expect(found?.message).toContain("both ran the model")
    expect((await load(text, {}, true)).diagnostics.find(({ code }) => code === "SAME_OPINION")?.severity).toBe("error")
  })

  test("members that are `auto` are chosen beside each other", async () => {
    const seen: string[][] = []
    const choose = (agent: AgentSpec, _maker?: AgentSpec, beside: readonly AgentSpec[] = []): AgentSpec => {
      seen.push(beside.map(({ use }) => use))
      const use = (["claude", "codex", "gemini"] as const)[beside.length] ?? "pi"
      return agent.use === "auto" ? { ...agent, use, model: `model-of-${use}` } : agent
    }
    const autos = "agents:\n  a: { use: auto }\n  b: { use: auto }\n  c: { use: auto }"
    const { diagnostics } = await load(verified("{ check: tests_pass, agent: [a, b, c] }", autos), { choose })
    expect(diagnostics.filter(({ code }) => code === "SAME_OPINION")).toEqual([])
    expect(seen).toContainEqual(["claude", "codex"])
  })

  test("every member is a reviewer, for whoever resolves names", async () => {
    const { loop: loaded } = await load(verified("{ check: tests_pass, agent: [a, b] }"))
    const reviewers = loaded === undefined ? [] : rolesIn(loaded).filter(({ role }) => role === "reviewer")
    expect(reviewers.map(({ agent }) => agent)).toEqual(["a", "b"])
  })
})

describe("an evaluator", () => {
  const goal = (text: string, verify = "{ check: tests_pass }", more = three) =>
    loop({ verify: `  - verify: ${verify}`, more: `${more}\ngoal: ${text}` })

  test("it comes after all but a person's approval, and is the goal's in the explanation", async () => {
    const layers = '{ layers: [ { check: tests_pass }, { agent: a }, { approve: { by: "@x" } } ] }'
    const { loop: loaded, diagnostics } = await load(
      goal("{ done_when: all is documented, evaluator: evaluator }", layers),
    )
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
    expect(loaded?.steps.verify.layers.map(({ by }) => by)).toEqual(["check", "agent", "evaluator", "approve"])
    expect(loaded?.agents.evaluator).toMatchObject({ use: "auto", from: "builtin" })
    if (loaded === undefined) return
    const explained = explain(loaded)
    expect(explained).toContain("evaluator: evaluator")
    expect((await load(explained)).loop?.hash).toBe(loaded.hash)
    expect(rolesIn(loaded)).toContainEqual({ role: "evaluator", agent: "evaluator" })
  })

  test.each([
    ["no goal in words", "{ metrics: [ { name: x, run: ./x.sh, target: 0 } ], evaluator: a }", "MISSING_KEY", "error"],
    ["a goal that names checks", "{ done_when: tests_pass AND types, evaluator: a }", "NEEDLESS_KEY", "warning"],
    ["an agent that nobody knows", "{ done_when: all is well, evaluator: nobody }", "UNKNOWN_AGENT", "error"],
    ["the maker", "{ done_when: all is well, evaluator: implementer }", "MAKER_IS_CHECKER", "error"],
  ])("%s: %s", async (_, text, code, severity) => {
    const { diagnostics } = await load(goal(text))
    expect(diagnostics.find((each) => each.code === code)?.severity).toBe(severity)
  })

  test("alone it is no machine check", async () => {
    const { diagnostics } = await load(goal("{ done_when: all is well, evaluator: a }", "{ agent: b }"))
    expect(diagnostics.find(({ code }) => code === "GOAL_NOT_MEASURABLE")?.severity).toBe("error")
  })
})
