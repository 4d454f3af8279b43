import { expect, test } from "vitest"
import { independence } from "./independence.ts"
import type { AgentSpec } from "./loop.ts"

function agent(name: string, facts: Partial<AgentSpec>): AgentSpec {
  return { name, use: "claude", skills: [], from: "loop", ...facts }
}

test.each([
  ["the same agent", agent("a", {}), agent("a", {}), "same"],
  [
    "the same model under two names",
    agent("a", { model: "claude-opus-5" }),
    agent("b", { model: "claude-opus-5-20270101" }),
    "same",
  ],
  ["the same tool with its default model", agent("a", {}), agent("b", {}), "same"],
  [
    "the same command, once as a list",
    agent("a", { use: "command", command: "node  fix.js" }),
    agent("b", { use: "command", command: ["node", "fix.js"] }),
    "same",
  ],
  [
    "the same command through a shell",
    agent("a", { use: "command", command: "sh -c './fix.sh --now'" }),
    agent("b", { use: "command", command: ["fix.sh", "--now"] }),
    "same",
  ],
  [
    "another command",
    agent("a", { use: "command", command: "fix" }),
    agent("b", { use: "command", command: "review" }),
    "independent",
  ],
  ["one family", agent("a", { model: "sonnet" }), agent("b", { model: "claude-opus-5" }), "same_family"],
  ["a default beside a named model of the same tool", agent("a", {}), agent("b", { model: "opus" }), "same_family"],
  ["another family", agent("a", { model: "sonnet" }), agent("b", { use: "codex", model: "gpt-5.4" }), "independent"],
  ["another tool", agent("a", {}), agent("b", { use: "codex" }), "independent"],
  [
    "the same model through another tool",
    agent("a", { model: "anthropic/claude-opus-5", use: "opencode" }),
    agent("b", { model: "claude-opus-5" }),
    "same",
  ],
  [
    "two that speak ACP, and start other programs",
    agent("a", { use: "acp", command: "goose acp" }),
    agent("b", { use: "acp", command: ["kilo", "--acp"] }),
    "independent",
  ],
  [
    "two that speak ACP, by the same command",
    agent("a", { use: "acp", command: "goose  acp" }),
    agent("b", { use: "acp", command: ["goose", "acp"] }),
    "same",
  ],
  [
    "two that speak ACP, started otherwise",
    agent("a", { use: "acp", command: "goose acp" }),
    agent("b", { use: "acp", command: "/usr/bin/goose acp --big" }),
    "same_family",
  ],
  [
    "an agent, and the same behind ACP",
    agent("a", { use: "gemini" }),
    agent("b", { use: "acp", command: "gemini --acp" }),
    "same",
  ],
] as const)("T5: %s", (_name, maker, checker, expected) => {
  expect(independence({ spec: maker }, { spec: checker }).is).toBe(expected)
})

test("T5: what really ran weighs more than what was asked for", () => {
  const maker = { spec: agent("a", { model: "sonnet" }), ranModel: "claude-opus-5" }
  expect(independence(maker, { spec: agent("b", { model: "opus" }), ranModel: "claude-opus-5" }).is).toBe("same")
})
