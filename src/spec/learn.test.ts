import { expect, test } from "vitest"
import { rolesIn } from "../core/loop-roles.ts"
import { loadLoop } from "./load.ts"
import type { ReadTree } from "./tree.ts"

const nothing: ReadTree = { read: async () => undefined, list: async () => [] }
const loop = (learn: string) => `name: fix
agents: { implementer: { use: claude, model: sonnet }, historian: { use: codex } }
steps:
  - discover: { run: stale_skills }
  - act: { for_each: finding, spawn: implementer(finding) }
  - verify: { check: diff_reasonable }
guardrails: { budget: $5/run }
${learn}
`
const load = (learn: string) => loadLoop({ file: "l.yaml", text: loop(learn) }, { repo: "/repo", tree: nothing })

test.each([
  ["", undefined],
  ["learn: false", undefined],
  ["learn: true", { agent: "scribe" }],
  ["learn: {}", { agent: "scribe" }],
  ["learn: { agent: historian }", { agent: "historian" }],
])("%j is read as %j", async (text, learn) => {
  const read = await load(text)
  expect(read.diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(read.loop?.learn).toEqual(learn)
})

test("the scribe is among the agents that a run announces, and has its role", async () => {
  const { loop: read, names } = await load("learn: true")
  expect(names).toContainEqual({ kind: "agent", name: "scribe", became: "auto", from: "builtin" })
  expect(read && rolesIn(read)).toContainEqual({ role: "scribe", agent: "scribe" })
})

test.each([
  ["learn: yes", "WRONG_TYPE", /must be true, or a mapping such as \{ agent: scribe \}/],
  ["learn: { by: x }", "UNKNOWN_KEY", /by/],
  ["learn: { agent: historain }", "UNKNOWN_AGENT", /historain/],
  ["lessons: true", "UNKNOWN_KEY", /lessons/],
])("%j is refused, with its place", async (text, code, message) => {
  const { diagnostics } = await load(text)
  expect(diagnostics).toContainEqual(
    expect.objectContaining({ code, line: 8, message: expect.stringMatching(message), severity: "error" }),
  )
})
